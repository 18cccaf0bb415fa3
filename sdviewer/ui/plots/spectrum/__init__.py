"""The spectrum of a tensor: its singular values, on demand."""
