"""Open windows larger than memory: they leave it in parts, and close as if they had never been away."""

import json
from typing import Any

import pytest
from tests.kernel.test_emitters import (
    FIELDS,
    SESSION,
    TUMBLING,
    batches,
    closed,
    column,
    emitter,
    everything,
    plan,
)
from tests.kernel.test_spill import Spilling, stored_batch
from tests.kernel.ticks import N, Row, X, apply, rows_of

from forerun._core import Kernel, StepResult
from forerun.testing.events import cut, nasty_arrivals
from forerun.testing.parity.budget import Budget


def _apply(kernel: Any, *rows: Row, offset: int = 0) -> StepResult:
    """One step; a kernel, or what stands in for one."""
    return apply(kernel, *rows, offset=offset)


def _restarted(text: str, kernel: Kernel, budget: Budget, memory: int | None, share: int) -> Kernel:
    """A kernel from what is stored: a share of the rows is loaded, the others sleep."""
    budget.save()
    rows = sorted((view, key, state) for (view, key), state in budget.stored.items())
    loaded = len(rows) if memory is None else len(rows) * share // 4
    again = Kernel.restore(text, kernel.header(), stored_batch(rows[:loaded]))
    if memory is not None:
        Budget(again, memory, budget.stored)
        again.sleep(stored_batch(rows[loaded:]).select(["view", "key"]))
    return again


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("memory", "restarts"), [(1, False), (1, True), (15_000, False), (15_000, True)])
def test_no_window_depends_on_memory(seed: int, memory: int, restarts: bool) -> None:
    """Nasty streams: the same windows in the same order, and the same state, with restarts on the way."""
    spec = everything()
    text = json.dumps(spec)
    steady, kernel = Kernel(text), Kernel(text)
    budget = Budget(kernel, memory)
    slept = 0
    for number, step in enumerate(cut(seed, nasty_arrivals(seed, 400, [FIELDS]), longest=25)):
        ours, theirs = kernel.apply(batches(step)), steady.apply(batches(step))
        for one, other in zip(ours.emitted, theirs.emitted, strict=True):
            assert rows_of(one) == rows_of(other)
        budget.keep()
        slept = max(slept, budget.windows_slept)
        if restarts and number % 3 == 0:
            kernel = _restarted(text, kernel, budget, memory, number % 4)
            budget = Budget(kernel, memory, budget.stored)
        assert kernel.state_hash() == steady.state_hash()
    assert slept > 4
    # With all the memory it wants, a kernel goes on from parts, too.
    assert _restarted(text, kernel, budget, None, 0).state_hash() == steady.state_hash()


MANY = [{"at": at % 90, "k": f"k{at * 7 % 3000}", "n": at} for at in range(9000)]
"""Events of 3,000 keys in one window of `TUMBLING`, three of each."""


def test_a_window_of_many_keys_is_read_in_parts() -> None:
    """No row of the store is large, all of them are read in order, and go when the window has closed."""
    text = plan(emitter(TUMBLING, column("count"), column("sum", N), column("max", N)), lateness=0)
    kernel, steady = Spilling(text, 300_000), Kernel(text)
    for start in range(0, len(MANY), 500):
        rows = sorted(MANY[start : start + 500], key=lambda row: int(str(row["at"])))
        for made in (kernel, steady):
            _apply(made, *({**row, "at": 0} for row in rows), offset=start)
    stored = kernel.budget.stored
    assert kernel.windows_asleep() == [len(stored)] > [5]
    assert max(map(len, stored.values())) < 100_000
    assert kernel.state_hash() == steady.state_hash()
    ours, theirs = (closed(_apply(made, {"at": 100}, offset=9000)) for made in (kernel, steady))
    assert ours == theirs
    assert len(ours) == 3000
    assert kernel.windows_asleep() == [0]
    kernel.budget.save()
    assert len(stored) == 1


