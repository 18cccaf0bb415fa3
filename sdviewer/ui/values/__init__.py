"""The values of a tensor as a table that reads what it shows."""
