"""From an event class and what the user says of it to a stream."""

import inspect
import re
from collections.abc import Sequence

from forerun.errors import (
    CallError,
    DuplicateNameError,
    DurationError,
    FieldError,
    UnknownNameError,
    user_line,
)
from forerun.events.duration import parse_duration, spell_duration
from forerun.events.event import Event, fields_of, time_of
from forerun.events.expression import Field
from forerun.events.nearest import nearest
from forerun.events.place import repeated
from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName

KEY_TYPES: tuple[TypeName, ...] = ("string", "int", "bool")
"""Types of which two values are the same or not; of floats and times that is a matter of luck."""


def stream_of(
    event: object,
    *,
    key: object,
    lateness: str,
    freshness: str | None,
    max_skew: str,
    duplicates: str | None,
    id: object,
    idle: str | None,
    topic: str | None,
) -> StreamSpec:
    """Check and complete what `App.stream` was given, which explains the arguments.

    Returns:
        The stream, every default filled in.

    Raises:
        DefinitionError: At the line of the mistake.
    """
    at = user_line()
    if not (isinstance(event, type) and issubclass(event, Event)):
        name = getattr(event, "__name__", repr(event))
        raise FieldError(f"{name} is no event class; write `class {name}(fr.Event):`.")
    name = event.__name__
    twice = repeated(name, at)
    if twice is not None:
        raise DuplicateNameError(f"{name}.{twice[0]} is declared twice; rename one.", at=twice[1])
    time = time_of(event)
    if time is None:
        raise FieldError(f"{name} has no event time; write `at: fr.EventTime` for when it happened.")
    keys = key_fields(name, "key", key, event)
    for part in keys:
        if next(field.nullable for field in fields_of(event) if field.name == part):
            raise FieldError(
                f"{name}: key={part!r} may be null, and events without a key belong to nobody; drop `| None` "
                f"from {name}.{part}, so that such events are quarantined."
            )
    lateness_us = parse_duration(lateness, "lateness", zero=True)
    dedup_us = None if duplicates is None else parse_duration(duplicates, "duplicates")
    if dedup_us is not None and dedup_us < lateness_us:
        raise DurationError(
            f"{name}: duplicates={duplicates!r} is shorter than lateness={lateness!r}: a copy could come "
            "after its id is forgotten and still count; write "
            f"duplicates='{spell_duration(lateness_us)}' or more."
        )
    if id is not None and dedup_us is None:
        raise CallError(
            f"{name}: id= without duplicates= does nothing; add duplicates='1d', or leave id out."
        )
    ids = keys if id is None else key_fields(name, "id", id, event)
    return StreamSpec(
        name=name,
        event=event,
        fields=fields_of(event),
        time=time,
        key=keys,
        lateness_us=lateness_us,
        max_skew_us=parse_duration(max_skew, "max_skew", zero=True),
        idle_us=None if idle is None else parse_duration(idle, "idle"),
        dedup_us=dedup_us,
        id=None if dedup_us is None else ids,
        freshness_us=None if freshness is None else parse_duration(freshness, "freshness"),
        topic=topic if topic is not None else _snake(name),
        doc=inspect.cleandoc(event.__doc__ or ""),
        at=at,
    )


def key_fields(owner: str, what: str, given: object, event: type[Event]) -> tuple[str, ...]:
    """Names of fields that make a key.

    Args:
        owner: What the key is of, for messages.
        what: The argument it was given for.
        given: A name, a field like `Departed.origin`, or a list of these.
        event: The event class.

    Returns:
        The names.

    Raises:
        CallError: None, or one twice.
        FieldError: A field of a type no key can have.
        UnknownNameError: No such field.
    """
    parts = given if isinstance(given, list | tuple) else [given]
    names = [part.field if isinstance(part, Field) else part for part in parts]
    known = {field.name: field for field in fields_of(event)}
    for name in names:
        if name not in known:
            raise UnknownNameError(
                f"{owner}: {what}={name!r} is no field of {event.__name__}.{nearest(str(name), known)}"
            )
        if known[name].type not in KEY_TYPES:
            raise FieldError(
                f"{owner}: {what}={name!r} is {known[name].type}, of which two are equal only by luck; "
                "a key is a str, int or bool field."
            )
    if not names or len(set(names)) < len(names):
        raise CallError(f"{owner}: {what}={given!r}; name each field once, and at least one.")
    return tuple(str(name) for name in names)


def shared_key(owner: str, given: object, streams: Sequence[StreamSpec]) -> tuple[str, ...]:
    """Names of fields that make a key of several streams.

    Args:
        owner: What the key is of, for messages.
        given: See `key_fields`; fields may be of any of the streams.
        streams: One or more.

    Returns:
        The names.

    Raises:
        CallError: None, or one twice; no stream, or one twice.
        FieldError: A field of a type no key can have, or of different types.
        UnknownNameError: No such field in one of the streams.
    """
    names = [spec.name for spec in streams]
    if not names or len(set(names)) < len(names):
        raise CallError(f"{owner}: name each stream once, and at least one, not {names}.")
    keys = [key_fields(owner, "by", given, spec.event) for spec in streams]
    for spec in streams[1:]:
        for name in keys[0]:
            one, two = (field.type for own in (streams[0], spec) if (field := own.field(name)) is not None)
            if one != two:
                raise FieldError(
                    f"{owner}: by={name!r} is {one} in {streams[0].name} and {two} in {spec.name}; the key "
                    "of an entity is of the same types everywhere."
                )
    return keys[0]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
