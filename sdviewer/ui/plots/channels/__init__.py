"""Norms, means and more of each channel of a tensor."""
