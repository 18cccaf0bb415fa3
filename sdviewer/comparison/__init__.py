"""Two checkpoints to what changed."""
