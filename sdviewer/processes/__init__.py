"""The helper processes and how to talk to them."""
