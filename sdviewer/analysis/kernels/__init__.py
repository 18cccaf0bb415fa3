"""The compiled loops; nothing else is compiled. Import it inside functions: it brings numba."""
