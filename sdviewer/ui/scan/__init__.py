"""The scan of a whole checkpoint, as a tab runs and shows it."""
