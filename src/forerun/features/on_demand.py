"""Inputs that a Python function computes from other inputs, at the moment they are asked for."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from forerun.errors import InputError
from forerun.events.canonical import digest
from forerun.events.expression import Canonical, Expr, as_expr
from forerun.events.source import source_text
from forerun.events.types import TypeName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Function = Callable[..., "NDArray[np.float64]"]

_NUMBERS: tuple[TypeName, ...] = ("bool", "int", "float")


class OnDemand(Expr):
    """What a Python function makes of other expressions: a float, the function's name its own.

    Args:
        function: The user's function.
        source: Its text.
        args: By parameter, what it is given.
    """

    def __init__(self, function: "Function", source: str, args: Mapping[str, Expr]) -> None:
        super().__init__("float", function.__name__)
        self.function = function
        self.source = source
        self.args = args

    def children(self) -> tuple[Expr, ...]:
        """What it is given."""
        return tuple(self.args.values())

    def rebuild(self, change: Callable[[Expr], Expr]) -> Expr:
        """A copy with `change` applied to every part, leaves first."""
        args = {name: arg.rebuild(change) for name, arg in self.args.items()}
        copy = OnDemand(self.function, self.source, args)
        copy.name, copy.at = self.name, self.at
        return change(copy)

    def canonical(self) -> Canonical:
        """The form that is hashed; the kernel computes only what the function is given."""
        args = {name: arg.canonical() for name, arg in self.args.items()}
        return {"op": "on_demand", "source": digest(self.source), "args": args}

    def __repr__(self) -> str:
        return self.function.__name__


def on_demand(**args: float | None) -> "Callable[[Function], float]":
    """Compute an input with a Python function, when a prediction asks for it.

    The function is given a numpy array for each argument, float64 with NaN where a value is missing, and
    returns one number for each row; NaN and infinities are missing. It is called with many rows at once, and
    must treat each by itself: whether it does is checked, and if not, it is called row by row. The same
    function runs for events, requests over HTTP, training and replay, so it must depend on nothing but its
    arguments. It is far slower than an expression; write one where you can.

    Where it raises, the input is missing, and the prediction is graded `fallback` with the reason; no event
    is lost. Its source text is part of the feature version; what it calls is not.

    Args:
        args: By parameter of the function, numbers and conditions: fields of the trigger event, features,
            expressions of them.

    Returns:
        A decorator; the function becomes an input, named like it.

    Raises:
        InputError: The parameters are not those named, or an argument is no number.

    >>> import forerun as fr
    >>> from forerun.testing.doors import Opened
    >>> @fr.on_demand(seconds=Opened.seconds)
    ... def digits(seconds):
    ...     return [len(str(int(one))) for one in seconds]
    >>> digits
    digits
    """
    exprs = {name: as_expr(value) for name, value in args.items()}

    def declare(function: "Function") -> float:
        name = getattr(function, "__name__", "")
        if not name.isidentifier():
            raise InputError(f"on_demand(...): {function!r} has no name; write `def name(...):` below it.")
        if not exprs:
            raise InputError(f"{name} is given nothing; write @fr.on_demand(amount=Event.amount, ...).")
        _check_parameters(name, function, exprs)
        for parameter, expr in exprs.items():
            if any(isinstance(part, OnDemand) for part in expr.walk()):
                raise InputError(
                    f"{name}: {parameter}={expr!r} is computed by a function itself; call that in this one."
                )
            if expr.type not in _NUMBERS:
                raise InputError(
                    f"{name}: {parameter}={expr!r} is {expr.type}; a function is given numbers and "
                    "conditions. Compare a string, or subtract a time and write fr.seconds(...).",
                    at=expr.at,
                )
        return cast(float, OnDemand(function, source_text(function, function), exprs))

    return declare


def _check_parameters(name: str, function: "Function", exprs: Mapping[str, Expr]) -> None:
    try:
        inspect.signature(function).bind(**exprs)
    except TypeError as error:
        shown = ", ".join(inspect.signature(function).parameters)
        raise InputError(
            f"{name}({shown}) is called with {', '.join(exprs)}: {error}; give @fr.on_demand an argument for "
            "each parameter."
        ) from error
