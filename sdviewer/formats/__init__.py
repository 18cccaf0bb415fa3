"""Bytes to descriptions: one reader a file format, none of which executes anything."""
