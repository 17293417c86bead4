"""Progressive transfer: shards, the loop, checkpoints and resume, distribution."""
