"""Point reads: the twenty values of one key, and of a thousand keys in one call."""

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
from payments import payments
from tables import batches

from forerun._core import Kernel, version

READS = 20_000
TOGETHER = 1_000


def main() -> None:
    """Apply the events, then read."""
    a = meter.arguments(__doc__).parse_args()
    app = payments()
    kernel = Kernel(app.plan())
    e = ev.load(a.data, a.events, a.rate)
    offset = 0
    for part in batches(app, e, 65_536):
        kernel.apply([(0, 0, offset, part)])
        offset += part.num_rows
    now_us = int(e.at.max())
    chosen = np.random.default_rng(1).choice(e.key, READS)
    single = [pa.record_batch({"key": chosen[i : i + 1]}) for i in range(READS)]
    waits = []
    with meter.Meter() as m:
        for keys in single:
            begin_ns = time.perf_counter_ns()
            kernel.values(0, keys, now_us)
            waits.append(time.perf_counter_ns() - begin_ns)
    together = [pa.record_batch({"key": chosen[i : i + TOGETHER]}) for i in range(0, READS, TOGETHER)]
    with meter.Meter() as many:
        for keys in together:
            kernel.values(0, keys, now_us)
    facts = {"together_cpu_us": round(many.cpu_s / READS * 1e6, 3), "call_us": meter.percentiles(waits)}
    meter.report(READS, m, version=version, rows=READS, **facts)


main()
