"""Optimizers: their groups, and what they keep of each parameter."""
