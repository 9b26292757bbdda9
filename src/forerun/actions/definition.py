"""What a decision rule is, once declared: when a prediction calls for an action, and which."""

import re
from dataclasses import dataclass

from forerun.errors import BindingError, InputError, Location, RuleError
from forerun.events.binding import bound
from forerun.events.calls import declared
from forerun.events.expression import Call, Constant, Expr, Field
from forerun.events.vector import InputSpec, VectorSpec

_TOPIC = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class EmitSpec:
    """Send the decision to a topic.

    Args:
        topic: Its name.
    """

    topic: str

    def canonical(self) -> dict[str, object]:
        """The form that is hashed."""
        return {"emit": self.topic}


@dataclass(frozen=True, eq=False)
class RuleSpec:
    """A rule, once declared.

    Args:
        name: Its name among the app's rules.
        model: The model whose predictions it looks at.
        when: A condition over the columns `score`, `fields` and `inputs`; null counts as false.
        do: What to do where it holds.
        fields: Fields of the trigger event it uses.
        inputs: Inputs of the model it uses, as served (float32 widened to float64).
        at: File and line of the declaration.
    """

    name: str
    model: str
    when: Expr
    do: EmitSpec
    fields: tuple[str, ...]
    inputs: tuple[str, ...]
    at: Location

    def canonical(self) -> dict[str, object]:
        """The form that is hashed."""
        return {
            "name": self.name,
            "model": self.model,
            "when": self.when.canonical(),
            "do": self.do.canonical(),
        }


@declared
def emit(topic: str) -> EmitSpec:
    """Send the decision to a topic, once, with an id that a replay gives again.

    Args:
        topic: Small letters, digits, `_`, `.` and `-`; at most 100 characters.

    Returns:
        The action, for `App.decide`.

    Raises:
        RuleError: The topic cannot be a name.

    >>> emit("rebooking")
    EmitSpec(topic='rebooking')
    """
    given: object = topic
    if not isinstance(given, str) or not _TOPIC.fullmatch(given):
        raise RuleError(
            f"emit({topic!r}): a topic has small letters, digits, '_', '.' and '-'; write emit('rebooking')."
        )
    return EmitSpec(topic)


def rule_of(
    name: str | None, when: object, do: object, *, model: type, vector: VectorSpec, at: Location
) -> RuleSpec:
    """Check a rule and turn what it reads into columns.

    Args:
        name: The rule's name; None: the model's and the topic's.
        when: A condition over the model's score, the trigger event's fields and the model's inputs.
        do: What `emit` returns.
        model: The model's class.
        vector: The model's inputs.
        at: File and line of the declaration.

    Returns:
        The rule.

    Raises:
        RuleError: No condition, or one that uses something else.
    """
    if not isinstance(do, EmitSpec):
        raise RuleError(f"decide({model.__name__}): do={do!r} is no action; write do=fr.emit('topic').")
    name = name if name is not None else f"{model.__name__}-{do.topic}"
    if not isinstance(when, Expr) or when.type != "bool":
        raise RuleError(f"{name}: when={when!r} is no condition; write when={model.__name__}.score > 0.8.")
    fields: dict[str, None] = {}
    inputs: dict[str, None] = {}

    def column(expr: Expr) -> Expr:
        """Outermost first: a whole input is a column, whatever it is made of."""
        if isinstance(expr, Constant):
            return expr
        if isinstance(expr, Field) and expr.owner is model:
            return expr
        if isinstance(expr, Field) and issubclass(vector.on.event, expr.owner):
            fields[expr.field] = None
            return Field(vector.on.event, expr.field, expr.type)
        item = _input_like(expr, vector)
        if item is not None:
            inputs[item.name] = None
            return Field(model, item.name, item.expr.type)
        if isinstance(expr, Call):
            return Call(expr.op, tuple(column(arg) for arg in expr.args), expr.type)
        raise RuleError(
            f"{name}: {expr!r} is not known when {model.__name__} decides; use its score, fields of "
            f"{vector.on.name}, or add {expr!r} to {model.__name__}.inputs.",
            at=expr.at,
        )

    condition = column(when)
    return RuleSpec(name, vector.name, condition, do, tuple(fields), tuple(inputs), at)


def _input_like(expr: Expr, vector: VectorSpec) -> InputSpec | None:
    """The model's input that means the same as an expression, or None."""
    try:
        read = bound(expr, vector.on)
    except (BindingError, InputError):  # not known at the trigger, so no input either
        return None
    return next((item for item in vector.inputs if item.expr.same_as(read)), None)
