"""Reading what people write on a command line: times, speeds, key=value."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from forerun.errors import ArgumentError


def time_us(text: str) -> int:
    """An instant: ISO 8601, UTC unless it says otherwise, or microseconds since 1970.

    >>> time_us("2013-08-14T16:30") == time_us("2013-08-14 16:30:00Z") == 1_376_497_800_000_000
    True
    >>> time_us("1376497800000000")
    1376497800000000

    Raises:
        ArgumentError: It is neither.
    """
    if text.isdecimal() and len(text) > 8:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ArgumentError(
            f"{text!r} is no time; write 2013-08-14T16:30 (UTC), 2013-08-14T12:30-04:00, "
            "or microseconds since 1970."
        ) from exc
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000 + moment.microsecond


def speed(text: str | None) -> float | None:
    """How many seconds of event time pass in one second; None for as fast as possible.

    >>> speed("3600x"), speed("1"), speed(None)
    (3600.0, 1.0, None)

    Raises:
        ArgumentError: It is no positive number.
    """
    if text is None:
        return None
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentError(f"--speed {text!r} is no positive number; write 3600x for an hour a second.")
    return value


_UNITS = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"\s*(?P<number>[0-9.]+)\s*(?P<unit>[a-z]+)\s*", re.IGNORECASE)
_SIZE_MAX = 2**60
"""More memory than any machine has; the kernel counts in 64 bits."""


def size_bytes(text: str | None) -> int | None:
    """A number of bytes with its unit; None for no limit.

    >>> size_bytes("2GiB") == 2 * 1024**3, size_bytes("1.5 MB"), size_bytes(None)
    (True, 1500000, None)

    Raises:
        ArgumentError: It is no positive size.
    """
    if text is None:
        return None
    units = {name.lower(): size for name, size in _UNITS.items()}
    found = _SIZE.fullmatch(text)
    try:
        size = float(found["number"]) * units[found["unit"].lower()] if found else 0.0
    except (KeyError, ValueError):
        size = 0.0
    if not 1 <= size <= _SIZE_MAX:
        raise ArgumentError(
            f"{text!r} is no size of a memory; write 2GiB or 500MB. Units are {', '.join(_UNITS)}."
        )
    return int(size)


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Names and values from `name=value` words.

    >>> pairs(["origin=JFK", "dest=LAX"])
    {'origin': 'JFK', 'dest': 'LAX'}

    Raises:
        ArgumentError: A word has no `=`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ArgumentError(f"{text!r} is no key=value; write for example origin=JFK.")
        if name in found:
            raise ArgumentError(f"{name!r} is given twice; give it once.")
        found[name] = value
    return found


def typed(texts: Mapping[str, str], types: Mapping[str, str]) -> dict[str, object]:
    """Give each value the type its field has.

    Args:
        texts: Names and values as written.
        types: Names and types of the fields that are wanted, all of them.

    >>> typed({"n": "7", "origin": "JFK"}, {"origin": "string", "n": "int"})
    {'origin': 'JFK', 'n': 7}

    Raises:
        ArgumentError: A field is missing, unknown, or its value does not fit.
    """
    wanted = " ".join(f"{name}=..." for name in types)
    unknown = [name for name in texts if name not in types]
    if unknown:
        raise ArgumentError(f"{unknown[0]!r} is no part of the key; write {wanted}.")
    missing = [name for name in types if name not in texts]
    if missing:
        raise ArgumentError(f"{missing[0]!r} is missing from the key; write {wanted}.")
    return {name: _value(name, texts[name], kind) for name, kind in types.items()}


def _value(name: str, text: str, kind: str) -> object:
    """One value of one type."""
    try:
        match kind:
            case "string":
                return text
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool" if text in ("true", "false"):
                return bool(json.loads(text))
            case "time":
                return time_us(text)
    except ValueError:
        pass
    raise ArgumentError(f"{name}={text!r} is no {kind}.")