def test_parts_are_stored_under_their_number_and_first_key() -> None:
    """The first one under the start alone, as a window that was never set apart."""
    text = plan(emitter(TUMBLING, column("count")), lateness=0)
    kernel = Spilling(text)
    for offset, key in enumerate("cab"):
        _apply(kernel, {"at": offset, "k": key}, {"at": offset, "k": "d"}, offset=2 * offset)
    start = bytes([128, *[0] * 7])
    assert sorted(key for _, key in kernel.budget.stored) == [
        start,
        start + bytes([0, 0, 0, 1]) + b"\x01\0\0\0a",
        start + bytes([0, 0, 0, 2]) + b"\x01\0\0\0b",
    ]
    assert closed(_apply(kernel, {"at": 100}, offset=6)) == [
        (key, 0, 100, 3 if key == "d" else 1) for key in "abcd"
    ]


def test_what_is_in_memory_and_changes_is_stored_once() -> None:
    """While memory suffices a window has one row, and one more after a part, whatever its first key is."""
    text = plan(emitter(TUMBLING, column("last", N)), lateness=0)
    kernel = Kernel(text)
    budget = Budget(kernel, 1)
    _apply(kernel, {"at": 1, "k": "x", "n": 1}, {"at": 2, "k": "x"})
    budget.keep()
    kernel.spill(10**9, lambda _: pytest.fail("nothing is read before the end"))
    for offset, key in enumerate("cab"):
        _apply(kernel, {"at": 3 + offset, "k": key}, offset=2 + offset)
        budget.save()
        assert len(budget.stored) == 2
    kernel.spill(10**9, budget._load)
    assert [row[0] for row in closed(_apply(kernel, {"at": 100}, offset=5))] == ["a", "b", "c", "x"]


def test_sessions_wake_when_they_go_on_and_when_they_end() -> None:
    """Not before: a session that sleeps is read when its key has an event, or when it is emitted."""
    text = plan(emitter(SESSION, column("count"), column("first", N)), lateness=0)
    kernel, steady = Spilling(text), Kernel(text)
    steps = [
        [{"at": 0, "k": key, "n": nth} for nth, key in enumerate("abc")],
        [{"at": 10, "k": "a", "n": 7}],
        [{"at": 11, "k": "d"}],
        [{"at": 29, "k": "a", "n": 8}],
        [{"at": 31, "k": "d"}],
        [{"at": 70, "k": "b"}],
    ]
    woken = []
    for offset, rows in enumerate(steps):
        found = [closed(_apply(made, *rows, offset=10 * offset)) for made in (kernel, steady)]
        assert found[0] == found[1]
        woken.append(kernel.budget.loaded)
    # Events wait until the watermark has passed them: those of the first step until the second.
    assert woken == [0, 0, 1, 1, 4, 6]
    assert kernel.state_hash() == steady.state_hash()


@pytest.mark.parametrize("window", [TUMBLING, SESSION], ids=["panes", "sessions"])
def test_a_store_that_loses_a_window_is_noticed(window: Any) -> None:
    """A part that is not found again is an error, not a window without it."""
    kernel = Spilling(plan(emitter(window, column("sum", X)), lateness=0))
    _apply(kernel, {"at": 1, "k": "a"}, {"at": 2, "k": "b"}, {"at": 3, "k": "b"})
    kernel.spill(1, lambda _: stored_batch([]))
    assert kernel.windows_asleep() > [0]
    with pytest.raises(ValueError, match=r"were stored, \d were found again"):
        _apply(kernel, {"at": 200, "k": "c"}, offset=3)


def test_a_kernel_without_a_store_refuses_to_let_windows_sleep() -> None:
    """What sleeps must be found again."""
    kernel = Kernel(plan(emitter(TUMBLING), lateness=0))
    with pytest.raises(ValueError, match="no store"):
        kernel.sleep(stored_batch([(0, bytes(8), b"")]).select(["view", "key"]))
