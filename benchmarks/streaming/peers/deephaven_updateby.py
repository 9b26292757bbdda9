"""Deephaven, its JVM embedded: update_by with rolling time operators per key, on sorted input.

It keeps tables up to date as rows come, in cycles. Event time must not go back within a key: late events
are not placed. Needs Java 11 or newer.

    --mode w1       one finished table
    --mode ticking  an append-only table fed in cycles of 20,000 rows
"""

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
from deephaven_server import Server

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

CYCLE = 20_000
parser = meter.arguments(__doc__)
parser.add_argument("--port", type=int, default=10_999)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
anonymous = "-DAuthHandlers=io.deephaven.auth.AnonymousAuthenticationHandler"
server = Server(
    host="127.0.0.1",
    port=a.port,
    jvm_args=["-Xmx6g", anonymous, "-DPeriodicUpdateGraph.targetCycleDurationMillis=10"],
)
server.start()
from deephaven import arrow as dharrow  # its modules need the server
from deephaven import dtypes
from deephaven import updateby as ub
from deephaven.stream import blink_to_append_only
from deephaven.stream.table_publisher import table_publisher

e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate).in_time_order()
when = pa.array(e.at * 1_000).cast(pa.timestamp("ns", tz="UTC"))
table = pa.table({"ts": when, "key": e.key, "amount": e.amount})
operators = []
for window, us in ev.WINDOWS_US.items():
    length = us * 1_000 - 1  # its windows are closed on both sides
    operators += [
        ub.rolling_count_time("ts", f"count_{window}=amount", length),
        ub.rolling_sum_time("ts", f"sum_{window}=amount", length),
        ub.rolling_avg_time("ts", f"mean_{window}=amount", length),
        ub.rolling_max_time("ts", f"max_{window}=amount", length),
        ub.rolling_std_time("ts", f"std_{window}=amount", length),
    ]
if a.values:
    table = table.append_column("id", pa.array(np.arange(len(e))))
    found = dharrow.to_arrow(dharrow.to_table(table).update_by(operators, by="key"))
    order = found["id"].to_numpy()
    columns = {}
    for name in truth.COLUMNS:
        column = np.empty(len(e))
        column[order] = found[name].cast(pa.float64()).to_numpy()
        columns[name] = column
    np.savez(a.values, **columns)
elif a.mode == "ticking":
    parts = [dharrow.to_table(table.slice(start, CYCLE)) for start in range(0, a.events, CYCLE)]
    types = {"ts": dtypes.Instant, "key": dtypes.int64, "amount": dtypes.double}
    blink, publisher = table_publisher("p", types)
    source = blink_to_append_only(blink)
    with meter.Meter() as m:
        out = source.update_by(operators, by="key")
        done = 0
        for part in parts:
            publisher.add(part)
            done += part.size
            while out.size < done:
                time.sleep(0.0005)
    meter.report(a.events, m, version=version("deephaven-server"), rows=out.size, batch=CYCLE)
else:
    full = dharrow.to_table(table)
    with meter.Meter() as m:
        out = full.update_by(operators, by="key")
    meter.report(a.events, m, version=version("deephaven-server"), rows=out.size)
sys.stdout.flush()
os._exit(0)
