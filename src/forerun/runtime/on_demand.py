"""Calls the user's functions that compute inputs, the same way for events, requests, hindsight and replay.

The value of a row is what the function gives for that row alone. Many rows in one call are a shortcut. It is
taken only if the last row comes out as it does alone: a function that looks at its neighbours is found out,
and called for each row.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forerun.features.on_demand import OnDemand
from forerun.runtime.rows import Column

BLOCK_ROWS = 64
"""Calls are of a multiple of so many rows, the last one repeated: the ends of arrays may be computed by other
instructions than the rest, with other last bits."""

REASON_CHARS_MAX = 200

Floats: TypeAlias = NDArray[np.float64]


def computed(name: str, item: OnDemand, vectors: pa.RecordBatch) -> tuple[Column, dict[int, str]]:
    """The values of an input that a function computes.

    Args:
        name: The input.
        item: The function and what it is given.
        vectors: A batch of the kernel, with a float64 column for each argument: "input#argument".

    Returns:
        float32, null where there is no value; and by row, why the function failed.
    """
    given = {
        argument: vectors.column(f"{name}#{argument}").to_numpy(zero_copy_only=False).astype(np.float64)
        for argument in item.args
    }
    rows = vectors.num_rows
    failed: dict[int, str] = {}
    values = _all(item, given, rows)
    if values is None:
        values = np.full(rows, np.nan)
        for row in range(rows):
            try:
                values[row] = _call(item, given, np.full(1, row))[0]
            except Exception as exc:  # noqa: BLE001  # whatever the user's code raises
                failed[row] = f"{name} failed: {_said(exc)}"
    return pa.array(values, pa.float64(), mask=~np.isfinite(values)).cast(pa.float32()), failed


def _all(item: OnDemand, given: Mapping[str, Floats], rows: int) -> Floats | None:
    """The values of all rows at once; None where they must be computed one by one."""
    if not rows:
        return np.zeros(0)
    try:
        values = _call(item, given, np.arange(rows))
        alone = _call(item, given, np.full(1, rows - 1))
    except Exception:  # noqa: BLE001  # which row it was, and why, is found by calling it for each
        return None
    return values if np.array_equal(values[-1:], alone, equal_nan=True) else None


def _call(item: OnDemand, given: Mapping[str, Floats], rows: NDArray[np.int64]) -> Floats:
    """Call the function with some rows.

    Raises:
        ValueError: It did not return one number for each row.
    """
    padded = np.concatenate([rows, np.full(-len(rows) % BLOCK_ROWS, rows[-1])])
    with np.errstate(all="ignore"):
        found = np.asarray(item.function(**{name: column[padded] for name, column in given.items()}))
    if found.shape != padded.shape or found.dtype.kind not in "biuf":
        raise ValueError(
            f"it returned {found.dtype} of shape {found.shape}, not a number for each of {len(padded)} rows"
        )
    return found[: len(rows)].astype(np.float64)


def _said(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= REASON_CHARS_MAX else f"{text[: REASON_CHARS_MAX - 1]}…"
