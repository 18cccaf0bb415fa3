"""Where the bytes of a module go."""
