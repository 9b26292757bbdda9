"""Quix Streams, its windows alone: process_window() on a RocksDB store, a commit per 1,000 events. No Kafka.

--mode w1   ONE window, 1 minute, without std (it has none): sliding_window(1 min).current()
--mode w2   hopping 5 min / 1 min, final()
"""

import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
from quixstreams.dataframe.windows import aggregations as ag
from quixstreams.dataframe.windows.definitions import HoppingTimeWindowDefinition, SlidingTimeWindowDefinition
from quixstreams.state.rocksdb.windowed.partition import WindowedRocksDBStorePartition

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter

COMMIT = 1_000
a = meter.arguments(__doc__).parse_args()
e = ev.load(a.data, a.events, a.rate)
ms, amount = (e.at // 1_000).tolist(), e.amount.tolist()
keys = [f"c{key:07d}".encode() for key in e.key.tolist()]
frame = MagicMock()
if a.mode == "w2":
    window = HoppingTimeWindowDefinition(300_000, 10_000, 60_000, frame).agg(
        n=ag.Count(), s=ag.Sum(), m=ag.Mean()
    )
else:
    window = SlidingTimeWindowDefinition(60_000, 10_000, frame).agg(
        n=ag.Count(), s=ag.Sum(), m=ag.Mean(), x=ag.Max()
    )
store = WindowedRocksDBStorePartition(tempfile.mkdtemp() + "/db")
waits = np.zeros(a.events, np.int64)
rows = 0
with meter.Meter() as m:
    for start in range(0, a.events, COMMIT):
        transaction = store.begin()
        for i in range(start, min(a.events, start + COMMIT)):
            begin = time.perf_counter_ns()
            updated, expired = window.process_window(
                value=amount[i], key=keys[i], timestamp_ms=ms[i], headers=None, transaction=transaction
            )
            rows += len(list(expired if a.mode == "w2" else updated))
            waits[i] = time.perf_counter_ns() - begin
        transaction.prepare()
        transaction.flush()
meter.report(a.events, m, version=version("quixstreams"), rows=rows, call_us=meter.percentiles(waits))
