"""Windows that come back into memory: what that costs, and that they count."""

from time import process_time

import pyarrow as pa
from tests.kernel.test_emitters import SESSION, column, emitter, plan
from tests.kernel.test_spill import stored_batch
from tests.kernel.ticks import N, apply

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


def test_a_session_that_sleeps_costs_the_others_nothing() -> None:
    """An event looks at its own session, not at all there are."""
    text = plan(emitter({**SESSION, "gap_us": 10**9}), lateness=0)
    kernel = Kernel(text)
    apply(kernel, *({"at": 1, "k": f"k{nth}"} for nth in range(150_000)), {"at": 2})
    rows, header = _stored(kernel), kernel.header()
    took = []
    for asleep in (rows[:0], rows[:1]):
        again = _restarted(text, header, rows, asleep)._kernel
        best = float("inf")
        for turn in range(5):
            before = process_time()
            for nth in range(200):
                offset = 150_001 + 200 * turn + nth
                apply(again, {"at": 2 + offset, "k": "k7"}, offset=offset)
            best = min(best, process_time() - before)
        took.append(best)
        assert again.windows_asleep() == [len(asleep)]
    assert took[1] < 2.5 * took[0]


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
