"""Rows at every door: those that fit become a table, those that do not are handed back with the reason.

What fits is said in `codec`, the validator that the constructors of event classes use too.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from forerun.errors import EventError
from forerun.events.codec import Extra, codec_of, plain
from forerun.events.event import Event
from forerun.events.schema import StreamSpec
from forerun.events.table import schema_of

Row: TypeAlias = bytes | Mapping[str, object] | Event


@dataclass(frozen=True)
class Quarantined:
    """A row that is no event of its stream.

    Args:
        reason: What is wrong and what to send instead.
        field: The field to blame; None: the row as a whole.
        payload: The row as it came.
        row: Its position among the rows given.
    """

    reason: str
    field: str | None
    payload: bytes
    row: int = 0


def decode_rows(
    stream: StreamSpec, rows: Iterable[Row], *, extra: Extra = "ignore"
) -> tuple[pa.RecordBatch, list[Quarantined]]:
    """Validate rows and make a table of those that fit.

    Args:
        stream: What the rows should be.
        rows: Each one JSON text, a mapping, or an event.
        extra: What to do with fields the stream does not have: producers may be ahead of us, so a log ignores
            them; a person at an endpoint should hear of a misspelt one.

    Returns:
        A batch with the stream's schema, in the order given, and the rows that do not fit.

    >>> import forerun as fr
    >>> app = fr.App("shop")
    >>> @app.stream(key="shop", lateness="10m")
    ... class Sold(fr.Event):
    ...     shop: str
    ...     at: fr.EventTime
    >>> batch, refused = decode_rows(app.streams["Sold"], [b'{"shop":"a","at":0}', b'{"shop":5,"at":0}'])
    >>> batch.num_rows, refused[0].field, refused[0].reason
    (1, 'shop', 'shop: Expected `str`, got `int`.')
    """
    codec = codec_of(stream.fields, extra)
    columns: list[list[object]] = [[] for _ in stream.fields]
    refused: list[Quarantined] = []
    for position, row in enumerate(rows):
        try:
            values = codec.values(row)
        except EventError as error:
            refused.append(Quarantined(error.message, error.field, _payload(row), position))
            continue
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    schema = schema_of(stream)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema), refused


def decode_row(stream: StreamSpec, row: Row, *, extra: Extra = "ignore") -> dict[str, object]:
    """Validate one row.

    Args:
        stream: What the row should be.
        row: JSON text, a mapping, or an event.
        extra: See `decode_rows`.

    Returns:
        One plain value per field, times as microseconds.

    Raises:
        EventError: It does not fit; the field is named.
    """
    return row_decoder(stream, extra=extra)(row)


def row_decoder(stream: StreamSpec, *, extra: Extra = "ignore") -> Callable[[Row], dict[str, object]]:
    """Prepare `decode_row` for one stream, where rows come one at a time and often.

    Args:
        stream: What the rows should be.
        extra: See `decode_rows`.

    Returns:
        `decode_row` of that stream.
    """
    codec = codec_of(stream.fields, extra)
    names, values = codec.names, codec.values

    def decode(row: Row) -> dict[str, object]:
        return dict(zip(names, values(row), strict=True))

    return decode


def _payload(row: Row) -> bytes:
    if isinstance(row, bytes):
        return row
    return json.dumps(plain(row), default=repr, skipkeys=True).encode()
