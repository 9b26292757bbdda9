"""One by one from Python, without Arrow: an event that reads its vector, and twenty values of one key.

--mode event   a million events before, then --events one by one; each reads its vector of twenty values
--mode read    the same state, then twenty values of one key at a time through a prepared reader
--mode arrow   the same reads through Arrow, one key and a thousand keys a call
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
from payments import payments
from tables import batches

from forerun._core import Kernel, version

BEFORE = 1_000_000
TOGETHER = 1_000


def one_by_one(call: Callable[..., object], arguments: Sequence[tuple[object, ...]]) -> dict[str, float]:
    """The wall time of each call, in microseconds; the clock is in it, about 0.07 of them."""
    waits = []
    for given in arguments:
        begin_ns = time.perf_counter_ns()
        call(*given)
        waits.append(time.perf_counter_ns() - begin_ns)
    return meter.percentiles(waits)


def main() -> None:
    """Apply the events before, then measure; half of the calls for CPU, half for their waits."""
    a = meter.arguments(__doc__).parse_args()
    app = payments()
    kernel = Kernel(app.plan())
    e = ev.load(a.data, BEFORE + a.events, a.rate)
    offset, last = 0, []
    for part in batches(app, e, 50_000):
        if offset < BEFORE:
            kernel.apply([(0, 0, offset, part)])
        else:
            last.append(part)
        offset += part.num_rows
    rest = pa.Table.from_batches(last)
    now_us = int(e.at.max())
    keys = rest["key"].to_pylist()
    calls: list[tuple[object, ...]]
    if a.mode == "event":
        columns = [keys, *(rest[name].cast(pa.int64()).to_pylist() for name in ("at", "_arrival"))]
        rows = zip(*columns, rest["amount"].to_pylist(), strict=True)
        calls = [
            (0, 0, BEFORE + nth, arrival, (key, at, amount))
            for nth, (key, at, arrival, amount) in enumerate(rows)
        ]
        call: Callable[..., object] = kernel.event
    elif a.mode == "read":
        calls, call = [((key,), now_us) for key in keys], kernel.reader(0).read
    else:
        calls = [(0, _keys(keys[at : at + 1]), now_us) for at in range(len(keys))]
        call = kernel.values
    half = len(calls) // 2
    with meter.Meter() as m:
        for given in calls[:half]:
            call(*given)
    facts: dict[str, object] = {"call_us": one_by_one(call, calls[half:])}
    if a.mode == "arrow":
        together = [_keys(keys[at : at + TOGETHER]) for at in range(0, half, TOGETHER)]
        with meter.Meter() as many:
            for some in together:
                kernel.values(0, some, now_us)
        facts["together_cpu_us"] = round(many.cpu_s / half * 1e6, 3)
    meter.report(half, m, version=version, rows=half, **facts)


def _keys(keys: Sequence[int | None]) -> pa.RecordBatch:
    return pa.record_batch({"key": pa.array(keys)})


main()
