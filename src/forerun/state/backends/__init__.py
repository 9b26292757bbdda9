"""State stores, one file per backend."""
