"""What training left beside a model: optimizers, their state, and what it is of."""
