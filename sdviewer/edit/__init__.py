"""A state_dict to another file."""
