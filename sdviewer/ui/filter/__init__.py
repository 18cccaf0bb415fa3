"""The filter above the tree, and the finder of tensors by fuzzy names."""
