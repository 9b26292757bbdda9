"""The bound of an entity's state: never passed, on nasty streams, and not out of sight either."""

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.parity.everything import WINDOWS, aggregates, declare

import forerun as fr
from forerun.errors import AggregateError
from forerun.features.memory import Memory, memories
from forerun.testing.nasty import nasty_log
from forerun.testing.parity.play import Log
from forerun.testing.parity.subject import Subject

TIMES = 10
"""The bound is at most so many times what an entity with thousands of events was seen to take."""

FULL = ("count", "sum", "std", "max", "min", "top_k", "quantile", "distinct", "histogram", "last_n", "streak")
START_US = 1_400_000_000_000_000


class Sale(fr.Event):
    """What `tests.parity.everything.aggregates` aggregates."""

    order: str | None
    at: fr.EventTime
    shop: str
    item: str | None
    amount: float | None
    units: int
    price: float
    paid: bool
    due: fr.Time


def _plan(feature: object) -> str:
    app = fr.App("one")
    app.stream(Sale, key="shop", lateness="30s")
    app.features(Sale, by="shop")(type("Shop", (), {"feature": feature}))
    return app.plan()


def _held(bound: Memory, times: Sequence[int]) -> int:
    """The most events of an entity that a kernel may hold at once."""
    times = sorted(times)
    most = start = 0
    for end, time in enumerate(times):
        while times[start] <= time - bound.span_us:
            start += 1
        most = max(most, end - start + 1)
    return min(len(times), most + bound.newest + bound.unnoticed)


@pytest.mark.parametrize("window", WINDOWS)
def test_no_stream_passes_the_bound(window: str) -> None:
    """After any step a view is within the sum of its entities' bounds; all aggregates of a window at once."""
    app = declare({window: WINDOWS[window]})
    subject = Subject(app.plan(), app.functions)
    log = Log(subject, nasty_log(7, 3000, subject.shapes))
    bounds = memories(subject.text)
    entities: list[dict[tuple[object, ...], list[int]]] = [{} for _ in bounds]
    kernel = subject.kernel()
    for step in log.steps(500):
        result = kernel.apply(step)
        for (stream, _, _, batch), given in zip(step, result.verdicts, strict=True):
            verdicts = pa.array(cast(Any, given), pa.uint8())
            applied = batch.filter(pc.equal(verdicts, pa.scalar(0, pa.uint8())))
            for number, view in enumerate(subject.spec["views"]):
                if view["stream"] == stream:
                    _note(entities[number], view["by"], applied)
        counts, each = kernel.entities(), kernel.bytes_per_entity()
        for bound, seen, count, bytes_each in zip(bounds, entities, counts, each, strict=True):
            limit = bound.view + sum(bound.bytes_with(_held(bound, times)) for times in seen.values())
            assert count * bytes_each <= limit


def _note(seen: dict[tuple[object, ...], list[int]], by: Sequence[str], applied: pa.RecordBatch) -> None:
    keys = zip(*(applied[name].to_pylist() for name in by), strict=True)
    times: list[Any] = applied["at"].cast(pa.int64()).to_pylist()
    for key, at in zip(keys, times, strict=True):
        seen.setdefault(key, []).append(at)


@pytest.mark.parametrize("window", ["5m", "1h", "ago", "session", "last70", "lifetime"])
@pytest.mark.parametrize("sign", [1, -1], ids=["rising", "falling"])
def test_the_bound_is_near_what_a_full_entity_takes(window: str, sign: int) -> None:
    """One entity with a thousand events a window: the bound holds, and is within a factor of it."""
    for name in FULL:
        make, over = aggregates(Sale)[name], WINDOWS[window]
        if over is None and name in ("top_k", "distinct", "quantile"):
            continue  # the first two are refused; of the third every bucket there may be is counted
        subject = Subject(_plan(make(over=over)))
        [bound] = memories(subject.text)
        times = [START_US + 300_000 * at for at in range(3000)]
        kernel = subject.kernel()
        most = 0.0
        for start in range(0, len(times), 500):
            rows = [_sale(at, START_US + 300_000 * at, sign * at) for at in range(start, start + 500)]
            kernel.apply([(0, 0, start, subject.batch(0, rows, times[start : start + 500]))])
            most = max(most, kernel.bytes_per_entity()[0])
        limit = bound.bytes_with(_held(bound, times))
        assert most <= bound.view + limit <= TIMES * most, (name, most, bound)


def _sale(number: int, at: int, value: int) -> dict[str, object]:
    return {
        "order": None, "at": at, "shop": "a", "item": f"{value}", "amount": float(value), "units": value,
        "price": 1.0, "paid": number % 3 > 0, "due": at,
    }  # fmt: skip


def test_what_has_no_bound_is_refused_with_advice() -> None:
    """Every aggregate over every window has a bound that the compiler states, or is refused in words."""
    bounds, refusals = [], []
    for make in aggregates(Sale).values():
        for over in WINDOWS.values():
            try:
                bounds += memories(_plan(make(over=over)))
            except AggregateError as error:
                refusals.append(str(error))
    assert (len(bounds), len(refusals)) == (551, 51)
    assert all(0 < bound.bytes_at(per_day=100) < 4_000_000 for bound in bounds)
    assert all("write" in refusal or "use" in refusal for refusal in refusals)


def test_a_window_of_events_has_a_constant_bound() -> None:
    """Last events are bounded by their number, a lifetime by what is kept of it, whatever the rate."""
    [last] = memories(_plan(fr.sum(Sale.price, over=fr.last_events(10))))
    assert (last.span_us, last.newest) == (30_000_000, 10)  # the lateness alone
    [lifetime] = memories(_plan(fr.sum(Sale.price)))
    assert lifetime.newest == 0
    assert last.bytes_at(per_day=100) < 2_000
    assert lifetime.bytes_at(per_day=100) < 1_000
    [longer] = memories(_plan(fr.sum(Sale.price, over="30d")))
    assert longer.bytes_at(per_day=200) > 1.9 * longer.bytes_at(per_day=100) > 100_000
