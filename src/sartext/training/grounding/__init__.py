"""The grounder learns from boxes and masks: targets, batches, losses, validation."""
