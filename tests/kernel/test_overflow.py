"""What is beyond the range of its type is null and told; everything else goes on as if nothing had been."""

from collections.abc import Iterator

import pytest
from tests.kernel.ticks import (
    Json,
    N,
    X,
    apply,
    batch,
    call,
    feature,
    keys,
    literal,
    plan,
    read_of,
    requests,
    rows_of,
    values,
    view,
)

from forerun._core import BatchError, Kernel

HUGE = {"x": 1.5e308, "n": 2**62}
WINDOW = {"over": 100}


@pytest.mark.parametrize("settings", [WINDOW, {}], ids=["window", "lifetime"])
@pytest.mark.parametrize("padding", [0, 200], ids=["few", "indexed"])
def test_only_what_is_out_of_range_is_null(settings: Json, padding: int) -> None:
    """Of one read the sums that overflow are null, and what is not derived from them keeps its value."""
    kernel = Kernel(
        plan(
            view(
                feature("sum", N, name="whole", **settings),
                feature("mean", N, name="whole_mean", **settings),
                feature("sum", X, **settings),
                feature("mean", X, **settings),
                feature("var", X, **settings),
                feature("std", X, **settings),
                feature("max", X, **settings),
                feature("count", **settings),
            ),
            lateness=0,
        )
    )
    less = {"x": 1e308, "n": 2**62}
    apply(kernel, {"at": 1, **HUGE}, {"at": 2, **less}, *({"at": 3, "x": 1.0} for _ in range(padding)))
    events = 2 + padding
    expected = {"whole": None, "whole_mean": pytest.approx(2**63 / events), "sum": None, "mean": None}
    assert values(kernel, 3) == {**expected, "var": None, "std": None, "max": 1.5e308, "count": events}
    if settings and not padding:
        left = {"whole": 2**62, "whole_mean": 2.0**62, "sum": 1e308, "mean": 1e308, "max": 1e308}
        assert values(kernel, 101) == {**left, "var": None, "std": None, "count": 1}


def test_a_deviation_is_derived_from_a_variance() -> None:
    """1e200 has a square that no double holds: variance and deviation are null, the sum is not."""
    kernel = Kernel(plan(view(feature("std", X, over=10), feature("sum", X, over=10)), lateness=0))
    apply(kernel, {"at": 1, "x": 1e200}, {"at": 2, "x": -1e200}, {"at": 3, "x": 0.5})
    assert values(kernel, 3) == {"std": None, "sum": 0.5}
    apply(kernel, {"at": 12, "x": 1.5}, offset=3)
    assert values(kernel, 12) == {"std": pytest.approx(0.5**0.5), "sum": 2.0}


def test_vectors_tell_what_they_lack() -> None:
    """Row and feature of every value out of range, in every step that reads one, and in none after it."""
    kernel = Kernel(_plan())
    step = apply(kernel, {"at": 1, **HUGE}, {"at": 2, **HUGE}, {"at": 3, "k": "b"})
    made = [(row["whole"], row["half"], row["sum"], row["n"]) for row in rows_of(step.vectors[0])]
    assert made == [(2.0**62, 2.0**61, 1.5e308, 1.0), (None, None, None, 2.0), (0.0, 0.0, None, 1.0)]
    told = {"vector": 0, "emitter": None, "row": 1, "why": None}
    assert rows_of(step.overflow) == [{**told, "feature": "Now.whole"}, {**told, "feature": "Now.sum"}]
    later = apply(kernel, {"at": 102, "x": 1.0}, offset=3)
    assert [row["sum"] for row in rows_of(later.vectors[0])] == [1.0]
    assert not len(later.overflow)


def test_what_is_made_of_several_is_told_of_once() -> None:
    """A feature of which several parts are out of range is one that is null."""
    parts = [feature("sum", N, name=f"whole#{part}", over=100) for part in ("one", "other")]
    whole = {"name": "whole", "expr": call("sub", *({"op": "own", "feature": part} for part in (0, 1)))}
    kernel = Kernel(plan(view(*parts, whole), inputs={"whole": read_of(2)}))
    step = apply(kernel, {"at": 1, **HUGE}, {"at": 2, **HUGE})
    assert [(row["row"], row["feature"]) for row in rows_of(step.overflow)] == [(1, "Now.whole")]


