"""Qt item models: they show what is ready, and compute nothing."""
