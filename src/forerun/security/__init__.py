"""Identities and keys."""
