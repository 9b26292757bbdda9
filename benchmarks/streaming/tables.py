"""Events as the tables that forerun takes."""

from typing import Any

import events as ev
import numpy as np
import pyarrow as pa

from forerun.events.table import schema_of
from forerun.runtime.app import App


def batches(app: App, e: ev.Events, rows: int, *, text_key: bool = False) -> list[pa.RecordBatch]:
    """The events as the kernel takes them.

    Args:
        app: The app.
        e: The events.
        rows: Of a batch.
        text_key: Whether the key is text.
    """
    schema = schema_of(app.streams["Paid"])
    key: pa.Array[Any] = pa.array(e.key)
    if text_key:
        letters = pa.py_buffer(ev.text_keys(e.key).tobytes())
        starts = pa.py_buffer(np.arange(0, 8 * len(e) + 8, 8, dtype=np.int32).tobytes())
        key = pa.StringArray.from_buffers(len(e), starts, letters)
    columns = [key, pa.array(e.at), pa.array(e.amount)]
    table = pa.record_batch(
        [
            *(column.cast(field.type) for column, field in zip(columns, schema, strict=True)),
            pa.array(e.arrival),
        ],
        names=[*schema.names, "_arrival"],
    )
    return [table.slice(start, rows) for start in range(0, len(e), rows)]
