"""The step, commit, journal, recovery and replay that tie the packages together."""
