"""Find the key that is meant, by any of its names."""
