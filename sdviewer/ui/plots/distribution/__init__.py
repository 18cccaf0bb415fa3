"""The distribution of a tensor's values, of one or of several beside each other."""
