"""Calls with wrong arguments, reported like every other mistake in an app file."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from forerun.errors import CallError
from forerun.events.nearest import nearest

P = ParamSpec("P")
R = TypeVar("R")


def declared(function: Callable[P, R]) -> Callable[P, R]:
    """Make a public function report arguments it does not have as a `CallError`.

    Args:
        function: Any function of the user's surface.

    Returns:
        The same function.

    >>> @declared
    ... def mean(value: float, *, over: str) -> float: ...
    >>> mean(1.0, ovr="5m")
    Traceback (most recent call last):
    forerun.errors.CallError: [FR-DEF-CALL] ...: mean() got an unexpected keyword argument 'ovr'. Did ...
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # raised inside, not by the call itself
            code = getattr(function, "__code__")  # noqa: B009  # Callable has none for mypy
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            wrong = [name for name in kwargs if name not in names]
            hint = nearest(wrong[0], [name for name in names if name != "self"]) if wrong else ""
            shown = str(error).rpartition(f"{function.__name__}()")
            raise CallError(f"{''.join(shown[1:])}.{hint}") from error

    return call
