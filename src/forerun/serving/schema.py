"""From the bytes of a request to valid fields, by the one validator that all doors share.

A body is an object that wraps the fields: `{"inputs": {...}}` or `{"key": {...}, "at": "..."}`. What is
around the fields is checked here, the fields by `forerun.events.decode`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from forerun.errors import EventError, RequestError, StaleRequestError
from forerun.events.decode import row_decoder
from forerun.events.fields import FieldSpec
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN, Time
from forerun.events.schema import StreamSpec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT = "at"

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`?(?: - at .*)?", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,18}")


class Fields:
    """Reads one object of declared fields.

    Args:
        stream: Whose fields they are, for the validator.
        fields: Those that may come; a body with others is refused.
        wrapper: The name under which they come in a body.
        optional: The field that may be left out although it is not nullable.
        timed: Whether an instant `at` may stand beside the wrapper.

    >>> import forerun as fr
    >>> app = fr.App("shop")
    >>> @app.stream(key="shop", lateness="10m")
    ... class Sold(fr.Event):
    ...     shop: str
    ...     at: fr.EventTime
    >>> sold = app.streams["Sold"]
    >>> inputs = Fields(sold, sold.fields, wrapper="inputs", optional="at")
    >>> inputs.decode(b'{"inputs": {"shop": "a"}}')
    ({'shop': 'a'}, None)
    >>> inputs.decode(b'{"inputs": {"shop": 7}}')
    Traceback (most recent call last):
    forerun.errors.EventError: [FR-DATA-EVENT] shop: Expected `str`, got `int`.
    """

    def __init__(
        self,
        stream: StreamSpec,
        fields: Iterable[FieldSpec],
        *,
        wrapper: str,
        optional: str | None = None,
        timed: bool = False,
    ) -> None:
        fields = tuple(fields)
        taken = tuple(replace(f, nullable=f.nullable or f.name == optional) for f in fields)
        self._row = row_decoder(replace(stream, fields=taken), extra="refuse")
        self._types = {field.name: field.type for field in fields}
        self._wrapper = wrapper
        self._optional = optional
        self._timed = timed
        # Any: the class is made at run time.
        members: list[Any] = [(wrapper, msgspec.Raw)]
        if timed:
            members.append((AT, str | int | msgspec.UnsetType, msgspec.UNSET))
        self._decoder = msgspec.json.Decoder(
            msgspec.defstruct("Body", members, forbid_unknown_fields=True, kw_only=True)
        )

    def decode(self, body: bytes) -> tuple[dict[str, object], int | None]:
        """Read a JSON body.

        Returns:
            The fields, times as microseconds, and `at`. An optional field that was left out is not there.

        Raises:
            RequestError: 400 for what is no JSON, 422 for another object.
            EventError: A field does not fit; it is named.
        """
        try:
            outer = self._decoder.decode(body)
        except msgspec.ValidationError as exc:
            raise self._not_ours(exc) from exc
        except RecursionError as exc:
            raise _unfit("the body is nested too deeply.", None, "too_deep") from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise malformed(body, str(exc), self._wrapper) from exc
        raw = bytes(getattr(outer, self._wrapper))
        if not raw.startswith(b"{"):
            raise _unfit(f"{self._wrapper}: must be an object of fields.", self._wrapper, "wrong_type")
        try:
            fields = self._row(raw)
        except EventError as exc:
            if exc.field is None:
                raise malformed(body, exc.message, self._wrapper) from exc
            raise
        at = getattr(outer, AT, msgspec.UNSET)
        return self._without_optional(fields), None if at is msgspec.UNSET else instant_of(AT, at)

    def convert(self, texts: Mapping[str, str]) -> dict[str, object]:
        """Read the fields from text, as in a query string.

        Raises:
            EventError: A field does not fit; it is named.
        """
        values = {name: self._value(name, text) for name, text in texts.items()}
        return self._without_optional(self._row(values))

    def _value(self, name: str, text: str) -> object:
        """Give text its declared type, or leave it text and let the validator refuse it."""
        kind = self._types.get(name, "string")
        if kind == "string":
            return text
        if kind == "time":
            return int(text) if _INTEGER.fullmatch(text) else text
        try:
            return msgspec.json.decode(text, type=bool | int | float)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return text

    def _without_optional(self, fields: dict[str, object]) -> dict[str, object]:
        if self._optional is not None and fields[self._optional] is None:
            del fields[self._optional]
        return fields

    def _not_ours(self, error: msgspec.ValidationError) -> RequestError:
        """Say what is wrong around the fields."""
        message = str(error)
        shape = f'{{"{self._wrapper}": {{...}}' + (', "at": "..."}' if self._timed else "}")
        if unknown := _UNKNOWN.fullmatch(message):
            name = unknown[1]
            return _unfit(f"no field {name!r}; the body is {shape}.", name, "unknown_field")
        if "missing required field" in message:
            return _unfit(
                f"{self._wrapper}: is missing; the body is {shape}.", self._wrapper, "missing_field"
            )
        if f"$.{AT}" in message:
            return _not_a_time(AT)
        return _unfit(f"the body must be an object: {shape}.", None, "wrong_type")


def key_fields(stream: StreamSpec, by: Iterable[str]) -> list[FieldSpec]:
    """The fields of an entity's key. An entity has all of them, so none may be null."""
    fields = {field.name: field for field in stream.fields}
    return [replace(fields[name], nullable=False) for name in by]


