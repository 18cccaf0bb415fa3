"""The threads, without Qt."""
