"""What a feature is worth: windows, lifetimes, nulls, filters and keys."""

import math
from typing import Any

import pytest
from tests.kernel.ticks import AT, B, Json, K, N, X, apply, call, feature, literal, plan, values, view

from forerun._core import Kernel

AGGREGATES = ("count", "sum", "mean", "min", "max", "var", "std", "first", "last")


def _all(arg: Json, **settings: object) -> tuple[Json, ...]:
    return tuple(feature(agg, arg, **settings) for agg in AGGREGATES)


def test_every_aggregate_of_a_small_window() -> None:
    """Each aggregate of 1, 5 and 3 is what a reader computes by head."""
    kernel = Kernel(plan(view(*_all(X, over=100))))
    apply(kernel, {"at": 10, "x": 1.0}, {"at": 20, "x": 5.0}, {"at": 30, "x": 3.0})
    assert values(kernel, 30) == {
        "count": 3,
        "sum": 9.0,
        "mean": 3.0,
        "min": 1.0,
        "max": 5.0,
        "var": 4.0,
        "std": 2.0,
        "first": 1.0,
        "last": 3.0,
    }


def test_a_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    """An event at t counts, one at t - over does not, one after t does not."""
    kernel = Kernel(plan(view(feature("count", over=10))))
    apply(kernel, {"at": 10}, {"at": 11}, {"at": 20}, {"at": 21})
    assert [values(kernel, t)["count"] for t in (9, 10, 19, 20, 21, 30, 31)] == [0, 1, 2, 2, 2, 1, 0]


def test_empty_aggregates() -> None:
    """An unknown entity, a null key and an expired window count 0 and are null otherwise."""
    kernel = Kernel(plan(view(*_all(X, over=100), feature("rate", over=100))))
    apply(kernel, {"at": 10, "x": 1.0}, {"at": 10, "x": 1.0, "k": None})
    expected = {**dict.fromkeys((*AGGREGATES, "rate"), None), "count": 0}
    assert [values(kernel, 20, "z"), values(kernel, 20, None), values(kernel, 500)] == [expected] * 3


def test_nulls_are_skipped_and_counted_as_events() -> None:
    """count() counts events, every aggregate of x skips nulls."""
    kernel = Kernel(plan(view(*_all(X, over=100), feature("count", name="events", over=100))))
    apply(kernel, {"at": 1, "x": None}, {"at": 2, "x": 4.0}, {"at": 3, "x": None})
    got = values(kernel, 3)
    assert (got["events"], got["count"], got["mean"], got["first"], got["last"]) == (3, 1, 4.0, 4.0, 4.0)
    assert (got["var"], got["std"]) == (None, None)


def test_conditions_and_ints_keep_their_types() -> None:
    """The mean of a condition is a share, its sum an int; min and last of an int are ints."""
    over = {"over": 100}
    kernel = Kernel(
        plan(
            view(
                feature("mean", B, name="share", **over),
                feature("sum", B, name="true", **over),
                feature("last", B, name="now", **over),
                feature("min", N, **over),
                feature("sum", N, **over),
                feature("max", AT, **over),
            )
        )
    )
    apply(kernel, {"at": 1, "b": True, "n": -3}, {"at": 2, "b": False, "n": 8})
    got = values(kernel, 5)
    assert [got[name] for name in ("share", "true", "now", "min", "sum")] == [0.5, 1, False, -3, 5]
    assert [type(got[name]) for name in ("true", "now", "min")] == [int, bool, int]
    assert got["max"].microsecond == 2


def test_a_rate_is_per_unit_of_time() -> None:
    """rate() is count / (over / per), rate(x) is sum / (over / per)."""
    kernel = Kernel(
        plan(view(feature("rate", over=100, per=10), feature("rate", X, name="flow", over=100, per=10)))
    )
    apply(kernel, {"at": 1, "x": 2.5}, {"at": 2, "x": 2.5})
    assert values(kernel, 2) == {"rate": 0.2, "flow": 0.5}


def test_filters_of_view_and_feature() -> None:
    """A view's filter keeps events out, a feature's filter out of that feature; null is not true."""
    large = call("gt", X, literal("float", 2.0))
    counts = (feature("count", over=100), feature("count", name="large", where=large, over=100))
    kernel = Kernel(plan(view(*counts, where=B)))
    apply(
        kernel,
        {"at": 1, "x": 9.0, "b": True},
        {"at": 2, "x": None, "b": True},
        {"at": 3, "x": 1.0, "b": True},
        {"at": 4, "x": 9.0, "b": False},
    )
    assert values(kernel, 9) == {"count": 3, "large": 1}


def test_a_lifetime_has_no_start_but_an_end() -> None:
    """Without `over` all events up to t count, read before the newest event too, and settled ones stay."""
    kernel = Kernel(plan(view(*_all(X)), lateness=100))
    apply(kernel, {"at": 10, "x": 1.0}, {"at": 1000, "x": 5.0}, {"at": 1010, "x": 3.0})
    assert [values(kernel, t)["sum"] for t in (920, 1000, 1010, 10**9)] == [1.0, 6.0, 9.0, 9.0]
    got = values(kernel, 1000)
    assert [got[agg] for agg in ("count", "min", "max", "first", "last")] == [2, 1.0, 5.0, 1.0, 5.0]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_first_and_last_go_by_event_time_then_offset(order: tuple[int, ...]) -> None:
    """Of equal event times the lower offset is first, whatever else arrives when."""
    rows: list[dict[str, Any]] = [{"at": 5}, {"at": 5}, {"at": 5}]
    kernel = Kernel(plan(view(feature("first", N, over=50), feature("last", N, over=50))))
    apply(kernel, *({**row, "n": n} for row, n in zip(rows, order, strict=True)))
    assert values(kernel, 5) == {"first": order[0], "last": order[2]}


def test_keys_of_several_parts() -> None:
    """Entities are told apart by every part of the key, of whatever type."""
    kernel = Kernel(plan(view(feature("count", over=100), by=("k", "n", "b"))))
    apply(kernel, {"at": 1, "n": 1}, {"at": 2, "n": 1}, {"at": 3, "n": 2}, {"at": 4, "n": 1, "b": True})
    assert kernel.entities() == [3]


def test_sums_are_exact_and_without_order() -> None:
    """A huge value that comes and expires leaves nothing behind."""
    kernel = Kernel(plan(view(feature("sum", X, over=10), feature("std", X, over=10)), lateness=0))
    apply(kernel, {"at": 1, "x": 1e300}, {"at": 2, "x": 0.1}, {"at": 3, "x": 0.2}, {"at": 4, "x": 1e-300})
    got = values(kernel, 11)
    assert got["sum"] == math.fsum((0.1, 0.2, 1e-300))
    assert got["std"] == pytest.approx(0.1, rel=1e-15)


def test_counting_texts() -> None:
    """A string can be counted where it is there."""
    kernel = Kernel(plan(view(feature("count", K, over=100), by=("n",))))
    apply(kernel, {"at": 1}, {"at": 2, "k": None})
    assert kernel.entities() == [1]
