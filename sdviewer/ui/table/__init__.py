"""The flat table of all tensors."""
