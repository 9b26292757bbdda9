"""Bytewax, one worker, an in-process source of prebuilt rows and a sink that drops them.

--mode w1   stateful_batch around the Python state of `python_deques.py`: Bytewax has no exact sliding
output per
            event of its own; what arrives out of order is moved to its key's newest time
--mode w2   its own windows: fold_window over EventClock(10 s) and SlidingWindower(5 min / 1 min)
"""

import datetime as dt
import sys
from importlib.metadata import version
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import events as ev
import meter
import truth
from python_deques import KeyState

parser = meter.arguments(__doc__)
parser.add_argument("--batch", type=int, default=1_000)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
at = [EPOCH + dt.timedelta(microseconds=t) for t in e.at.tolist()] if a.mode == "w2" else e.at.tolist()
rows = [(f"c{k:07d}", (i, t, x)) for i, (k, t, x) in enumerate(zip(e.key.tolist(), at, e.amount.tolist()))]
kept = np.empty((len(e), 20)) if a.values else None
count = 0


class Part(StatelessSourcePartition):
    def __init__(self):
        self.at = 0

    def next_batch(self):
        if self.at >= len(rows):
            raise StopIteration
        self.at += a.batch
        return rows[self.at - a.batch : self.at]


class Source(DynamicSource):
    def build(self, step_id, worker_index, worker_count):
        return Part()


class Drop(StatelessSinkPartition):
    def write_batch(self, items):
        global count
        count += len(items)
        if kept is not None:
            for _, (row, values) in items:
                kept[row] = values


class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Drop()


class Features(op.StatefulBatchLogic):
    def __init__(self):
        self.state = KeyState()

    def on_batch(self, values):
        step = self.state.step
        return [(i, step(t, x)) for i, t, x in values], op.StatefulBatchLogic.RETAIN

    def snapshot(self):
        return None


flow = Dataflow("bench")
stream = op.input("in", flow, Source())
if a.mode == "w2":
    clock = win.EventClock(ts_getter=lambda v: v[1], wait_for_system_duration=dt.timedelta(seconds=10))
    hops = win.SlidingWindower(length=dt.timedelta(minutes=5), offset=dt.timedelta(minutes=1), align_to=EPOCH)
    windows = win.fold_window(
        "w",
        stream,
        clock,
        hops,
        lambda: (0, 0.0),
        lambda s, v: (s[0] + 1, s[1] + v[2]),
        lambda p, q: (p[0] + q[0], p[1] + q[1]),
        ordered=False,
    )
    stream = op.map(
        "mean", windows.down, lambda r: (r[0], (r[1][0], r[1][1][0], r[1][1][1], r[1][1][1] / r[1][1][0]))
    )
else:
    stream = op.stateful_batch("f", stream, lambda resume: Features())
op.output("out", stream, Sink())
with meter.Meter() as m:
    run_main(flow)
if a.values:
    truth.save(a.values, kept)
else:
    meter.report(a.events, m, version=version("bytewax"), rows=count, batch=a.batch)
