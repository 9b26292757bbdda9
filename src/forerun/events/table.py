"""A stream as Arrow: the schema its tables have at every door, in the log, and on the way to the kernel."""

from collections.abc import Mapping

import pyarrow as pa

from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName

ARRIVAL = "_arrival"
"""The column the log appends: int64 microseconds, when the record was appended."""

ARROW_TYPES: Mapping[TypeName, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "duration": pa.int64(),
}


def schema_of(stream: StreamSpec) -> pa.Schema:
    """The Arrow schema of a stream's events: its fields, in the order of the plan.

    Args:
        stream: The stream.

    Returns:
        The schema, without the log's arrival column.

    >>> import forerun as fr
    >>> app = fr.App("shop")
    >>> @app.stream(key="shop", lateness="10m")
    ... class Sold(fr.Event):
    ...     shop: str
    ...     at: fr.EventTime
    ...     price: float | None
    >>> schema_of(app.streams["Sold"])
    shop: string not null
    at: timestamp[us, tz=UTC] not null
    price: double
    """
    return pa.schema(
        [pa.field(field.name, ARROW_TYPES[field.type], nullable=field.nullable) for field in stream.fields]
    )
