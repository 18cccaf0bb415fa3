"""The threads that keep work off the window."""
