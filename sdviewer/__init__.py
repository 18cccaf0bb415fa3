"""Look inside PyTorch checkpoints without executing anything in them."""
