"""DuckDB, in batch: SQL window functions with RANGE over the finished table, on both cores.

Nothing is kept up to date: a new event means running it all again. An event counts ties that arrive after it.
Results are summed to one row, so that handing them out is not timed.

    --mode w1   count, sum, avg, max, stddev_samp over four windows (t-W, t]
    --mode w2   hopping 5 min / 1 min: each event joined to its five windows, then grouped
"""

import sys
from pathlib import Path

import duckdb
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate)
source = {"id": np.arange(len(e)), "us": e.at, "key": e.key, "amount": e.amount}
con = duckdb.connect()
con.execute("SET threads=2; SET memory_limit='12GB'; CREATE TABLE e AS SELECT * FROM source")
FUNCTIONS = {
    "count": "count(*)",
    "sum": "sum(amount)",
    "mean": "avg(amount)",
    "max": "max(amount)",
    "std": "stddev_samp(amount)",
}
selected = ", ".join(
    f"{call} OVER w{window} AS {name}_{window}"
    for window in ev.WINDOWS_US
    for name, call in FUNCTIONS.items()
)
windows = ", ".join(
    f"w{window} AS (PARTITION BY key ORDER BY us RANGE BETWEEN {us - 1} PRECEDING AND CURRENT ROW)"
    for window, us in ev.WINDOWS_US.items()
)
inner = f"SELECT id, {selected} FROM e WINDOW {windows}"
if a.values:
    found = con.execute(f"SELECT * FROM ({inner}) ORDER BY id").fetchnumpy()
    np.savez(
        a.values, **{name: np.ma.filled(np.ma.asarray(found[name], float), np.nan) for name in truth.COLUMNS}
    )
    sys.exit()
sums = ", ".join(f"sum({name})" for name in truth.COLUMNS)
query = (
    """SELECT count(*), sum(s), sum(m) FROM (SELECT key, w, count(*) n, sum(amount) s, avg(amount) m
       FROM (SELECT key, amount, us // 60000000 - h AS w FROM e, range(5) r(h)) GROUP BY ALL)"""
    if a.mode == "w2"
    else f"SELECT {sums} FROM ({inner})"
)
with meter.Meter() as m:
    row = con.execute(query).fetchone()
meter.report(a.events, m, version=duckdb.__version__, rows=row[0] if a.mode == "w2" else a.events)
