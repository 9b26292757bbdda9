"""forerun's engine on a data directory: log, journal, state and what was read, an fsync per step.

--mode features   every event is logged, journaled and applied; entity state is checkpointed; no vector is
read --mode vectors    besides, every event reads its twenty values as of itself, and they are logged as a
                  prediction record (no version is trained, so it holds no score) that waits for a label;
                  one payment in a thousand is disputed ten minutes later
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import events as ev
import meter
from payments import payments
from tables import batches

from forerun._core import version
from forerun.events.table import schema_of
from forerun.runtime.app import App
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.world import World
from forerun.state.files import RealFiles
from forerun.streams.source import Slice

DISPUTED = 1_000
DISPUTED_AFTER_US = 600_000_000


def disputes(app: App, e: ev.Events) -> pa.RecordBatch:
    """One event in a thousand again, ten minutes later, as a dispute."""
    some = slice(None, None, DISPUTED)
    at, arrival = e.at[some] + DISPUTED_AFTER_US, e.arrival[some] + DISPUTED_AFTER_US
    schema = schema_of(app.streams["Disputed"])
    columns = [pa.array(e.key[some]), pa.array(at), pa.array(np.ones(len(at), bool))]
    return pa.record_batch(
        [*(c.cast(f.type) for c, f in zip(columns, schema, strict=True)), pa.array(arrival)],
        names=[*schema.names, "_arrival"],
    )


def main() -> None:
    """Run one mode."""
    parser = meter.arguments(__doc__)
    parser.add_argument("--batch", type=int, default=65_536)
    a = parser.parse_args()
    read = a.mode == "vectors"
    app = payments(read=read)
    e = ev.load(a.data, a.events, a.rate)
    parts = batches(app, e, a.batch)
    disputed = disputes(app, e) if read else None

    def source(position: int) -> Iterator[Slice]:
        for number, part in enumerate(parts[position:], position):
            tables = {"Paid": part}
            if disputed is not None:
                since, until = (int(part["_arrival"][at].as_py()) for at in (0, -1))
                at = np.searchsorted(disputed["_arrival"].to_numpy(), [since, until])
                tables["Disputed"] = disputed.slice(at[0], at[1] - at[0])
            yield Slice(number, tables)

    world = World(SystemClock(), RealFiles(), portion_rows=a.batch)
    with tempfile.TemporaryDirectory(dir=a.data) as folder:
        with Engine.open(app, Path(folder), world=world) as engine, meter.Meter() as m:
            engine.run(source)
        begin = time.perf_counter()
        Engine.open(app, Path(folder)).close()
        restart_s = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    meter.report(
        a.events,
        m,
        version=version,
        rows=a.events,
        batch=a.batch,
        restart_s=round(restart_s, 2),
        disk_bytes=round(size / a.events),
    )


main()
