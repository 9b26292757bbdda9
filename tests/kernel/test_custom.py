"""Custom aggregates: the kernel calls a function with the values of a window, and lives with what it does."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.kernel.ticks import (
    Json,
    K,
    N,
    X,
    apply,
    call,
    feature,
    literal,
    plan,
    requests,
    rows_of,
    values,
    view,
)

from forerun._core import Kernel, PlanError


def _custom(name: str, **params: object) -> Json:
    window = {"kind": "sliding", "over_us": 100, "ago_us": 0}
    return {"name": name, "agg": "custom", "arg": X, "params": {"function": name, **params}, "window": window}


def test_a_function_gets_all_values_with_their_times() -> None:
    """Without nulls, oldest first, with the time of the reading; without values it is not called."""
    calls: list[tuple[list[float], list[int], int]] = []

    def spread(values: list[float], times_us: list[int], t_us: int) -> float:
        calls.append((values, times_us, t_us))
        return max(values) - min(values)

    made = _custom("spread", source="of any text")
    twice = {"name": "twice", "expr": call("mul", {"op": "own", "feature": 0}, literal("float", 2.0))}
    read: Json = {"op": "feature", "view": 0, "feature": 0, "key": [K]}
    inputs = {"spread": read, "n": N}
    kernel = Kernel(
        plan(view(made, twice), inputs=inputs),
        {"spread": spread},
    )
    step = apply(
        kernel,
        {"at": 2, "x": 2.5},
        {"at": 3, "x": None},
        {"at": 1, "x": 4.0},
        {"at": 145, "k": "z", "x": None},
    )
    assert [row["spread"] for row in rows_of(step.vectors[0])] == [0.0, 0.0, 0.0, None]
    assert calls == [([2.5], [2], 2), ([2.5], [2], 3), ([4.0], [1], 1)]
    assert values(kernel, 50) == {"spread": 1.5, "twice": 3.0}
    assert calls[3:] == [([4.0, 2.5], [1, 2], 50)]


def test_a_function_that_fails_gives_null_and_loses_nothing() -> None:
    """An exception, NaN, infinity, or no number: null; an interrupt is raised."""

    def odd(values: list[float], times_us: list[int], t_us: int) -> Any:  # more than it may give
        return {1: 0.5, 2: float("nan"), 3: float("-inf"), 4: "text", 5: None, 6: -0.0}[len(values)]

    def stop(values: list[float], times_us: list[int], t_us: int) -> float:
        raise KeyboardInterrupt

    made = plan(view(_custom("odd"), feature("count", over=100)))
    kernel = Kernel(made, {"odd": odd})
    found = []
    for at in range(7):
        apply(kernel, {"at": at, "x": 1.0}, offset=at)
        found.append(values(kernel, at))
    assert [row["count"] for row in found] == [1, 2, 3, 4, 5, 6, 7]
    assert repr([row["odd"] for row in found]) == "[0.5, None, None, None, None, 0.0, None]"
    stopped = Kernel(made, {"odd": stop})
    apply(stopped, {"at": 0, "x": 1.0})
    with pytest.raises(KeyboardInterrupt):
        values(stopped, 0)


def test_what_a_function_that_fails_says_is_told() -> None:
    """The type of its exception and the first line of the message, with row and feature, in any step."""

    class SilentError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def odd(values: list[float], times_us: list[int], t_us: int) -> Any:  # more than it may give
        if len(values) == 1:
            raise ValueError("no way\nsecond line")
        if len(values) == 2:
            raise ValueError("x" * 300)
        if len(values) == 3:
            raise SilentError
        return [0.0, float("nan"), "text"][len(values) - 4]

    read: Json = {"op": "feature", "view": 0, "feature": 0, "key": [K]}
    text = plan(view(_custom("odd")), inputs={"odd": read})
    kernel, single = Kernel(text, {"odd": odd}), Kernel(text, {"odd": odd})
    step = apply(kernel, *({"at": at, "x": 1.0} for at in range(6)))
    expected = [
        (0, "ValueError: no way"),
        (1, f"ValueError: {'x' * 200}..."),
        (2, "SilentError"),
        (4, "it gave NaN, which is no number; give nothing where there is no value"),
        (5, "TypeError: must be real number, not str"),
    ]
    assert [(row["row"], row["why"]) for row in rows_of(step.overflow)] == expected
    one_by_one = [single.event(0, 0, at, at, ("a", at, 1.0, 0, False)).overflow for at in range(6)]
    assert [(at, why) for at, told in enumerate(one_by_one) for *_, why in told] == expected
    _, overflow = kernel.vector(0, requests({"at": 5}))
    assert [row["why"] for row in rows_of(overflow)] == [expected[-1][1]]


def test_a_function_must_be_known() -> None:
    """A plan that calls what nobody has given is refused by name."""
    with pytest.raises(
        PlanError, match=r"^view 'Now', feature 'spread': no function 'spread' is registered$"
    ):
        Kernel(plan(view(_custom("spread"))))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_function_cannot_call_the_kernel_that_calls_it(threads: int) -> None:
    """It would wait for itself: it is told so, and everything goes on. Another kernel may be asked."""
    other = Kernel(plan(view(feature("count", over=100))))
    apply(other, {"at": 1})
    told: list[list[str]] = []

    def answer(ask: Callable[[], object]) -> str:
        try:
            ask()
        except RuntimeError as error:
            return str(error)
        return "answered"

    def curious(values: list[float], times_us: list[int], t_us: int) -> float:
        asked = (
            lambda: kernel.watermarks(),
            lambda: kernel.event(0, 0, 9999, 9999, ("a", 9999, 1.0, 0, False)),
            lambda: reader.read(("a",), 200),
            lambda: other.watermarks(),
        )
        told.append([answer(ask) for ask in asked])
        return 0.5

    text = plan(
        view(_custom("curious")), inputs={"n": {"op": "feature", "view": 0, "feature": 0, "key": [K]}}
    )
    kernel = Kernel(text, {"curious": curious})
    kernel.set_threads(threads)
    reader = kernel.reader(0)
    kernel.event(0, 0, 0, 1, ("a", 1, 1.0, 0, False))
    apply(kernel, *({"at": 2, "k": f"k{at}", "x": 1.0} for at in range(3000)), offset=1)
    assert reader.read(("a",), 3) == (0.5,)
    refused = "a function that the kernel calls cannot call the same kernel"
    assert told == [[refused, refused, refused, "answered"]] * 3002
    assert kernel.watermarks() == [-98]
