"""The export of a checkpoint: rules, what they make of it, and the file that is written."""
