"""Statistics along the layers of a module."""
