"""Keys for features: which entity of a view an expression over the trigger means."""

from forerun.errors import BindingError, InputError
from forerun.events.expression import Call, Constant, Expr, FeatureRef, Field
from forerun.events.schema import StreamSpec


def bound(expr: Expr, on: StreamSpec) -> Expr:
    """An expression as it is read when an event of a stream has been applied: every feature with its key.

    Args:
        expr: Fields of that stream, features and constants.
        on: The trigger stream.

    Returns:
        The expression with the trigger's field named like each part of a key, unless `bind` gave another.

    Raises:
        BindingError: The trigger has no such field, or one of another type.
        InputError: A field of another stream, whose value is not known at the trigger.
    """
    return expr.rebuild(lambda part: _bound_part(part, on))


def _bound_part(part: Expr, on: StreamSpec) -> Expr:
    if isinstance(part, Constant | Call):
        return part
    if isinstance(part, Field):
        if not issubclass(on.event, part.owner):
            raise InputError(_other_stream(part, on), at=part.at)
        return part
    if isinstance(part, FeatureRef):
        key = tuple(_key_part(part, index, given, on) for index, given in enumerate(part.key))
        return part.keyed(key)
    part.canonical()  # an aggregate outside a features class says so itself
    return part


def _key_part(feature: FeatureRef, index: int, given: Expr | None, on: StreamSpec) -> Expr:
    name, wanted = feature.by[index], feature.by_types[index]
    field = on.field(name)
    if given is None and field is None:
        fields = [f.name for f in on.fields if f.type == wanted]
        example = f"fr.bind({feature.view}, {name}={on.name}.{fields[0] if fields else '...'})"
        raise BindingError(
            f"{feature.view}.{feature.feature} is kept by {name!r}, and {on.name} has no field {name!r}; "
            f"say whose value is meant: {example}.{feature.feature}. "
            f"{on.name}'s fields of type {wanted}: {', '.join(fields) or 'none'}.",
            at=feature.at,
        )
    part = given if given is not None else Field(on.event, name, field.type if field else wanted)
    if part.type != wanted:
        raise BindingError(
            f"{feature.view} is kept by {name!r}, which is {wanted}; {part!r} is {part.type}. "
            f"Bind an expression of type {wanted}: fr.bind({feature.view}, {name}=...).",
            at=feature.at,
        )
    return part


def _other_stream(field: Field, on: StreamSpec) -> str:
    owner = field.owner.__name__
    return (
        f"{field!r} is a field of {owner}, and predictions are made on {on.name}: which {owner}? "
        f"Declare a feature, @app.features({owner}, by=...) with {field.field} = fr.last({field!r})."
    )
