"""Feature definitions and their compiled plan. Not their values: the kernel computes those."""
