"""The compiled loops and how they come to be."""
