"""river: TimeRolling statistics per key in a Python loop, on sorted input (it refuses older times).

TimeRolling takes what can be reverted, so there is no maximum: 16 of the 20 values.

    --mode w1
"""

import collections
import datetime as dt
import math
import sys
import time
from pathlib import Path

import numpy as np
import river
from river import stats, utils

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

PERIODS = [dt.timedelta(microseconds=us) for us in ev.WINDOWS_US.values()]
EPOCH = dt.datetime(1970, 1, 1)


def fresh():
    return [
        (utils.TimeRolling(stats.Sum(), period=p), utils.TimeRolling(stats.Var(ddof=1), period=p))
        for p in PERIODS
    ]


parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate).in_time_order()
key, amount = e.key.tolist(), e.amount.tolist()
times = [EPOCH + dt.timedelta(microseconds=t) for t in e.at.tolist()]
state = collections.defaultdict(fresh)
waits = np.empty(len(e), np.int64)
rows = np.empty((len(e), 16)) if a.values else None
clock = time.perf_counter_ns
with meter.Meter() as m:
    for i in range(len(e)):
        begin = clock()
        t, x = times[i], amount[i]
        out = []
        for total, var in state[key[i]]:
            total.update(x, t=t)
            var.update(x, t=t)
            n = var.obj.mean.n
            out += (n, total.get(), var.obj.mean.get(), math.sqrt(max(0.0, var.get())) if n > 1 else math.nan)
        waits[i] = clock() - begin
        if rows is not None:
            rows[i] = out
if a.values:
    names = [f"{name}_{window}" for window in ev.WINDOWS_US for name in truth.NAMES if name != "max"]
    np.savez(a.values, **{name: rows[:, number] for number, name in enumerate(names)})
else:
    meter.report(a.events, m, version=river.__version__, rows=a.events, call_us=meter.percentiles(waits))
