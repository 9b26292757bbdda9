"""Features classes: from the aggregates in a class body to a view, and from a view to its features.

After `App.features`, an attribute of the class is the feature, to be read in a model's inputs and in rules.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from inspect import cleandoc
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from forerun.errors import (
    AggregateError,
    BindingError,
    DuplicateNameError,
    InputError,
    UnknownNameError,
    user_line,
)
from forerun.events.calls import declared
from forerun.events.expression import Expr, FeatureRef, Field, as_expr
from forerun.events.nearest import nearest
from forerun.events.place import repeated
from forerun.events.schema import StreamSpec
from forerun.features.body import Found, check_condition, features_of
from forerun.features.definition import ViewSpec

T = TypeVar("T")


class ViewMeta(type):
    """The class of features classes, once declared."""

    __forerun_view__: ViewSpec
    __forerun_key__: tuple[Expr | None, ...]

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            known = [feature.name for feature in cls.__forerun_view__.shown]
            raise UnknownNameError(f"{cls.__name__} has no feature {name!r}.{nearest(name, known)}")


class _Access:
    """A feature on its class: an expression that knows the line it is used on."""

    def __init__(self, feature: FeatureRef) -> None:
        self.feature = feature

    def __get__(self, instance: object, owner: type) -> FeatureRef:
        feature = copy(self.feature)
        feature.at = user_line()
        return feature


def view_of(
    cls: type,
    streams: Sequence[StreamSpec],
    by: tuple[str, ...],
    where: object,
    *,
    closing: bool = False,
) -> ViewSpec:
    """Read the body of a features class.

    Args:
        cls: The user's class.
        streams: The streams its aggregates run over, each over one.
        by: Names of the key's fields, which all of them have.
        where: A condition on the stream's events, or None; of several streams there is none.
        closing: Whether it is a windows class, whose aggregates have no window of their own.

    Returns:
        The view.

    Raises:
        AggregateError: An attribute is no aggregate, or one over another stream.
        DuplicateNameError: A feature is assigned twice.
    """
    at = user_line()
    twice = repeated(cls.__name__, at)
    if twice is not None:
        raise DuplicateNameError(f"{cls.__name__}.{twice[0]} is assigned twice; rename one.", at=twice[1])
    condition = None if where is None else as_expr(where)
    if condition is not None:
        check_condition(cls.__name__, condition, streams)
    found = [
        pair
        for name, value in vars(cls).items()
        if not name.startswith("__")
        for pair in features_of(cls.__name__, name, value, streams, at, closing=closing)
    ]
    features = tuple(feature for _, feature in found)
    if not features:
        raise AggregateError(
            f"{cls.__name__} has no features; write one, like `events_1h = fr.count(over='1h')`."
        )
    view = ViewSpec(cls.__name__, streams[0], by, condition, features, cleandoc(cls.__doc__ or ""), at)
    return view if len(streams) == 1 else replace(view, parts=_parts(view, streams, found))


def _parts(view: ViewSpec, streams: Sequence[StreamSpec], found: Sequence[Found]) -> tuple[ViewSpec, ...]:
    """A view of each stream, with the features that run over it."""
    parts = []
    for stream in streams:
        own = tuple(feature for over, feature in found if over is stream)
        if not own:
            raise AggregateError(
                f"{view.name} has no feature over {stream.name}; write one, like fr.count(of={stream.name}), "
                "or leave the stream out.",
                at=view.at,
            )
        parts.append(replace(view, name=f"{view.name}#{stream.name}", stream=stream, features=own))
    return tuple(parts)


def view_class(view: ViewSpec, key: tuple[Expr | None, ...]) -> ViewMeta:
    """The class the user goes on with: its attributes are the view's features, read for a key.

    Args:
        view: The view.
        key: An expression for each part of the key, or None for the trigger's field of that name.

    Returns:
        The class.
    """
    by_types = tuple(field.type for part in view.by if (field := view.stream.field(part)))
    features = {
        f.name: _Access(
            FeatureRef(
                view.name,
                f.name,
                f.type,
                view.by,
                by_types,
                key,
                element=None if f.length is None else f.element,
                length=f.length,
            )
        )
        for f in view.shown
    }
    cls = ViewMeta(view.name, (), {"__doc__": view.doc, **features})
    cls.__forerun_view__ = view
    cls.__forerun_key__ = key
    return cls


@declared
def bind(view: type[T], /, **key: object) -> type[T]:
    """Read a view's features for another entity than the trigger's fields of the same name say.

    Args:
        view: A features class.
        key: For parts of its key, expressions over the trigger event; others keep the field of their name.

    Returns:
        The same features, for that entity.

    Raises:
        BindingError: Not a features class, no part named, or a part it does not have.

    `fr.bind(OriginNow, origin=Scheduled.dest)` is what OriginNow knows of the airport a flight goes to; as
    inputs its features are named "OriginNow@dest.delay_1h".

    >>> import forerun as fr
    >>> app = fr.App("flights")
    >>> @app.stream(key="flight", lateness="1h")
    ... class Departed(fr.Event):
    ...     flight: str
    ...     at: fr.EventTime
    ...     origin: str
    ...     dest: str
    >>> @app.features(Departed, by="origin")
    ... class OriginNow:
    ...     departures_1h = fr.count(over="1h")
    >>> fr.bind(OriginNow, origin=Departed.dest).departures_1h
    fr.bind(OriginNow, origin=Departed.dest).departures_1h
    """
    declared_view: object = view
    if not isinstance(declared_view, ViewMeta):
        raise BindingError(
            f"bind({view!r}, ...): the first argument is a features class made with @app.features."
        )
    spec = declared_view.__forerun_view__
    if not key:
        raise BindingError(
            f"bind({spec.name}) names no part of the key; write bind({spec.name}, {spec.by[0]}=...)."
        )
    for part in key:
        if part not in spec.by:
            raise BindingError(f"{spec.name} is not kept by {part!r}.{nearest(part, spec.by)}")
    parts = [
        as_expr(key[part]) if part in key else old
        for part, old in zip(spec.by, declared_view.__forerun_key__, strict=True)
    ]
    return cast(type[T], view_class(spec, tuple(parts)))


def input_name(expr: Expr) -> str | None:
    """The name an expression has as an input, or None when it must be given one.

    Args:
        expr: A field, a feature, or a named expression.

    Returns:
        "distance", "OriginNow.delay_1h", "OriginNow@dest.delay_1h", "Shop.top.0" for an element of a list, or
        the name given.
    """
    if expr.name is not None:
        return expr.name
    if isinstance(expr, Field):
        return expr.field
    if not isinstance(expr, FeatureRef):
        return None
    names = [input_name(part) for part in expr.key if part is not None]
    if None in names:
        raise InputError(
            f"{expr!r} is bound to an expression without a name; write fr.bind({expr.view}, "
            f"{expr.by[0]}=fr.named('name', ...)).",
            at=expr.at,
        )
    of = f"@{'+'.join(str(name) for name in names)}" if names else ""
    element = "" if expr.index is None else f".{expr.index}"  # no brackets: LightGBM and ONNX refuse them
    return f"{expr.view}{of}.{expr.feature}{element}"
