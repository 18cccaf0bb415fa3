"""One tab: a file that is loading, open, or could not be opened."""
