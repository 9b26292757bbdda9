"""csp: csp.stats time windows in C++ nodes, on sorted input with distinct times.

Each key is a sub-graph of csp.dynamic, and making one takes milliseconds: 100,000 keys would take ten
minutes. So two things it can do: all events as one series without keys, and the 300 hottest keys.

    --mode one    the twenty values of one global series
    --mode keys   the events of the 300 hottest keys only, graphs included
"""

import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import csp
import numpy as np
from csp import stats, ts

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

HOTTEST = 300
INTERVALS = [timedelta(microseconds=us) for us in ev.WINDOWS_US.values()]
parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
if a.values:
    e = truth.sample(a.sample)
    hottest = np.flatnonzero(e.key == np.bincount(e.key).argmax())
else:
    e = ev.load(a.data, a.events * (3 if a.mode == "keys" else 1), a.rate).in_time_order(distinct=True)
    hottest = np.arange(a.events)
    if a.mode == "keys":
        keys, counts = np.unique(e.key, return_counts=True)
        hottest = np.flatnonzero(np.isin(e.key, keys[np.argsort(-counts)[:HOTTEST]]))[: a.events]
times, key, amount = e.at[hottest].astype("datetime64[us]"), e.key[hottest], e.amount[hottest]


def _all(value):
    found = []
    for interval in INTERVALS:
        window = {"interval": interval, "min_window": timedelta(0)}
        found += [
            stats.count(value, **window),
            stats.sum(value, **window),
            stats.mean(value, **window),
            stats.max(value, **window),
            stats.stddev(value, ddof=1, **window),
        ]
    return found


@csp.graph
def features(value: ts[float]) -> ts[float]:
    found = _all(value)
    total = found[0]
    for other in found[1:]:
        total = total + other
    return total


@csp.graph
def per_key(value: ts[float]) -> csp.Outputs(ts[float]):
    return features(value)


@csp.graph
def one_series():
    value = csp.curve(float, (times, amount))
    csp.add_graph_output("n", csp.count(features(value)), tick_count=1)


@csp.graph
def many_keys():
    value = csp.curve(float, (times, amount))
    split = csp.dynamic_demultiplex(value, csp.curve(int, (times, key)))
    out = csp.dynamic(split, per_key, csp.attach())
    csp.add_graph_output("n", csp.count(csp.dynamic_collect(out)), tick_count=1)


@csp.graph
def values():
    value = csp.curve(float, (times, amount))
    for name, found in zip(truth.COLUMNS, _all(value)):
        csp.add_graph_output(name, found)


def bounds():
    edges = [datetime.fromtimestamp(int(t) / 1e6, UTC).replace(tzinfo=None) for t in e.at[hottest[[0, -1]]]]
    return {"starttime": edges[0] - timedelta(seconds=1), "endtime": edges[1] + timedelta(seconds=1)}


if a.values:
    found = csp.run(values, **bounds(), output_numpy=True)
    columns = {}
    for name in truth.COLUMNS:
        at, given = found[name]
        column = np.full(len(e), np.nan)
        column[hottest[np.searchsorted(times, at.astype("datetime64[us]"))]] = given
        columns[name] = column
    np.savez(a.values, rows=hottest, **columns)
    sys.exit()
with meter.Meter() as m:
    csp.run(one_series if a.mode == "one" else many_keys, **bounds())
meter.report(len(hottest), m, version=version("csp"), rows=len(hottest))
