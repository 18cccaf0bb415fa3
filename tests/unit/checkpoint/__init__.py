"""What a checkpoint is, without any file."""
