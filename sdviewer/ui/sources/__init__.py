"""The source texts that a file carries, to be read and never run."""
