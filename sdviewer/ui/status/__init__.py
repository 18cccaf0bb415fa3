"""The status bar: what the file in front is, and what runs."""
