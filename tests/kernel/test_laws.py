"""Laws that hold for every stream: batching, restarts and arrival order change nothing."""

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.ticks import (
    B,
    Json,
    N,
    Row,
    X,
    apply,
    batch,
    feature,
    plan,
    read_of,
    rows_of,
    values,
    verdicts,
    view,
)

from forerun._core import Kernel

Step: TypeAlias = tuple[list[int], list[dict[str, Any]], list[dict[str, Any]]]


def _features() -> tuple[Json, ...]:
    made = []
    for over in (7, 60, None):
        for agg, arg in (("sum", X), ("std", X), ("max", X), ("last", N), ("mean", B)):
            made.append(feature(agg, arg, name=f"{agg}_{over}", over=over))
        made.append(feature("count", name=f"count_{over}", over=over, where=B))
    return tuple(made)


FEATURES = _features()
VIEWS = (view(*FEATURES), {**view(*FEATURES[:4], by=("n",), where=B), "name": "ByN"})
PLAN = plan(
    *VIEWS,
    inputs={made["name"]: read_of(index) for index, made in enumerate(FEATURES)},
    lateness=20,
    max_skew=15,
    id=["k", "n"],
    dedup=10,
    idle=40,
)

floats = st.one_of(st.none(), st.sampled_from([0.1, -2.5, 1e100, -1e100, 5e-324]), st.floats(-1e30, 1e30))
rows = st.fixed_dictionaries(
    {
        "k": st.sampled_from(["a", "b", None]),
        "at": st.integers(0, 120),
        "x": floats,
        "n": st.integers(-3, 3),
        "b": st.booleans(),
    }
)


@st.composite
def logs(draw: st.DrawFn) -> list[Row]:
    """Rows of one partition in order of arrival, event times near it."""
    drawn = draw(st.lists(rows, min_size=1, max_size=80))
    clock = 0
    log: list[Row] = []
    for row in drawn:
        clock += draw(st.integers(0, 8))
        log.append({**row, "at": max(0, clock + cast(int, row["at"]) - 60), "_arrival": clock})
    return log


def _play(kernel: Kernel, log: Sequence[Row], cuts: Sequence[int], offset: int = 0) -> Step:
    """Applies a log in pieces that end at `cuts` and joins the results."""
    codes: list[int] = []
    vectors: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    start = 0
    for end in [*sorted({cut for cut in cuts if 0 < cut < len(log)}), len(log)]:
        step = apply(kernel, *log[start:end], offset=offset + start)
        codes += verdicts(step)
        vectors += [{**row, "batch": 0, "row": row["row"] + start} for row in rows_of(step.vectors[0])]
        rejected += [{**row, "batch": 0, "row": row["row"] + start} for row in rows_of(step.rejected)]
        start = end
    return codes, vectors, rejected


@given(logs(), st.lists(st.integers(1, 80)))
def test_batching_changes_nothing(log: list[Row], cuts: list[int]) -> None:
    """However a log is cut into steps, every verdict, vector and the state are the same bits."""
    whole, pieces = Kernel(PLAN), Kernel(PLAN)
    assert _play(whole, log, []) == _play(pieces, log, cuts)
    assert whole.state_hash() == pieces.state_hash()
    assert whole.header() == pieces.header()


@given(logs(), st.lists(st.integers(1, 80), max_size=4))
def test_a_restored_kernel_continues_as_if_nothing_had_happened(log: list[Row], cuts: list[int]) -> None:
    """Saving what changed, and restoring it, at any points of a log changes no result and no state."""
    steady = Kernel(PLAN)
    expected = _play(steady, log, [])
    kernel, stored = Kernel(PLAN), dict[tuple[int, bytes], bytes]()
    got: Step = ([], [], [])
    start = 0
    for end in [*sorted({cut for cut in cuts if 0 < cut < len(log)}), len(log)]:
        codes, vectors, rejected = _play(kernel, log[start:end], [], offset=start)
        got[0].extend(codes)
        got[1].extend({**row, "row": row["row"] + start} for row in vectors)
        got[2].extend({**row, "row": row["row"] + start} for row in rejected)
        for row in rows_of(kernel.take_changed()):
            stored.pop((row["view"], row["key"]), None)
            if row["state"] is not None:
                stored[row["view"], row["key"]] = row["state"]
        kernel = Kernel.restore(PLAN, kernel.header(), _entities(stored))
        start = end
    assert got == expected
    assert kernel.state_hash() == steady.state_hash()


def _entities(stored: dict[tuple[int, bytes], bytes]) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array([view for view, _ in stored], pa.int32()),
            pa.array([key for _, key in stored], pa.binary()),
            pa.array(list(stored.values()), pa.binary()),
        ],
        names=["view", "key", "state"],
    )


@given(st.lists(rows, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_order_within_lateness_changes_no_value(some: list[Row], random: Any) -> None:
    """Any arrival order within lateness gives the same values in the end; `last` has no ties here."""
    some = [
        {**row, "at": cast(int, row["at"]) * 100 + index, "_arrival": 0} for index, row in enumerate(some)
    ]
    shuffled = random.sample(some, len(some))
    first, second = Kernel(plan(*VIEWS, lateness=10**6)), Kernel(plan(*VIEWS, lateness=10**6))
    apply(first, *some)
    apply(second, *shuffled)
    for t in (0, 50, 5000, 12_100):
        for key in ("a", "b"):
            assert values(first, t, key) == values(second, t, key)


@given(logs(), logs())
def test_partitions_of_a_step_interleave_by_arrival(one: list[Row], two: list[Row]) -> None:
    """Rows of one step are processed by arrival, then partition, in whatever order its batches are given."""
    forward, backward = Kernel(PLAN), Kernel(PLAN)
    forward.apply([(0, 0, 0, batch(*one)), (0, 1, 0, batch(*two))])
    backward.apply([(0, 1, 0, batch(*two)), (0, 0, 0, batch(*one))])
    assert forward.state_hash() == backward.state_hash()
    stepwise = Kernel(PLAN)
    merged = sorted(
        [(row["_arrival"], 0, at) for at, row in enumerate(one)]
        + [(row["_arrival"], 1, at) for at, row in enumerate(two)]
    )
    for _, partition, at in merged:
        apply(stepwise, (one, two)[partition][at], partition=partition, offset=at)
    assert stepwise.state_hash() == forward.state_hash()
