"""What the writer and the reader of a model file agree on; neither needs the other's libraries."""

INPUT = "input"
OUTPUT = "score"

INPUTS_KEY = "forerun.inputs"
"""Metadata: names of the inputs, a JSON list."""

MISSING_KEY = "forerun.missing"
"""Metadata: "taken" when NaN has a meaning to the model, "refused" when a row with NaN gets no score."""

ROWS_KEY = "forerun.rows"
"""Metadata: "together" when a batch gives the bits of single rows, "alone" when it must be cut into rows."""
