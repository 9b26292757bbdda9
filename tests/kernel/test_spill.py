"""State larger than memory: whatever sleeps in the store, every value and bit of the state is the same."""

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pytest
from tests.kernel.ticks import (
    K,
    N,
    Row,
    X,
    apply,
    feature,
    keys,
    plan,
    read_of,
    requests,
    rows_of,
    values,
    view,
)
from tests.parity.everything import WINDOWS, declare

from forerun._core import Kernel, StepResult
from forerun.testing.nasty import Habits, nasty_log
from forerun.testing.parity.budget import Budget
from forerun.testing.parity.play import Log, play
from forerun.testing.parity.subject import Subject

SUM = feature("sum", N, over=100)
LAST = feature("last", N)


class Spilling:
    """A kernel that may use little memory, and the store beside it.

    Args:
        text: The plan.
        memory: Bytes.
        kernel: One that is restored; everything stored is asleep then.
        stored: What the store has.
    """

    def __init__(
        self,
        text: str,
        memory: int = 1,
        kernel: Kernel | None = None,
        stored: dict[tuple[int, bytes], bytes] | None = None,
    ) -> None:
        self.kernel = kernel or Kernel(text)
        self.budget = Budget(self.kernel, memory, stored)

    def apply(self, batches: Any) -> StepResult:
        """A step, and then room is made."""
        result = self.kernel.apply(batches)
        self.budget.keep()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)


def _apply(kernel: Any, *rows: Row, offset: int = 0) -> StepResult:
    """One step; a kernel, or what stands in for one."""
    return apply(kernel, *rows, offset=offset)


def _restarted(text: str, kernel: Spilling) -> Spilling:
    """A kernel with all that is stored asleep."""
    kernel.budget.save()
    stored = kernel.budget.stored
    again = Kernel.restore(text, kernel.header(), stored_batch([]))
    made = Spilling(text, 1, again, stored)
    again.sleep(stored_batch([(view, key, b"") for view, key in stored]).select(["view", "key"]))
    return made


def stored_batch(rows: Sequence[tuple[int, bytes, bytes]]) -> pa.RecordBatch:
    """Stored entities as the kernel takes them."""
    columns = zip(*rows, strict=True) if rows else [(), (), ()]
    kinds = (pa.int32(), pa.binary(), pa.binary())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.record_batch(arrays, names=["view", "key", "state"])


@pytest.mark.parametrize(
    ("windows", "memory", "rows", "threads"),
    [
        (("30s", "lifetime", "today"), 1, 7, 1),
        (("1h", "tiled", "last5"), 1, 100, 2),
        (("ago", "hopping", "last70"), 100_000, 100, 1),
        (("session", "tumbling", "lifetime"), 200_000, 500, 2),
        (("hour", "week", "5m"), 1, 2500, 1),
    ],
)
def test_no_value_depends_on_memory(windows: Sequence[str], memory: int, rows: int, threads: int) -> None:
    """Nasty streams through hardly any memory: all verdicts, vectors, windows and the state, bit for bit."""
    app = declare({name: WINDOWS[name] for name in windows})
    subject = Subject(app.plan(), app.functions)
    log = Log(subject, nasty_log(11, 2500, subject.shapes, Habits(keys=60)))
    expected = play(log, 1000)
    played = play(log, rows, threads, memory=memory)
    assert played.hash == expected.hash
    assert played.slept > 20
    assert played.loaded > 20


def test_reads_wake_what_they_read() -> None:
    """A request, a look at values, events or provenance, a reader: each finds an entity that is asleep."""
    text = plan(view(SUM, LAST), inputs={"s": read_of(0), "l": read_of(1)})
    rows = [{"at": at, "k": key, "n": at} for at in range(1, 50) for key in "abc"]
    kernel, steady = Spilling(text), Kernel(text)
    _apply(kernel, *rows)
    _apply(steady, *rows)
    assert kernel.asleep() == [3]
    for looked in (
        lambda kernel: rows_of(kernel.vector(0, requests({"at": 60, "k": "a"}, {"at": 61, "k": "none"}))[0]),
        lambda kernel: values(kernel, 60, "b"),
        lambda kernel: rows_of(kernel.events(0, keys("c"), 60)),
        lambda kernel: kernel.provenance(0, keys("a")),
        lambda kernel: kernel.reader(0).read(("b",), 60),
        lambda kernel: kernel.entities(),
        lambda kernel: kernel.state_hash(),
    ):
        assert looked(kernel) == looked(steady)
        kernel.relieve(stored=True)
        assert kernel.asleep() == [3]


