"""Builders and paths that tests share."""
