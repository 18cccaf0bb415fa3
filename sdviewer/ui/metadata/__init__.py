"""The values below a node as a tree that can be searched."""
