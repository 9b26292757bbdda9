"""From a model's list of inputs to named columns over its trigger."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from forerun.errors import BindingError, DuplicateNameError, InputError, UnknownNameError
from forerun.events.binding import bound
from forerun.events.event import EventMeta
from forerun.events.expression import Expr, FeatureRef, Field
from forerun.events.nearest import nearest
from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName
from forerun.events.vector import InputSpec, VectorSpec
from forerun.features.aggregate import Aggregate
from forerun.features.definition import ViewSpec
from forerun.features.latest import latest, latest_view
from forerun.features.on_demand import OnDemand
from forerun.features.view import ViewMeta, input_name

INPUT_TYPES: tuple[TypeName, ...] = ("bool", "int", "float")
RESERVED = ("batch", "row", "score", "time")
"""Columns that stand beside the inputs in tables of vectors and in rules."""


def vector_of(
    name: str,
    on: StreamSpec,
    items: Sequence[object],
    *,
    streams: Collection[StreamSpec],
    views: Mapping[str, ViewSpec],
) -> tuple[VectorSpec, dict[str, ViewSpec]]:
    """Expand, name and check a model's inputs.

    Args:
        name: The model's name.
        on: The trigger stream.
        items: Expressions, features classes, and lists of these.
        streams: The app's streams.
        views: The app's views.

    Returns:
        The vector, and the app's views with those of latest values that it needs.

    Raises:
        BindingError: A feature's key is not known at the trigger.
        DuplicateNameError: Two inputs have one name.
        InputError: An input has no name, no numeric type, or is not known at the trigger.
        UnknownNameError: A view of another app.
    """
    inputs: dict[str, InputSpec] = {}
    known = dict(views)
    for given in _flat(name, items):
        expr = latest(given, on, streams)
        for stream in streams:
            if stream.name not in known and any(
                isinstance(part, FeatureRef) and part.view == stream.name for part in expr.walk()
            ):
                known[stream.name] = latest_view(stream)
        item = _input(name, on, expr, known)
        if item.name in inputs:
            twice = inputs[item.name].expr.same_as(item.expr)
            advice = "it is listed twice: drop one" if twice else f"name one: fr.named('other', {expr!r})"
            raise DuplicateNameError(
                f"{name}.inputs has two inputs called {item.name!r}; {advice}.", at=expr.at
            )
        inputs[item.name] = item
    return VectorSpec(name, on, tuple(inputs.values())), known


def _flat(name: str, items: object) -> Iterator[Expr]:
    """Every expression in the list, features classes and inner lists opened."""
    if isinstance(items, Aggregate):
        items.refuse()
    if isinstance(items, FeatureRef) and items.length is not None:
        for index in range(items.length):
            yield items[index]
    elif isinstance(items, Expr):
        yield items
    elif isinstance(items, ViewMeta):
        for feature in items.__forerun_view__.shown:
            # A time is an input only as a difference, which has its own name; a string only compared.
            if feature.element in INPUT_TYPES:
                yield from _flat(name, getattr(items, feature.name))
    elif isinstance(items, list | tuple):
        for item in items:
            yield from _flat(name, item)
    elif isinstance(items, EventMeta):
        raise InputError(
            f"{name}.inputs has the event class {items.__name__}; list the fields: {items.__name__}.field."
        )
    elif isinstance(items, str):
        raise InputError(f"{name}.inputs has the text {items!r}; write the field itself, like Event.{items}.")
    else:
        raise InputError(
            f"{name}.inputs has {items!r}; an input is a field like Event.field, a features class, one of "
            "its features, or fr.named('name', expression)."
        )


def _input(model: str, on: StreamSpec, expr: Expr, views: Mapping[str, ViewSpec]) -> InputSpec:
    for part in expr.walk():
        if isinstance(part, FeatureRef) and part.view not in views:
            raise UnknownNameError(
                f"{model}.inputs: no view {part.view!r} in this app.{nearest(part.view, views)}"
            )
        if isinstance(part, FeatureRef) and any(
            isinstance(p, FeatureRef) for key in part.children() for p in key.walk()
        ):
            raise BindingError(
                f"{part!r}: a key is made of the trigger's fields, not of features.", at=part.at
            )
        if isinstance(part, OnDemand) and part is not expr:
            raise InputError(
                f"{model}.inputs: {part!r} is a function, and {expr!r} is computed without Python; write all "
                "of it in the function.",
                at=expr.at,
            )
    name = input_name(expr)
    if name is None:
        raise InputError(
            f"{model}.inputs: {expr!r} has no name; write fr.named('name', {expr!r}).", at=expr.at
        )
    if expr.type not in INPUT_TYPES:
        raise InputError(
            f"{model}.inputs: {expr!r} is {expr.type}; {_ADVICE[expr.type].format(x=expr)}.", at=expr.at
        )
    read = bound(expr, on)
    clash = on.field(name) is not None and not isinstance(read, Field)
    if name in RESERVED or clash:
        whose = f"a field of {on.name}" if clash else "a column beside the inputs"
        raise InputError(
            f"{model}.inputs: {name!r} is already the name of {whose}; write fr.named('other', {expr!r}).",
            at=expr.at,
        )
    return InputSpec(name, read)


_ADVICE: Mapping[TypeName, str] = {
    "string": "a model reads numbers: write fr.one_hot({x!r}, ['a', 'b']) or {x!r} == 'a'",
    "time": "a model reads numbers: subtract another time and write fr.seconds(...)",
    "duration": "a model reads numbers: write fr.seconds({x!r})",
}