def test_an_event_by_itself_tells_what_it_lacks() -> None:
    """As in a step of one row; a read of the entity gives null."""
    kernel = Kernel(_plan())
    kernel.event(0, 0, 0, 1, ("a", 1, 1.5e308, 2**62, False))
    result = kernel.event(0, 0, 1, 2, ("a", 2, 1.5e308, 2**62, False))
    assert result.vectors == [(None, None, None, 2.0)]
    assert result.overflow == [(0, None, 0, "Now.whole", None), (0, None, 0, "Now.sum", None)]
    reader = kernel.reader(0)
    assert reader.read(("a",), 2) == (None, None, 2)
    assert reader.read(("a",), 101) == (2**62, 1.5e308, 1)
    assert kernel.event(0, 0, 2, 102, ("a", 102, 1.0, 0, False)).overflow == []


def test_requests_tell_what_they_lack() -> None:
    """A request is answered, with what is out of range null and told, and changes nothing."""
    kernel = Kernel(_plan())
    apply(kernel, {"at": 1, **HUGE}, {"at": 2, **HUGE})
    before = kernel.state_hash()
    made, overflow = kernel.vector(0, requests({"at": 1}, {"at": 2}))
    assert [(row["sum"], row["n"]) for row in rows_of(made)] == [(1.5e308, 1.0), (None, 2.0)]
    assert [(row["row"], row["feature"]) for row in rows_of(overflow)] == [(1, "Now.whole"), (1, "Now.sum")]
    made, overflow = kernel.vector(0, requests({"at": 1}))
    assert (rows_of(made)[0]["sum"], len(overflow)) == (1.5e308, 0)
    assert kernel.state_hash() == before


def test_reads_of_entities_tell_what_they_lack() -> None:
    """What is null because it is out of range is named, and what is null or empty otherwise is not."""
    kernel = Kernel(_plan())
    apply(kernel, {"at": 1, **HUGE}, {"at": 2, **HUGE}, {"at": 2, "k": "b", "x": 1.0})
    asked = keys("b", "a", "z", None)
    assert [row["sum"] for row in rows_of(kernel.values(0, asked, 2))] == [1.0, None, None, None]
    assert kernel.overflows(0, asked, 2) == [(1, "Now.whole"), (1, "Now.sum")]
    assert kernel.overflows(0, asked, 101) == []
    before = kernel.state_hash()
    assert kernel.overflows(0, keys("a"), 2) == [(0, "Now.whole"), (0, "Now.sum")]
    assert kernel.state_hash() == before
    with pytest.raises(BatchError):
        kernel.overflows(1, asked, 2)


def test_a_part_of_a_view_goes_by_the_name_of_the_view() -> None:
    """What a class over several streams is compiled to has names that no user wrote."""
    part = {**view(feature("sum", X, over=100)), "name": "Now#Tick"}
    kernel = Kernel(plan(part, inputs={"sum": read_of(0)}))
    step = apply(kernel, {"at": 1, **HUGE}, {"at": 2, **HUGE})
    assert [row["feature"] for row in rows_of(step.overflow)] == ["Now.sum"]
    assert kernel.overflows(0, keys("a"), 2) == [(0, "Now.sum")]


def test_neither_steps_nor_threads_change_what_is_null() -> None:
    """The same nulls, one report in one order, the same state, however the log is cut and whoever reads."""
    events = [
        {"at": at, "k": f"k{at % 7}", "x": 1.7e308 if at % 11 < 2 else float(at), "n": 2**62}
        for at in range(6_000)
    ]

    def played(rows: int, threads: int) -> Iterator[object]:
        kernel = Kernel(_plan())
        kernel.set_threads(threads)
        told: list[tuple[int, str]] = []
        for start in range(0, len(events), rows):
            step = kernel.apply([(0, 0, start, batch(*events[start : start + rows]))])
            yield from ((row["whole"], row["sum"], row["n"]) for row in rows_of(step.vectors[0]))
            told += ((start + row["row"], row["feature"]) for row in rows_of(step.overflow))
        yield from told
        yield kernel.state_hash()

    first = list(played(6_000, 1))
    assert len(first) > 12_000
    assert all(list(played(rows, threads)) == first for rows, threads in ((6_000, 2), (7, 1), (2_500, 2)))


def _plan() -> str:
    """Sums over 100 us and what is made of one of them, read by every event."""
    made = view(
        feature("sum", N, name="whole#sum", over=100),
        {"name": "whole", "expr": {"op": "own", "feature": 0}},
        feature("sum", X, over=100),
        feature("count", over=100),
    )
    half = call("div", read_of(1), literal("float", 2.0))
    inputs = {"whole": read_of(1), "half": half, "sum": read_of(2), "n": read_of(3)}
    return plan(made, inputs=inputs)
