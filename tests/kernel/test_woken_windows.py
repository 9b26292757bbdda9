"""Windows that come back into memory: what it costs, that they count, and that damage is noticed."""

import pyarrow as pa
import pytest
from tests.kernel.test_emitters import SESSION, TUMBLING, closed, column, emitter, plan
from tests.kernel.test_spill import stored_batch
from tests.kernel.ticks import K, N, apply

from forerun._core import Kernel
from forerun.testing.parity.budget import Budget

ROOMY = 10**12

Rows = list[tuple[int, bytes, bytes]]


def _stored(kernel: Kernel) -> Rows:
    """All that is stored of a kernel."""
    return [tuple(row.values()) for row in pa.record_batch(kernel.take_changed()).to_pylist()]


def _restarted(text: str, header: bytes, rows: Rows, asleep: Rows, memory: int = ROOMY) -> Budget:
    """A kernel, and its budget, of which some rows sleep."""
    loaded = [row for row in rows if row not in asleep]
    kernel = Kernel.restore(text, header, stored_batch(loaded))
    budget = Budget(kernel, memory, {(view, key): state for view, key, state in rows})
    kernel.sleep(stored_batch(asleep).select(["view", "key"]))
    return budget


def test_events_of_others_do_not_wake_a_session() -> None:
    """An event looks at its own session, not at all there are."""
    text = plan(emitter({**SESSION, "gap_us": 10**9}), lateness=0)
    kernel = Kernel(text)
    apply(kernel, *({"at": 1, "k": f"k{nth}"} for nth in range(50)), {"at": 2})
    rows, header = _stored(kernel), kernel.header()
    for asleep in (rows[:1], [row for row in rows if b"k7" not in row[1]]):
        again = _restarted(text, header, rows, asleep)._kernel
        for nth in range(20):
            apply(again, {"at": 53 + nth, "k": "k7"}, offset=51 + nth)
        assert again.windows_asleep() == [len(asleep)]


def test_sessions_that_are_woken_count() -> None:
    """What comes back takes memory, however few events it comes back for."""
    text = plan(emitter({**SESSION, "gap_us": 10**6}, column("quantile", N, params={"q": 0.5})), lateness=0)
    keys = [f"k{nth}" for nth in range(20)]
    kernel = Kernel(text)
    apply(
        kernel,
        *({"at": 1, "k": key, "n": int(1.1**power)} for key in keys for power in range(200)),
        {"at": 2},
    )
    rows = _stored(kernel)
    budget = _restarted(text, kernel.header(), rows, rows, 20_000)
    for nth, key in enumerate(keys):
        apply(budget._kernel, {"at": 3 + nth, "k": key}, {"at": 4 + nth}, offset=4001 + 2 * nth)
        budget.keep()
    assert budget.loaded > 18
    assert budget._kernel.windows_asleep()[0] > 5


MANY = [{"at": 0, "k": f"k{nth * 7 % 3000}", "n": nth} for nth in range(9000)]
"""Events of 3,000 keys in one window of `TUMBLING`, three of each."""


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_stored_whole_leaves_in_parts(restarts: bool) -> None:
    """Memory may get short long after a window was stored: it is cut before it leaves."""
    text = plan(emitter(TUMBLING, column("count"), column("sum", N), column("max", N)), lateness=0)
    kernel, steady = Kernel(text), Kernel(text)
    for made in (kernel, steady):
        apply(made, *MANY)
    rows = _stored(kernel)
    assert [len(state) > 100_000 for _, _, state in rows] == [True]
    if restarts:
        kernel = Kernel.restore(text, kernel.header(), stored_batch(rows))
    budget = Budget(kernel, 300_000, {(view, key): state for view, key, state in rows})
    budget.keep()
    assert kernel.windows_asleep() == [len(budget.stored)] > [5]
    assert max(map(len, budget.stored.values())) < 100_000
    assert kernel.state_hash() == steady.state_hash()
    ours, theirs = (closed(apply(made, {"at": 100}, offset=9000)) for made in (kernel, steady))
    assert ours == theirs
    budget.save()
    assert len(budget.stored) == 1


@pytest.mark.parametrize("size", [60, 1000], ids=["some panes", "many panes"])
def test_what_is_read_again_stays_while_there_is_room(size: int) -> None:
    """Panes that slept at the start are loaded once, and are then as if they had never slept."""
    window = {"kind": "hopping", "size_us": size, "hop_us": 20}
    text = plan(emitter(window, column("count"), column("last", N)), lateness=0)
    kernel, steady = Kernel(text), Kernel(text)
    events = [{"at": at, "k": f"k{at % 7}", "n": at} for at in range(2 * size)]
    for made in (kernel, steady):
        apply(made, *events)
    rows = _stored(kernel)
    budget = _restarted(text, kernel.header(), rows, rows)
    again = budget._kernel
    for turn in range(1, 10):
        at = 2 * size + 20 * turn
        one, other = (closed(apply(made, {"at": at}, offset=2 * size + turn)) for made in (again, steady))
        assert one == other
        assert again.windows_asleep() == [0]
    assert budget.loaded == len(rows)
    budget.save()
    budget.loaded = 0
    assert again.state_hash() == steady.state_hash()
    assert budget.loaded == 0


@pytest.mark.parametrize("window", [TUMBLING, SESSION], ids=["panes", "sessions"])
def test_texts_are_in_memory_with_what_has_them(window: dict[str, object]) -> None:
    """They count, leave with it, and do not come back for a look."""
    text = plan(emitter(window, column("last", K), by=["n"]), lateness=0)
    kernel = Kernel(text)
    apply(kernel, *({"at": 1, "k": f"k{nth}" * 2000, "n": nth} for nth in range(100)), {"at": 2})
    budget = Budget(kernel, 200_000)
    budget.keep()
    assert budget.windows_slept > 0
    assert not kernel.relieve(stored=True)
    kernel.state_hash()
    kernel.spill(200_000, budget._load)
    assert not kernel.relieve(stored=True)
    budget.save()
    rows = [(view, key, state) for (view, key), state in budget.stored.items()]
    again = _restarted(text, kernel.header(), rows, rows)
    again._kernel.spill(200_000, again._load)
    assert not again._kernel.relieve(stored=True)
    assert again._kernel.state_hash() == kernel.state_hash()


@pytest.mark.parametrize("asleep", [False, True])
def test_a_part_that_begins_before_its_key_is_damaged(asleep: bool) -> None:
    """Its keys would come after greater ones."""
    text = plan(emitter(TUMBLING), lateness=0)
    kernel = Kernel(text)
    budget = Budget(kernel, 1)
    for offset, key in enumerate("abc"):
        apply(kernel, {"at": offset, "k": key}, offset=offset)
        budget.keep()
    budget.save()
    stored = sorted((view, key.replace(b"b", b"d"), state) for (view, key), state in budget.stored.items())

    def close() -> None:
        again = _restarted(text, kernel.header(), stored, stored if asleep else [])
        apply(again._kernel, {"at": 100}, offset=3)

    with pytest.raises(ValueError, match="the state of a window is damaged"):
        close()


def test_a_session_cannot_be_there_twice() -> None:
    """One in memory and one asleep of the same key."""
    text = plan(emitter(SESSION), lateness=0)
    kernel = Kernel(text)
    apply(kernel, {"at": 1, "k": "a"}, {"at": 2, "k": "b"})
    rows = _stored(kernel)
    budget = _restarted(text, kernel.header(), rows, [])
    with pytest.raises(ValueError, match="the state of a window is damaged"):
        budget._kernel.sleep(stored_batch(rows).select(["view", "key"]))