def instant_of(name: str, value: str | int) -> int:
    """Read an instant: RFC 3339 text with an offset, or microseconds, also as text.

    Args:
        name: Whose value it is, to name it.
        value: The value.

    Raises:
        RequestError: 422, it is none, or outside the years 1 to 9999.

    >>> instant_of("at", "1970-01-01T00:00:01Z"), instant_of("at", "1000000")
    (1000000, 1000000)
    """
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    try:
        us = Time(value).us
    except (EventError, OverflowError) as exc:
        raise _not_a_time(name) from exc
    if not TIME_US_MIN <= us <= TIME_US_MAX:  # in those years where it was written, and not in UTC
        raise _not_a_time(name)
    return us


def instant(us: int) -> datetime:
    """Make microseconds an instant that answers hold; encoding writes it as RFC 3339 in UTC.

    >>> msgspec.json.encode(instant(1_357_034_400_000_001))
    b'"2013-01-01T10:00:00.000001Z"'
    """
    return EPOCH + timedelta(microseconds=us)


def too_old(error: StaleRequestError, field: str) -> RequestError:
    """Blame the time that a request gave for being before what is kept.

    >>> too_old(StaleRequestError("ask for a later time"), "at").field
    'at'
    """
    return _unfit(f"{field}: {error.message}.", field, "too_old")


def malformed(body: bytes, detail: str, wrapper: str) -> RequestError:
    """Explain bytes that are no JSON; NaN and infinities, which many writers emit, get their field named.

    >>> malformed(b'{"inputs": {"delay": NaN}}', "...", "inputs").field
    'delay'
    """
    name = _not_finite(body, wrapper) if b"NaN" in body or b"Infinity" in body else None
    if name is not None:
        return _unfit(f"{name}: NaN and infinities are no values; send null if nullable.", name, "not_finite")
    return RequestError(f"the body is not JSON: {detail}", status=400, reason="malformed_json")


def _not_finite(body: bytes, wrapper: str) -> str | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    fields = content.get(wrapper) if isinstance(content, dict) else None
    for name, value in fields.items() if isinstance(fields, dict) else ():
        try:
            json.dumps(value, allow_nan=False)
        except (ValueError, RecursionError):
            return str(name)
    return None


def _not_a_time(name: str) -> RequestError:
    wanted = "RFC 3339 text with an offset, like '2013-01-01T10:15:00Z', or microseconds since 1970"
    return _unfit(f"{name}: needs {wanted}, in years 1 to 9999.", name, "invalid_field")


def _unfit(message: str, field: str | None, reason: str) -> RequestError:
    return RequestError(message, status=422, reason=reason, field=field)
