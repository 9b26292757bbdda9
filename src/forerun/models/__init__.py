"""Model definitions, training, conversion and scoring. Not serving."""
