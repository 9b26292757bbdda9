"""What a model reads: named inputs, computed when an event of the trigger stream has been applied."""

from dataclasses import dataclass

from forerun.events.expression import Expr
from forerun.events.schema import StreamSpec


@dataclass(frozen=True, eq=False)
class InputSpec:
    """One input: its name in every table and explanation, and what it is.

    Args:
        name: Like "distance", "OriginNow.delay_1h" or the name given with `named`.
        expr: A bool, int or float over the trigger's fields and features, keys bound.
    """

    name: str
    expr: Expr


@dataclass(frozen=True, eq=False)
class VectorSpec:
    """The inputs of one model.

    Args:
        name: The model's name.
        on: The stream whose events trigger a prediction.
        inputs: In the order of declaration; the vector has one float per input, missing when null.
    """

    name: str
    on: StreamSpec
    inputs: tuple[InputSpec, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs' names, in order."""
        return tuple(item.name for item in self.inputs)
