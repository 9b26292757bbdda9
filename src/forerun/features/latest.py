"""A field of another stream, read as the latest value for its key: `Weather.visib` in a model on `Scheduled`.

Stands for a view nobody has to write: named like the stream, kept by the stream's key, with `last` of every
field that is a number, condition or time. It is an ordinary view in the plan, with a version of its own.
"""

from collections.abc import Iterable

from forerun.errors import InputError
from forerun.events.expression import Expr, FeatureRef, Field
from forerun.events.schema import StreamSpec
from forerun.features.aggregate import NO_PARAMS
from forerun.features.definition import FeatureSpec, ViewSpec
from forerun.features.window import Lifetime


def latest_view(stream: StreamSpec) -> ViewSpec:
    """The view of a stream's latest values.

    Args:
        stream: The stream.

    Returns:
        The view. A value is null before the first event; null values do not replace known ones.
    """
    features = tuple(
        FeatureSpec(
            name=f.name,
            agg="last",
            arg=Field(stream.event, f.name, f.type),
            where=None,
            window=Lifetime(),
            params=NO_PARAMS,
            type=f.type,
            element=f.type,
        )
        for f in stream.fields
        if f.type != "string"
    )
    doc = f"The latest known value of each field of {stream.name}."
    return ViewSpec(stream.name, stream, stream.key, None, features, doc, stream.at)


def latest(expr: Expr, on: StreamSpec, streams: Iterable[StreamSpec]) -> Expr:
    """An expression with fields of other streams replaced by their latest value.

    Args:
        expr: What a user wrote in a model's inputs or in a rule.
        on: The trigger stream; its own fields stay.
        streams: The app's streams.

    Returns:
        The expression.

    Raises:
        InputError: The latest value of a string is asked for; only numbers, conditions and times are kept.
    """
    others = {spec.event: spec for spec in streams if spec is not on}

    def replace(part: Expr) -> Expr:
        stream = others.get(part.owner) if isinstance(part, Field) else None
        if stream is None or not isinstance(part, Field):
            return part
        if part.type == "string":
            raise InputError(
                f"{part!r}: the latest value of a string is not kept; declare what matters, like "
                f"`is_x = fr.last({part!r} == 'x')` with @app.features({stream.name}, by=...).",
                at=part.at,
            )
        types = tuple(field.type for name in stream.key if (field := stream.field(name)) is not None)
        none = (None,) * len(stream.key)
        feature = FeatureRef(stream.name, part.field, part.type, stream.key, types, none)
        feature.name, feature.at = part.name, part.at
        return feature

    return expr.rebuild(replace)
