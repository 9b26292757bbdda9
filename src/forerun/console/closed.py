"""Finding closed windows in the log: the newest, of one entity or of all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.console.format import iso

Entity: TypeAlias = Mapping[str, object]
"""Parts of a key, and the value each must have."""


def newest(closed: pa.Table, entity: Entity, limit: int) -> list[dict[str, Any]]:
    """The windows that ended last, as plain rows, the newest first.

    Args:
        closed: Closed windows.
        entity: Only with these values.
        limit: At most so many.

    >>> times = pa.array([0, 60_000_000, 60_000_000], pa.timestamp("us", "UTC"))
    >>> closed = pa.table({"shop": ["a", "a", "b"], "end": times, "sold": [4, 2, 1]})
    >>> newest(closed, {"shop": "a"}, 1)
    [{'shop': 'a', 'end': '1970-01-01T00:01:00.000000Z', 'sold': 2}]
    """
    for part, value in entity.items():
        closed = closed.filter(pc.equal(closed[part], pa.scalar(value, closed[part].type)))
    ends = closed["end"].cast(pa.int64()).to_numpy()
    order = np.argsort(-ends, kind="stable")[:limit]
    return [_row(row) for row in closed.take(order).to_pylist()]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its times as text, so that JSON can hold it."""
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
