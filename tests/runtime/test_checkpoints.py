"""When a checkpoint is written: when it costs no more than what came in, or a restart would take long."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

import forerun as fr
from forerun.events.table import schema_of
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.world import World
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.files import RealFiles
from forerun.state.store import Checkpoint
from forerun.streams.source import Slice

ROWS = 100


def _app() -> fr.App:
    app = fr.App("till")

    @app.stream(key="payer", lateness="10s")
    class Paid(fr.Event):
        at: fr.EventTime
        payer: int

    @app.features(Paid, by="payer")
    class Payer:
        count = fr.count(over="1h")

    return app


@pytest.mark.parametrize(("payers", "first"), [(1, 1), (6 * ROWS, 4)])
def test_the_first_waits_for_as_much_as_it_costs(tmp_path: Path, payers: int, first: int) -> None:
    """One entity is written at once; many when four times as many records have come, at the latest."""
    app, saved = _app(), []

    def source(position: int) -> Iterator[Slice]:
        for number in range(position, 6):
            nth = np.arange(ROWS, dtype=np.int64) + number * ROWS
            schema = schema_of(app.streams["Paid"])
            own = pa.table({"at": nth, "payer": nth % payers}).select(schema.names).cast(schema)
            [batch] = own.append_column("_arrival", pa.array(nth)).to_batches()
            yield Slice(number, {"Paid": batch})

    save = SqliteStateStore.save

    def noted(store: SqliteStateStore, checkpoint: Checkpoint) -> None:
        saved.append(checkpoint.step)
        save(store, checkpoint)

    world = World(SystemClock(), RealFiles(), portion_rows=ROWS, checkpoint_rows=ROWS)
    with (
        patch.object(SqliteStateStore, "save", noted),
        Engine.open(app, tmp_path, world=world) as engine,
    ):
        engine.run(source)
    assert (saved[0], saved[-1]) == (first, 6)
