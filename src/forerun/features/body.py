"""The body of a features class: from what stands there to features over a stream each."""

from collections.abc import Sequence
from typing import TypeAlias

from forerun.errors import AggregateError, Location
from forerun.events.expression import Expr, FeatureRef, Field
from forerun.events.place import line_of
from forerun.events.schema import StreamSpec
from forerun.features.aggregate import Aggregate, Happened, Own
from forerun.features.definition import HIDDEN, DerivedSpec, FeatureSpec
from forerun.features.on_demand import OnDemand
from forerun.features.window import Tiled

Found: TypeAlias = tuple[StreamSpec, FeatureSpec | DerivedSpec]
"""A feature, and the stream it runs over."""


def features_of(
    owner: str, name: str, value: object, streams: Sequence[StreamSpec], at: Location, *, closing: bool
) -> list[Found]:
    """The feature of an attribute, behind the hidden ones that it is made of.

    Args:
        owner: The class's name.
        name: The attribute's name.
        value: What stands there.
        streams: The streams of the class.
        at: File and line of the class.
        closing: Whether its windows close, so that an aggregate without a window is over those.

    Raises:
        AggregateError: Not aggregates of one stream; one that needs a window and has none.
    """
    place = line_of(name, owner, at)
    what = f"{owner}.{name}"
    parts = [part for part in value.walk() if isinstance(part, Aggregate)] if isinstance(value, Expr) else []
    for part in parts:
        if part.endless and not closing:
            raise AggregateError(f"{what}: {part.endless}", at=place)
    if isinstance(value, Aggregate):
        stream = _stream(what, value, streams, place)
        return [(stream, _feature(what, name, value, stream))]
    if not isinstance(value, Expr) or not parts:
        shown = f"the expression {value!r}" if isinstance(value, Expr) else repr(value)
        raise AggregateError(
            f"{what} is {shown}, not an aggregate; write fr.last(...), fr.mean(...) and so on.", at=place
        )
    if any(isinstance(part.window, Tiled) for part in parts):
        raise AggregateError(
            f"{what} is made of a tiled value and would hide its error; write an exact window, like '30d'.",
            at=place,
        )
    stream = _shared(what, parts, streams, place)
    hidden: list[Found] = []

    def own(part: Expr) -> Expr:
        if isinstance(part, Field | FeatureRef):
            raise AggregateError(
                f"{what}: {part!r} stands beside an aggregate; a feature is made of aggregates and "
                "constants; combine it with others in a model's inputs, with fr.named('name', ...).",
                at=place,
            )
        if not isinstance(part, Aggregate):
            return part
        made = _feature(what, f"{name}{HIDDEN}{len(hidden) + 1}", part, stream)
        hidden.append((stream, made))
        return Own(made.name, made.type, made.words)

    expr = value.rebuild(own)
    return [*hidden, (stream, DerivedSpec(name=name, expr=expr))]


def _shared(what: str, parts: Sequence[Aggregate], streams: Sequence[StreamSpec], at: Location) -> StreamSpec:
    """The one stream of several aggregates."""
    over = [_stream(what, part, streams, at) for part in parts]
    if any(stream is not over[0] for stream in over):
        names = " and ".join(dict.fromkeys(stream.name for stream in over))
        raise AggregateError(
            f"{what} is made of aggregates over {names}; name each, and combine them in a model's inputs "
            "with fr.named('name', ...).",
            at=at,
        )
    return over[0]


def _feature(what: str, name: str, value: Aggregate, stream: StreamSpec) -> FeatureSpec:
    arg = value.arg
    if isinstance(arg, Happened):
        arg = Field(stream.event, stream.time, "time")
    for expr in (arg, value.where):
        if expr is not None:
            _check_owner(what, expr, stream)
    return FeatureSpec(
        name=name,
        agg=value.agg,
        arg=arg,
        where=value.where,
        window=value.window,
        params=value.params,
        type=value.type,
        element=value.element,
        length=value.length,
        function=value.function,
    )


def _stream(what: str, value: Aggregate, streams: Sequence[StreamSpec], at: Location) -> StreamSpec:
    """The stream that an aggregate runs over: the one it says, or the one that has its fields."""
    names = " or ".join(stream.name for stream in streams)
    if value.of is not None:
        named = [stream for stream in streams if stream.event is value.of]
        if not named:
            shown = getattr(value.of, "__name__", repr(value.of))
            raise AggregateError(f"{what}: of={shown} is no stream of this class; write of={names}.", at=at)
        return named[0]
    fields = [
        part
        for expr in (value.arg, value.where)
        if expr is not None
        for part in expr.walk()
        if isinstance(part, Field)
    ]
    fits = [stream for stream in streams if all(issubclass(stream.event, field.owner) for field in fields)]
    if len(fits) > 1:
        advice = f"write {value.agg}(of={fits[0].name}, ...)"
        if value.agg not in ("count", "rate"):
            advice = f"use a field of {names}"
        raise AggregateError(f"{what} could run over {names}; {advice}.", at=at)
    if not fits and len(streams) > 1:
        used = " and ".join(dict.fromkeys(field.owner.__name__ for field in fields))
        raise AggregateError(
            f"{what} uses fields of {used}; an aggregate runs over one stream, {names}.", at=at
        )
    return fits[0] if fits else streams[0]


def check_condition(owner: str, condition: Expr, streams: Sequence[StreamSpec]) -> None:
    """Refuse a `where=` of a class that is no condition on the events of its one stream.

    Args:
        owner: The class's name.
        condition: The condition.
        streams: The streams of the class.

    Raises:
        AggregateError: It is none.
    """
    if len(streams) > 1:
        raise AggregateError(
            f"{owner}: where={condition!r} holds for one stream only; write it in the aggregates, like "
            "fr.count(of=..., where=...)."
        )
    if condition.type != "bool":
        raise AggregateError(f"{owner}: where={condition!r} is {condition.type}; write a comparison.")
    _check_owner(owner, condition, streams[0])


def _check_owner(what: str, expr: Expr, stream: StreamSpec) -> None:
    for part in expr.walk():
        if isinstance(part, Field) and not issubclass(stream.event, part.owner):
            raise AggregateError(
                f"{what} runs over {stream.name}, and {part!r} is a field of {part.owner.__name__}; "
                f"use {stream.name}'s fields, or @app.features({part.owner.__name__}, ...).",
                at=part.at,
            )
        if isinstance(part, OnDemand):
            raise AggregateError(
                f"{what}: {part!r} is a function that is called when a prediction is made, not for every "
                f"event; use fields of {stream.name}."
            )
        if isinstance(part, Aggregate | FeatureRef):
            raise AggregateError(
                f"{what}: {part!r} is itself an aggregate; use fields of {stream.name}.", at=part.at
            )