def test_single_events_wake_what_they_are_about() -> None:
    """Events taken one by one find their entity, too, whether they change it or read another."""
    text = plan(view(SUM, LAST), inputs={"s": read_of(0), "l": read_of(1)}, lateness=10)
    kernel, steady = Spilling(text), Kernel(text)
    for at in range(200):
        given = [
            made.event(0, 0, at, at, (f"k{at * 7 % 11}", at, None, at, False)) for made in (kernel, steady)
        ]
        assert given[0].vectors == given[1].vectors
        kernel.budget.save()
        kernel.relieve(stored=True)
    assert kernel.budget.loaded > 150
    assert kernel.state_hash() == steady.state_hash()


def test_the_hash_of_the_state_wakes_nobody() -> None:
    """The state is hashed with what sleeps, and that goes on sleeping."""
    text = plan(view(SUM))
    kernel, steady = Spilling(text), Kernel(text)
    # More than are loaded at a time.
    rows = [{"at": at // 50, "k": f"k{at % 2500}", "n": at} for at in range(5000)]
    _apply(kernel, *rows)
    _apply(steady, *rows)
    _apply(kernel, {"at": 101, "k": "k3"}, {"at": 102, "k": "new"}, offset=5000)
    _apply(steady, {"at": 101, "k": "k3"}, {"at": 102, "k": "new"}, offset=5000)
    asleep = kernel.asleep()
    assert kernel.state_hash() == steady.state_hash()
    assert kernel.asleep() == asleep != [0]


def test_those_seen_lately_stay() -> None:
    """Who is put to sleep was not updated, and not read, for longest."""
    text = plan(view(LAST), inputs={"l": read_of(0)})
    kernel = Spilling(text, memory=60_000)
    offset = 0
    for step in range(60):
        rows = [{"at": step, "k": f"cold {step * 10 + nth}"} for nth in range(10)]
        rows += [{"at": step, "k": f"hot {nth}"} for nth in range(10)]
        _apply(kernel, *rows, offset=offset)
        offset += len(rows)
    assert kernel.budget.slept > 100
    loaded = kernel.budget.loaded
    _apply(kernel, *({"at": 60, "k": f"hot {nth}"} for nth in range(10)), offset=offset)
    assert kernel.budget.loaded == loaded
    _apply(kernel, *({"at": 60, "k": f"cold {nth}"} for nth in range(10)), offset=offset + 10)
    assert kernel.budget.loaded == loaded + 10


def test_the_oldest_of_all_views_go_first() -> None:
    """Whatever view an entity is of: all that were seen before another sleep before it."""
    text = plan(view(LAST), {**view(LAST, by=("n",)), "name": "ByN"})
    kernel = Kernel(text)
    kernel.spill(100_000, lambda _: stored_batch([]))
    _apply(kernel, *({"at": 1, "k": "one", "n": nth} for nth in range(100)))
    for step in range(1, 12):
        rows = [{"at": 1 + step, "k": f"k{nth}", "n": 1000} for nth in range(100)]
        _apply(kernel, *rows, offset=100 * step)
    kernel.take_changed()
    kernel.relieve(stored=True)
    later, earlier = kernel.asleep()
    assert earlier == 100
    assert 0 < later < 90


@pytest.mark.parametrize("restarts", [False, True], ids=["goes on", "restarts"])
def test_the_dead_among_the_sleepers_vanish(restarts: bool) -> None:
    """A sleeper that no window can see is dropped in the end, unasked for, and its stored state with it."""
    text = plan(view(SUM), lateness=10)
    kernel = Spilling(text)
    _apply(kernel, *({"at": 1, "k": f"old {nth}"} for nth in range(30)))
    if restarts:
        kernel = _restarted(text, kernel)
    assert kernel.asleep() == [30]
    _apply(kernel, *({"at": at, "k": "new"} for at in range(200, 1300)), offset=30)
    assert kernel.entities() == [1]
    kernel.budget.save()
    assert len(kernel.budget.stored) == 1
    assert kernel.budget.loaded == 0


def test_a_sleeper_that_is_dead_when_it_is_asked_for_vanishes() -> None:
    """It is loaded, found to be dead, and its stored state goes."""
    kernel = Spilling(plan(view(SUM), lateness=10))
    _apply(kernel, {"at": 1, "k": "old", "n": 7})
    _apply(kernel, {"at": 200, "k": "new", "n": 7}, offset=1)
    assert values(cast(Kernel, kernel), 200, "old") == {"sum": None}
    kernel.budget.save()
    assert (kernel.budget.loaded, len(kernel.budget.stored)) == (1, 1)


@pytest.mark.parametrize(
    "window",
    [
        {"kind": "sliding", "over_us": 2000, "ago_us": 0},
        {"kind": "sliding", "over_us": 1000, "ago_us": 1000},
        {"kind": "hopping", "size_us": 4000, "hop_us": 100},
        {"kind": "calendar", "unit": "hour", "zone": "UTC"},
        {"kind": "session", "gap_us": 1999, "max_us": 2000},
        {"kind": "tiled", "over_us": 2000, "tile_us": 100},
        {"kind": "last", "events": 1},
        {"kind": "lifetime"},
    ],
    ids=lambda window: str(window["kind"]),
)
@pytest.mark.parametrize("restarts", [False, True], ids=["goes on", "restarts"])
def test_the_living_among_the_sleepers_stay(window: Any, restarts: bool) -> None:
    """A sleeper that a window can see is there, however often the sleepers have been looked through."""
    text = plan(view({**feature("sum", N), "window": window}), lateness=10)
    kernel, steady = Spilling(text), Kernel(text)
    for made in (kernel, steady):
        _apply(made, {"at": 310, "k": "old", "n": 7}, {"at": 300, "k": "new"})
    kernel.budget.save()
    if restarts:
        kernel = _restarted(text, kernel)
    assert kernel.asleep()[0] > 0
    for made in (kernel, steady):
        _apply(made, *({"at": at, "k": "new"} for at in range(311, 2316)), offset=2)
    # The last time at which windows of 2000 see it, and hardly later than all that is kept is kept for.
    assert values(cast(Kernel, kernel), 2309, "old")["sum"] == values(steady, 2309, "old")["sum"] == 7
    assert kernel.state_hash() == steady.state_hash()


def test_a_restart_needs_no_more_than_the_keys() -> None:
    """Restored from a header and keys alone, a kernel goes on as if nothing had happened."""
    text = plan(view(SUM, LAST), {**view(feature("sum", X), by=("n",)), "name": "ByN"}, lateness=10)
    rows = [{"at": at, "k": f"k{at % 31}", "n": at % 13, "x": at / 8} for at in range(900)]
    steady, first = Kernel(text), Spilling(text, memory=9_000)
    _apply(first, *rows[:600])
    first.budget.save()
    keys_of = [(view, key, b"") for view, key in first.budget.stored]
    again = Kernel.restore(text, first.header(), stored_batch([]))
    kernel = Spilling(text, 9_000, again, first.budget.stored)
    again.sleep(stored_batch(keys_of).select(["view", "key"]))
    assert kernel.asleep() == [31, 13]
    for start in range(600, 900, 20):
        _apply(kernel, *rows[start : start + 20], offset=start)
    _apply(steady, *rows)
    assert kernel.state_hash() == steady.state_hash()
    assert kernel.entities() == steady.entities()


def test_what_the_store_raises_is_raised() -> None:
    """A store that fails stops the step, with its own exception; the kernel is not used any more."""
    kernel = Spilling(plan(view(LAST, by=("k",))))
    _apply(kernel, {"at": 1, "k": "a", "n": 7})
    state = kernel.budget.stored.popitem()
    with pytest.raises(KeyError):
        _apply(kernel, {"at": 2, "k": "a", "n": 8}, offset=1)
    kernel.budget.stored[state[0]] = state[1]
    with pytest.raises(RuntimeError):
        values(cast(Kernel, kernel), 2)


def test_a_store_that_forgets_is_noticed() -> None:
    """An entity that was stored and is not found again is an error, not an entity without events."""
    kernel = Kernel(plan(view(feature("last", K))))
    kernel.spill(1, lambda _: stored_batch([]))
    _apply(kernel, {"at": 1, "k": "a"})
    kernel.take_changed()
    assert not kernel.relieve(stored=True)
    with pytest.raises(ValueError, match="1 entities were stored, 0 were found again"):
        values(kernel, 5)
