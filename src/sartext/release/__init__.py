"""From captions to a published dataset: splits, candidate, gate, assembly, publication and verification."""
