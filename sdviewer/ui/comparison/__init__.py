"""Two checkpoints side by side: what differs, module by module."""
