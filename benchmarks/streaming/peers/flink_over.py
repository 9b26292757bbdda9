"""Flink SQL in a local mini cluster, streaming mode, heap state, one task; a CSV file in, nothing out.

No Python runs per event. Starting the JVM is outside the timer; planning, parsing and compiling are inside,
so small runs flatter nobody: read the larger of two sizes. It answers when the watermark has passed. Needs
Java 11 or 17.

    --mode w1   OVER (PARTITION BY key ORDER BY rowtime RANGE BETWEEN INTERVAL .. PRECEDING), one query each
    --mode w2   HOP, 5 min / 1 min
"""

import csv
import gc
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pyflink.table import EnvironmentSettings, TableEnvironment

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

INTERVALS = {"1m": "'1' MINUTE", "5m": "'5' MINUTE", "1h": "'1' HOUR", "24h": "'24' HOUR"}
CALLS = {"count": "COUNT", "sum": "SUM", "mean": "AVG", "max": "MAX", "std": "STDDEV_SAMP"}
parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate)
folder = Path(tempfile.mkdtemp())
(folder / "in").mkdir()
with (folder / "in" / "events.csv").open("w", newline="") as file:
    csv.writer(file).writerows(
        zip(range(len(e)), (e.at // 1_000).tolist(), e.key.tolist(), e.amount.tolist())
    )
# A collection on the meter's thread would open a second connection to Java, which its planner does not
# survive.
gc.collect()
gc.disable()
tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
settings = tables.get_config()
settings.set("parallelism.default", "1")
settings.set("taskmanager.memory.process.size", "6g")
settings.set("table.exec.source.idle-timeout", "0")
tables.execute_sql(f"""CREATE TABLE e (id BIGINT, ms BIGINT, k BIGINT, amount DOUBLE, rt AS
TO_TIMESTAMP_LTZ(ms, 3),
  WATERMARK FOR rt AS rt - INTERVAL '10' SECOND)
  WITH ('connector'='filesystem', 'path'='file://{folder}/in', 'format'='csv')""")
if a.mode == "w2":
    columns = "k BIGINT, closed TIMESTAMP_LTZ(3), n BIGINT, s DOUBLE, m DOUBLE"
    query = """SELECT k, window_end, COUNT(*), SUM(amount), AVG(amount) FROM TABLE(
        HOP(TABLE e, DESCRIPTOR(rt), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
        GROUP BY k, window_start, window_end"""
else:
    before, query, made = "", "e", []
    for window, interval in INTERVALS.items():
        calls = ", ".join(f"{call}(amount) OVER w {name}_{window}" for name, call in CALLS.items())
        query = (
            f"(SELECT id, k, rt, amount{before}, {calls} FROM {query} "
            "WINDOW w AS (PARTITION BY k ORDER BY rt "
            f"RANGE BETWEEN INTERVAL {interval} PRECEDING AND CURRENT ROW))"
        )
        names = [f"{name}_{window}" for name in CALLS]
        before += "".join(f", {name}" for name in names)
        made += [f"{name} {'BIGINT' if name.startswith('count') else 'DOUBLE'}" for name in names]
    columns = f"id BIGINT, k BIGINT, rt TIMESTAMP_LTZ(3), amount DOUBLE, {', '.join(made)}"
    query = f"SELECT * FROM {query}"
sink = "'connector'='blackhole'"
if a.values:
    sink = f"'connector'='filesystem', 'path'='file://{folder}/out', 'format'='csv'"
tables.execute_sql(f"CREATE TABLE o ({columns}) WITH ({sink})")
with meter.Meter() as m:
    tables.execute_sql(f"INSERT INTO o {query}").wait()
if a.values:
    found = np.full((len(e), 20), np.nan)
    for path in (folder / "out").rglob("*"):
        if path.is_file():
            for line in path.read_text().splitlines():
                cells = line.split(",")
                found[int(cells[0])] = [float(cell or "nan") for cell in cells[4:]]
    truth.save(a.values, found)
else:
    meter.report(a.events, m, version=version("apache-flink"), rows=a.events)
sys.stdout.flush()
os._exit(0)
