"""What stands in the body of a features class, before the class makes features of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from forerun.errors import AggregateError
from forerun.events.expression import Canonical, Expr, FeatureRef, as_expr
from forerun.events.types import TypeName
from forerun.features.window import Lifetime, Tiled, Window

if TYPE_CHECKING:
    from forerun.features.custom import CustomAggregate

NUMBERS: tuple[TypeName, ...] = ("bool", "int", "float")
ORDERED: tuple[TypeName, ...] = ("int", "float", "time", "duration")
VALUES: tuple[TypeName, ...] = ("bool", "int", "float", "string", "time", "duration")
BOUNDED = frozenset({"count", "max", "mean", "min", "rate", "sum"})
"""Aggregates whose error in a tiled window is known."""

NO_PARAMS: Mapping[str, object] = MappingProxyType({})


class Aggregate(Expr):
    """An aggregate in the body of a features class.

    Args:
        agg: Its name in the plan.
        arg: What is aggregated; None: the events themselves.
        where: Which events count; None: all.
        window: Which events are inside.
        type: The type of its value; of one element where it is a list.
        params: Its parameters, as in the plan.
        length: For a list, the most elements it has; else None.
        of: The event class it runs over, where the user has said so.
        function: What computes it, when that is a function of the user's.
        endless: What is wrong with it over a lifetime; empty: nothing. Where windows close it is over those.
    """

    def __init__(
        self,
        agg: str,
        arg: Expr | None,
        *,
        where: Expr | None,
        window: Window,
        type: TypeName,
        params: Mapping[str, object] = NO_PARAMS,
        length: int | None = None,
        of: object = None,
        function: "CustomAggregate | None" = None,
        endless: str = "",
    ) -> None:
        super().__init__(type if length is None else "list")
        if isinstance(window, Tiled) and agg not in BOUNDED:
            raise AggregateError(
                f"{agg} {window.words} has no bound on its error; write an exact window, like over='30d', or "
                f"use one of {', '.join(sorted(BOUNDED))}."
            )
        self.agg = agg
        self.arg = arg
        self.where = where
        self.window = window
        self.params = params
        self.element = type
        self.length = length
        self.of = of
        self.function = function
        self.endless = endless if isinstance(window, Lifetime) else ""

    def canonical(self) -> Canonical:
        """Refused: an aggregate has a meaning only inside a features class."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Say that an aggregate stands where only features can be read."""
        raise AggregateError(
            f"{self!r} stands outside a features class; give it a name in one and read it as View.name.",
            at=self.at,
        )

    def __repr__(self) -> str:
        return f"{named(self.agg, self.params)}({'' if self.arg is None else repr(self.arg)})"


class Happened(Expr):
    """The event time of the events a view aggregates, before it is known which stream they are of."""

    def __init__(self) -> None:
        super().__init__("time")

    def canonical(self) -> Canonical:
        """Refused: the view puts its stream's field here."""
        raise AssertionError("a view replaces it")

    def __repr__(self) -> str:
        return "the event's time"


class Now(Expr):
    """The time a feature is read at."""

    def __init__(self) -> None:
        super().__init__("time")

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"op": "now"}

    def __repr__(self) -> str:
        return "now"


class Own(Expr):
    """A feature of the same view, inside a derived one.

    Args:
        feature: Its name.
        type: Its type.
        shown: What it stands for, for people.
    """

    def __init__(self, feature: str, type: TypeName, shown: str) -> None:
        super().__init__(type)
        self.feature = feature
        self.shown = shown

    def canonical(self) -> Canonical:
        """The form that is hashed; the plan has the feature's index in place of its name."""
        return {"op": "own", "feature": self.feature}

    def __repr__(self) -> str:
        return self.shown


def argument(agg: str, value: object, types: tuple[TypeName, ...] = VALUES) -> Expr:
    """The expression to aggregate, over the event's own fields and of a type that this aggregate takes.

    Args:
        agg: The aggregate, for the message.
        value: What the user wrote.
        types: What it takes.

    Returns:
        The expression.

    Raises:
        AggregateError: A constant, a feature, or another type.
    """
    if not isinstance(value, Expr):
        raise AggregateError(f"{agg}({value!r}) aggregates the same constant for every event; write a field.")
    for part in value.walk():
        if isinstance(part, Aggregate | FeatureRef):
            raise AggregateError(
                f"{agg}({value!r}): {part!r} is itself an aggregate; a view aggregates its events' fields."
            )
    if value.type in types:
        return value
    raise AggregateError(
        f"{agg}({value!r}): {value!r} is {value.type}; {_ADVICE[value.type].format(agg=agg, x=value)}."
    )


_ADVICE: dict[TypeName, str] = {
    "bool": "{agg} takes ordered values; write mean for the share that is true, or last for the latest",
    "duration": "{agg} takes numbers; write {agg}(fr.seconds({x!r}))",
    "float": "{agg} takes conditions or whole values; write {agg}({x!r} > 0)",
    "int": "{agg} takes conditions; write {agg}({x!r} > 0)",
    "string": "{agg} takes numbers; write {agg}({x!r} == 'value') for the share or number of one value",
    "time": "{agg} takes numbers; subtract another time and write fr.seconds(...)",
}


def condition(agg: str, where: object) -> Expr | None:
    """A `where=` as an expression.

    Args:
        agg: The aggregate, for the message.
        where: What the user wrote.

    Returns:
        The condition, or None for none.

    Raises:
        AggregateError: It is no condition.
    """
    if where is None:
        return None
    made = as_expr(where)
    if made.type != "bool":
        raise AggregateError(f"{agg}(where={made!r}) is {made.type}, not a condition; write a comparison.")
    return made


def named(agg: str, params: Mapping[str, object]) -> str:
    """What people call an aggregate: its name, or that of the function that computes it.

    >>> named("custom", {"function": "spread"}), named("mean", {})
    ('spread', 'mean')
    """
    return str(params.get("function", agg))
