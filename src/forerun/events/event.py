"""`Event`: one class that declares an event's fields, names them in expressions, and validates its values.

On the class a field is an expression, on an instance it is a value:

>>> class Departed(Event):
...     flight: str
...     at: EventTime
...     dep_delay: float
>>> Departed.dep_delay > 15
Departed.dep_delay > 15.0
>>> Departed(flight="UA1", at=EventTime("2013-01-01T10:15:00Z"), dep_delay=2).dep_delay
2.0
"""

import inspect
import sys
from collections.abc import Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, NoReturn, dataclass_transform

from forerun.errors import FieldError, Location, UnknownNameError, user_line
from forerun.events.expression import Field
from forerun.events.fields import FieldSpec, field_of
from forerun.events.moments import EventTime
from forerun.events.nearest import nearest
from forerun.events.place import line_of

_METHODS = (FunctionType, property, classmethod, staticmethod)


@dataclass_transform(kw_only_default=True)
class EventMeta(type):
    """Reads the annotations of an event class and refuses what no event can hold."""

    __forerun_fields__: tuple[FieldSpec, ...]
    __forerun_time__: str | None

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> "EventMeta":
        """Make an event class from its annotations."""
        cls = super().__new__(mcs, name, bases, namespace)
        if not bases:  # `Event` itself
            cls.__forerun_fields__, cls.__forerun_time__ = (), None
            return cls
        at = user_line()
        hints = _annotations(cls, at)
        _refuse_values(name, namespace, hints, at)
        fields = {field.name: field for base in bases for field in getattr(base, "__forerun_fields__", ())}
        for key, hint in hints.items():
            fields[key] = field_of(name, key, hint, partial(line_of, key, name, at))
        inherited = [getattr(base, "__forerun_time__", None) for base in bases]
        own = [key for key, hint in hints.items() if hint is EventTime]
        times = list(dict.fromkeys([time for time in inherited if time is not None] + own))
        if len(times) > 1:
            raise FieldError(
                f"{name} has {len(times)} event times, {' and '.join(times)}; an event happens once: "
                f"keep one fr.EventTime and write `{times[-1]}: fr.Time`.",
                at=line_of(times[-1], name, at),
            )
        cls.__forerun_fields__ = tuple(fields.values())
        cls.__forerun_time__ = times[0] if times else None
        for key in hints:
            setattr(cls, key, _Access(fields[key]))
        return cls

    if not TYPE_CHECKING:  # a checker must see that a misspelt field does not exist

        def __getattr__(cls, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            known = [field.name for field in cls.__forerun_fields__]
            raise UnknownNameError(f"{cls.__name__} has no field {name!r}.{nearest(name, known)}")


class Event(metaclass=EventMeta):
    """Base of every event class. Annotate its fields; register it with `App.stream`.

    Fields are `str`, `int`, `float`, `bool`, `Time`, or one of these with `| None`, and exactly one
    `EventTime`. There are no defaults: a field that may be missing is `| None` and is then null.

    Args:
        values: One value per field, by name.

    Raises:
        EventError: A value is missing, of another type, NaN or infinite, or names no field.

    Events are immutable and compare by value.

    >>> class Opened(Event):
    ...     door: str
    ...     at: EventTime
    ...     by: str | None
    >>> Opened(door="north", at=EventTime(0), by=None)
    Opened(door='north', at=EventTime('1970-01-01T00:00:00Z'), by=None)
    """

    def __init__(self, **values: object) -> None:
        from forerun.events.codec import checked  # msgspec: `import forerun` must stay cheap

        cls = type(self)
        self.__dict__.update(checked(cls.__forerun_fields__, cls.__forerun_time__, values))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name}: an event has happened; make a new one.")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


class _Access:
    """A field on its class: an expression. On an instance the value in its dict comes first."""

    def __init__(self, field: FieldSpec) -> None:
        self.field = field

    def __get__(self, instance: object, owner: type) -> Field:
        return Field(owner, self.field.name, self.field.type)


def fields_of(event: type[Event]) -> tuple[FieldSpec, ...]:
    """The fields of an event class, inherited ones first.

    >>> class Tick(Event):
    ...     at: EventTime
    >>> fields_of(Tick)
    (FieldSpec(name='at', type='time', nullable=False),)
    """
    return event.__forerun_fields__


def time_of(event: type[Event]) -> str | None:
    """The name of the event-time field, or None where none is declared."""
    return event.__forerun_time__


def _annotations(cls: type, at: Location) -> Mapping[str, object]:
    """The class's own annotations, evaluated where the class stands."""
    frame = sys._getframe(2)
    try:
        return inspect.get_annotations(cls, globals=frame.f_globals, locals=frame.f_locals, eval_str=True)
    except NameError as error:
        raise FieldError(
            f"{cls.__name__}: an annotation uses {error.name!r}, which is not defined at that point; "
            "import it at the top of the file, outside `if TYPE_CHECKING`.",
            at=at,
        ) from error


def _refuse_values(
    name: str, namespace: Mapping[str, object], hints: Mapping[str, object], at: Location
) -> None:
    """No defaults, and nothing that looks like a field but has no type."""
    for key, value in namespace.items():
        if key.startswith("_") or isinstance(value, _METHODS):
            continue
        if key in hints:
            raise FieldError(
                f"{name}.{key} = {value!r}: fields have no defaults; write `{key}: ...` alone, "
                "with `| None` if it may be missing.",
                at=line_of(key, name, at),
            )
        raise FieldError(
            f"{name}.{key} has no type; write `{key}: {_guess(value)}`, or move it out of the class.",
            at=line_of(key, name, at),
        )


def _guess(value: object) -> str:
    return type(value).__name__ if type(value) in (str, int, float, bool) else "float"
