"""The registry of apps, features and models."""
