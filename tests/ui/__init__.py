"""The window, by real clicks, keys and drops."""
