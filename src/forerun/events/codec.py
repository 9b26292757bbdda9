"""Rows of one shape into plain values: the one validator of events.

Strict: a number is no string, 1.0 is no int, a time without an offset is no time. An int is taken where
a float is wanted, and nothing else is converted.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from forerun.errors import EventError
from forerun.events.fields import FieldSpec
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN, EventTime, Time
from forerun.events.nearest import nearest
from forerun.events.types import TypeName

STRING_CHARS_MAX: Final = 65_536
"""Longest text in one field."""

Extra: TypeAlias = Literal["ignore", "refuse"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# What msgspec is to accept for each type. An int is bounded by what Arrow and the kernel can hold.
_WIRE: Mapping[TypeName, object] = {
    "bool": bool,
    "int": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "float": float,
    "string": Annotated[str, msgspec.Meta(max_length=STRING_CHARS_MAX)],
    "time": Annotated[datetime, msgspec.Meta(tz=True)] | int,
}


class Codec:
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

    def values(self, row: object) -> list[object]:
        """The row's values; an `EventError` names the field that does not fit."""
        try:
            if isinstance(row, bytes):
                parsed = self.decoder.decode(row)
            else:
                parsed = msgspec.convert(plain(row), self.struct, strict=True)
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
def codec_of(fields: tuple[FieldSpec, ...], extra: Extra) -> Codec:
    """The codec of rows with these fields, made once."""
    return Codec(fields, extra)


def plain(row: object) -> object:
    """A mapping or event with `Time` objects as microseconds; anything else as it is, to be refused."""
    if hasattr(type(row), "__forerun_fields__"):  # an event; its class imports this file
        row = vars(row)
    if not isinstance(row, Mapping):
        return row
    return {name: value.us if isinstance(value, Time) else value for name, value in row.items()}


def checked(
    fields: tuple[FieldSpec, ...], event_time: str | None, values: Mapping[str, object]
) -> dict[str, object]:
    """Check the values of an event under construction.

    Args:
        fields: The event's fields.
        event_time: Which of them is the event time.
        values: By field name.

    Returns:
        The values as the instance holds them: times as `Time`, whole numbers of float fields as floats.

    Raises:
        EventError: A value is missing, does not fit, or names no field.
    """
    codec = codec_of(fields, "refuse")
    held = dict(zip(codec.names, codec.values(values), strict=True))
    for field in fields:
        instant = held[field.name]
        if field.type == "time" and isinstance(instant, int):
            held[field.name] = EventTime(instant) if field.name == event_time else Time(instant)
    return held
