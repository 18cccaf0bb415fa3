"""The tree of sections, modules and tensors."""
