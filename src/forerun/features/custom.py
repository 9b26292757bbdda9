"""Aggregates of your own: a Python function that is given the values inside a window."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType, MappingProxyType
from typing import Protocol, TypeAlias, cast

from forerun.errors import AggregateError, DuplicateNameError
from forerun.events.calls import declared
from forerun.events.canonical import digest
from forerun.events.source import source_text
from forerun.features.aggregate import NUMBERS, Aggregate, argument, condition
from forerun.features.definition import ViewSpec
from forerun.features.window import Over, window_of


class CustomAggregate(Protocol):
    """What `custom` takes: a pure function of the values in a window, their times, and the time of reading.

    Added in 0.2.

    >>> def spread(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    ...     return max(values) - min(values)
    >>> function: CustomAggregate = spread
    >>> function([10.0, 60.0], [1, 2], 3)
    50.0
    """

    def __call__(self, values: Sequence[float], times_us: Sequence[int], t_us: int, /) -> float | None:
        """The aggregate's value.

        Args:
            values: The values, at least one; nulls are skipped. Of a condition, 1.0 where it is true.
            times_us: The event time of each, in microseconds UTC.
            t_us: The time of the reading; of a closed window, its end.

        Returns:
            A finite number, or None where there is none.
        """
        ...


Functions: TypeAlias = Mapping[str, CustomAggregate]
"""The functions that a plan calls, by name."""

NO_FUNCTIONS: Functions = MappingProxyType({})


@declared
def custom(
    function: CustomAggregate, value: float | None, *, over: Over = None, where: bool | None = None
) -> float:
    """Whatever a Python function makes of the values inside a window.

    The function is given the values, oldest first (by event time, partition, offset), their event times and
    the time of the reading; see `CustomAggregate`. It must depend on nothing else: the same function runs for
    events, requests over HTTP, training, hindsight and replay. It is called for every reading with all values
    of the window, so it is a slow path: where forerun's own aggregates say the same, use them.

    Where it raises an exception, or gives NaN or an infinity, the feature is null and no event is lost; what
    it said is in the reason of the predictions that lack it, and in `forerun status`.
    Without values it is not called, and the feature is null. Its source text is part of the feature version;
    what it calls is not.

    Args:
        function: Written with `def`, of three arguments; it uses no variable of a function around it.
        value: A number or condition over the event.
        over: Length of the window, like '1h', or a window that keeps its events; a lifetime does not.
        where: Only events where this holds.

    Returns:
        A float feature.

    Raises:
        AggregateError: No such function, or a window that does not keep its events.

    >>> from forerun.testing.doors import Opened, at_eleven
    >>> def spread(values, times_us, t_us):
    ...     return max(values) - min(values)
    >>> at_eleven(custom(spread, Opened.seconds, over="1h"))  # 10, 20, 60
    50.0
    """
    name = _checked(function)
    source = source_text(function, function)
    window = window_of(over)
    made = Aggregate(
        "custom",
        argument("custom", value, NUMBERS),
        where=condition("custom", where),
        window=window,
        type="float",
        params={"function": name, "source": digest(source)},
        function=function,
        endless=f"custom {window.words} would remember every value there ever was; write a window, "
        "like over='1h'.",
    )
    return cast(float, made)


def functions_of(views: Iterable[ViewSpec]) -> dict[str, CustomAggregate]:
    """The functions that the features of views call.

    Args:
        views: Features classes, and the aggregates of windows classes.

    Returns:
        By name.

    Raises:
        DuplicateNameError: Two functions have one name.
    """
    found: dict[str, CustomAggregate] = {}
    for view in views:
        for feature in (feature for part in view.compiled for feature in part.aggregates):
            if feature.function is None:
                continue
            name = str(feature.params["function"])
            if found.setdefault(name, feature.function) is not feature.function:
                raise DuplicateNameError(
                    f"{view.name}.{feature.name}: there is already another custom function called {name!r}; "
                    "rename one.",
                    at=view.at,
                )
    return found


def _checked(function: object) -> str:
    """The name of a function, if it can be called and told apart from others."""
    name = function.__name__ if isinstance(function, FunctionType) else ""
    if not isinstance(function, FunctionType) or not name.isidentifier():
        raise AggregateError(
            f"custom({function!r}, ...): write a function with `def name(values, times_us, t_us):`."
        )
    if function.__code__.co_flags & (
        inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
    ):
        raise AggregateError(
            f"custom({name}, ...): {name} gives no number when it is called but something to await or to go "
            "through; write a plain `def` with `return`."
        )
    if function.__closure__:
        outer = ", ".join(function.__code__.co_freevars)
        raise AggregateError(
            f"custom({name}, ...): {name} uses {outer} of the function around it, and no version would tell "
            "when that changes; write it at the top of the file."
        )
    try:
        inspect.signature(function).bind([], [], 0)
    except TypeError as error:
        shown = ", ".join(inspect.signature(function).parameters)
        raise AggregateError(
            f"custom({name}, ...): {name}({shown}) is called with values, times_us and t_us: {error}."
        ) from error
    return name
