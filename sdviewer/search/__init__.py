"""Finding tensors: the filter's language, its evaluation over columns, and the fuzzy finder."""
