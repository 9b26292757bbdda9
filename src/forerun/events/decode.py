"""The one validator of events: JSON and dicts at every door, and values given to an event class.

Strict: a number is no string, 1.0 is no int, a time without an offset is no time. An int is taken where
a float is wanted, and nothing else is converted. What does not fit is handed back, field and reason named.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec
import pyarrow as pa

from forerun.errors import EventError
from forerun.events.event import Event, fields_of, time_of
from forerun.events.fields import FieldSpec
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN, EventTime, Time
from forerun.events.nearest import nearest
from forerun.events.schema import StreamSpec
from forerun.events.table import schema_of
from forerun.events.types import TypeName

STRING_CHARS_MAX: Final = 65_536
"""Longest text in one field."""

Row: TypeAlias = bytes | Mapping[str, object] | Event
Extra: TypeAlias = Literal["ignore", "refuse"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    codec = _codec(stream.fields, extra)
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
    codec = _codec(stream.fields, extra)
    names, values = codec.names, codec.values

    def decode(row: Row) -> dict[str, object]:
        return dict(zip(names, values(row), strict=True))

    return decode


def validate(event: type[Event], values: Mapping[str, object]) -> dict[str, object]:
    """Check the values of an event under construction.

    Args:
        event: The event class.
        values: By field name.

    Returns:
        The values as the instance holds them: times as `Time`, whole numbers of float fields as floats.

    Raises:
        EventError: A value is missing, does not fit, or names no field.
    """
    fields = fields_of(event)
    checked = dict(zip((f.name for f in fields), _codec(fields, "refuse").values(values), strict=True))
    for field in fields:
        instant = checked[field.name]
        if field.type == "time" and isinstance(instant, int):
            checked[field.name] = EventTime(instant) if field.name == time_of(event) else Time(instant)
    return checked


# What msgspec is to accept for each type. An int is bounded by what Arrow and the kernel can hold.
_WIRE: Mapping[TypeName, object] = {
    "bool": bool,
    "int": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "float": float,
    "string": Annotated[str, msgspec.Meta(max_length=STRING_CHARS_MAX)],
    "time": Annotated[datetime, msgspec.Meta(tz=True)] | int,
}


class _Codec:
    """Reads rows of one shape into plain values, in the order of the fields."""

    def __init__(self, fields: tuple[FieldSpec, ...], extra: Extra) -> None:
        self.fields = fields
        self.names = [field.name for field in fields]
        # The struct is made at run time, so its fields' types are Any to the checker.
        shape: list[Any] = [
            (f.name, _WIRE[f.type] | None, None) if f.nullable else (f.name, _WIRE[f.type])  # type: ignore[operator]
            for f in fields
        ]
        self.struct = msgspec.defstruct(
            "Row", shape, kw_only=True, gc=False, forbid_unknown_fields=extra == "refuse"
        )
        self.decoder = msgspec.json.Decoder(self.struct)
        self.times = [index for index, field in enumerate(fields) if field.type == "time"]
        self.floats = [index for index, field in enumerate(fields) if field.type == "float"]
        self.strings = [index for index, field in enumerate(fields) if field.type == "string"]

    def values(self, row: Row) -> list[object]:
        """The row's values; an `EventError` names the field that does not fit."""
        try:
            if isinstance(row, bytes):
                parsed = self.decoder.decode(row)
            else:
                parsed = msgspec.convert(_plain(row), self.struct, strict=True)
        except msgspec.ValidationError as error:
            self._refuse(error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EventError(f"not JSON: {error}.") from error
        values: list[object] = list(msgspec.structs.astuple(parsed))
        for index in self.times:
            values[index] = self._microseconds(index, values[index])
        if not isinstance(row, bytes):  # JSON has no NaN and no unpaired surrogates
            self._check_values(values)
        return values

    def _microseconds(self, index: int, instant: object) -> object:
        if isinstance(instant, datetime):  # in years 1 to 9999 where it was written, perhaps not in UTC
            instant = (instant - _EPOCH) // _MICROSECOND
        if isinstance(instant, int) and not TIME_US_MIN <= instant <= TIME_US_MAX:
            raise EventError(
                f"{self.names[index]}: {instant} us since 1970 is not within years 1 to 9999; send "
                "microseconds, UTC.",
                field=self.names[index],
            )
        return instant

    def _check_values(self, values: list[object]) -> None:
        for index in self.floats:
            value = values[index]
            if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
                raise EventError(
                    f"{self.names[index]}: {value} is not a number; send null for 'not known'.",
                    field=self.names[index],
                )
        for index in self.strings:
            value = values[index]
            if isinstance(value, str) and not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError as error:
                    raise EventError(
                        f"{self.names[index]}: text with an unpaired surrogate is not UTF-8.",
                        field=self.names[index],
                    ) from error

    def _refuse(self, error: msgspec.ValidationError) -> NoReturn:
        """Say what msgspec said, with the field first and advice where it has none."""
        message = str(error)
        path = re.search(r" - at `(?:key in )?\$(?:\.(\w+))?[^`]*`$", message)
        reason = message[: path.start()] if path else message
        named = re.search(r"(missing required|unknown) field `(.*)`$", reason, re.DOTALL)
        field = path[1] if path and path[1] else named[2] if named else None
        if named and named[1] == "unknown":
            reason = f"no such field.{nearest(named[2], self.names)}"
        elif named:
            reason = "missing"
        elif "timezone component" in reason:
            reason = "a time without an offset from UTC; append 'Z' or an offset like '-05:00'"
        elif "datetime" in reason or "RFC3339" in reason:
            reason = "not a time; send RFC 3339 like '2013-01-01T10:15:00Z', or integer microseconds"
        end = "" if reason.endswith((".", "?")) else "."
        raise EventError(f"{field}: {reason}{end}" if field else f"{reason}{end}", field=field) from error


@lru_cache(maxsize=256)
def _codec(fields: tuple[FieldSpec, ...], extra: Extra) -> _Codec:
    return _Codec(fields, extra)


def _plain(row: object) -> object:
    """The row with `Time` objects as microseconds; anything else is for msgspec to judge."""
    values = vars(row) if isinstance(row, Event) else row
    if not isinstance(values, Mapping):
        return values
    return {name: value.us if isinstance(value, Time) else value for name, value in values.items()}


def _payload(row: Row) -> bytes:
    if isinstance(row, bytes):
        return row
    return json.dumps(_plain(row), default=repr, skipkeys=True).encode()
