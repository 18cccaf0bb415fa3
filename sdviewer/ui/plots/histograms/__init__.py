"""Small histograms of all tensors of a module."""
