"""Pathway, one worker. Sliding windows per event are a self join, so they cost what they contain.

--mode w1   ONE window, 1 minute, without std: interval_join on the key, then groupby; one finished batch
from CSV --mode w2   windowby(sliding 5 min / 1 min), one finished batch from CSV
"""

import csv
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pathway as pw

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter

a = meter.arguments(__doc__).parse_args()
e = ev.load(a.data, a.events, a.rate)
folder = tempfile.mkdtemp()
with (Path(folder) / "events.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["us", "key", "amount"])
    writer.writerows(zip(e.at.tolist(), e.key.tolist(), e.amount.tolist()))


class Paid(pw.Schema):
    us: int
    key: int
    amount: float


table = pw.io.csv.read(folder, schema=Paid, mode="static")
if a.mode == "w2":
    hops = pw.temporal.sliding(hop=60_000_000, duration=300_000_000)
    found = table.windowby(table.us, window=hops, instance=table.key).reduce(
        k=pw.this._pw_instance,
        w=pw.this._pw_window_start,
        n=pw.reducers.count(),
        s=pw.reducers.sum(pw.this.amount),
        m=pw.reducers.avg(pw.this.amount),
    )
else:
    other = table.copy()
    found = (
        table.interval_join(
            other, table.us, other.us, pw.temporal.interval(-59_999_999, 0), table.key == other.key
        )
        .select(i=pw.left.id, x=pw.right.amount)
        .groupby(pw.this.i)
        .reduce(
            pw.this.i,
            n=pw.reducers.count(),
            s=pw.reducers.sum(pw.this.x),
            m=pw.reducers.avg(pw.this.x),
            x=pw.reducers.max(pw.this.x),
        )
    )
pw.io.null.write(found)
with meter.Meter() as m:
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
meter.report(a.events, m, version=version("pathway"), rows=a.events)
