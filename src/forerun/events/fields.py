"""From the annotations of an event class to its fields.

>>> FieldSpec("dep_delay", "float", nullable=False)
FieldSpec(name='dep_delay', type='float', nullable=False)
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Union, get_args, get_origin

from forerun.errors import FieldError, Location
from forerun.events.moments import Duration, EventTime, Time
from forerun.events.types import TypeName

_TYPES: Mapping[object, TypeName] = {
    bool: "bool", int: "int", float: "float", str: "string", Time: "time", EventTime: "time",
}  # fmt: skip
FIELD_TYPES = "str, int, float, bool, fr.Time, fr.EventTime, or one of the first five with `| None`"


@dataclass(frozen=True)
class FieldSpec:
    """One field of an event.

    Args:
        name: Its name.
        type: Its type; never "duration".
        nullable: Whether it may be missing or null.
    """

    name: str
    type: TypeName
    nullable: bool


def field_of(owner: str, name: str, annotation: object, locate: Callable[[], Location]) -> FieldSpec:
    """Read one annotation.

    Args:
        owner: The event class, for messages.
        name: The field's name.
        annotation: Its annotation, already evaluated.
        locate: Finds the file and line to blame.

    Returns:
        The field.

    Raises:
        FieldError: The name or the type cannot be kept.
    """
    if name.startswith("_"):
        raise FieldError(
            f"{owner}.{name}: names beginning with '_' are the system's; rename the field.", at=locate()
        )
    inner, nullable = _without_none(annotation)
    if inner is EventTime and nullable:
        raise FieldError(
            f"{owner}.{name}: an event without a time cannot be ordered; write `{name}: fr.EventTime`, "
            f"or `{name}: fr.Time | None` for another instant.",
            at=locate(),
        )
    try:
        type_name = _TYPES.get(inner)
    except TypeError:  # an annotation that cannot be hashed, like a list
        type_name = None
    if type_name is None:
        raise FieldError(
            f"{owner}.{name}: {_spell(annotation)} is no type of a field; {_advice(name, inner)}.",
            at=locate(),
        )
    return FieldSpec(name, type_name, nullable)


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    rest = [part for part in get_args(annotation) if part is not NoneType]
    nullable = len(rest) < len(get_args(annotation))
    return (rest[0], nullable) if len(rest) == 1 else (annotation, nullable)


def _spell(annotation: object) -> str:
    return (
        annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    )


def _advice(name: str, annotation: object) -> str:
    if annotation is Duration:
        return f"write `{name}_s: float` and keep the unit in the name"
    spelled = re.sub(r"[^a-z]", " ", _spell(annotation).lower()).split()
    if "datetime" in spelled or "date" in spelled:
        return f"write `{name}: fr.EventTime` for when it happened, `{name}: fr.Time` for another instant"
    if "decimal" in spelled:
        return f"write `{name}: float`, or `{name}_cents: int` for money"
    if "literal" in spelled or "enum" in spelled or "bytes" in spelled:
        return f"write `{name}: str`"
    return f"write {FIELD_TYPES}"
