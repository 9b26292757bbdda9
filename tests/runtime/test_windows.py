"""Closed windows on the disk: the oracle's, once each, whatever the steps and however often it is started."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served
from tests.runtime.test_replay import copy  # noqa: F401  # a fixture

from forerun.errors import NotFoundError
from forerun.runtime.engine import Engine
from forerun.runtime.history import History
from forerun.runtime.replay import replay
from forerun.testing.oracle import Arrival
from forerun.testing.oracle.emitted import emitted


def _arrivals(served: Served) -> list[Arrival]:
    """What the source held, as the oracle takes it."""
    plan = json.loads(served.app.plan())
    found = []
    for number, stream in enumerate(plan["streams"]):
        table = served.events[stream["name"]]
        times = {"at", "_arrival"}
        columns = {
            name: (table[name].cast(pa.int64()) if name in times else table[name]).to_pylist()
            for name in table.schema.names
        }
        for offset, arrival in enumerate(columns.pop("_arrival")):
            row = {name: values[offset] for name, values in columns.items()}
            found.append(Arrival(number, 0, offset, int(arrival or 0), row))
    return sorted(found, key=lambda a: (a.arrival_us, a.stream, a.partition, a.offset))


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows with times as microseconds, by end, key and start."""
    for name in ("start", "end"):
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table[name].cast(pa.int64()))
    return sorted(table.to_pylist(), key=_place)


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["end"], row["shop"], row["start"])


@pytest.mark.parametrize("name", ["Hourly", "Wave"])
def test_closed_windows_are_the_oracles(served: Served, history: History, name: str) -> None:
    """Every window of a day whose end the watermark has passed, with its values; and nothing else."""
    plan = json.loads(served.app.plan())
    index = [emitter["name"] for emitter in plan["emitters"]].index(name)
    rows = emitted(plan, index, _arrivals(served))
    expected = sorted(({column: cell.value for column, cell in row.items()} for row in rows), key=_place)
    found = _rows(history.windows(name))
    assert len(found) > 100
    for ours, theirs in zip(found, expected, strict=True):
        mean, exact = ours.pop("mean", None), theirs.pop("mean", None)
        assert ours == theirs
        assert (mean is None) == (exact is None)
        assert mean is None or mean == pytest.approx(exact, rel=1e-15)


def test_rows_are_in_files_and_counted(served: Served, history: History) -> None:
    """After a run all of them are in Parquet files, by end; the status has their number."""
    files = sorted((served.directory / "windows" / "Hourly").glob("part-*.parquet"))
    table = pa.concat_tables([pq.read_table(path) for path in files])
    assert table.equals(history.windows("Hourly"))
    ends = table["end"].cast(pa.int64()).to_numpy()
    assert (ends[1:] >= ends[:-1]).all()
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        assert engine.status().windows == {name: len(history.windows(name)) for name in ("Hourly", "Wave")}


def test_rows_are_sent_to_their_topic(served: Served, history: History) -> None:
    """Each once, in order, with its offset; a class without a topic sends nothing."""
    path = served.directory / "decisions" / "hourly.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    table = history.windows("Hourly")
    assert [line["offset"] for line in lines] == list(range(len(table)))
    assert [line["orders"] for line in lines] == table["orders"].to_pylist()
    assert [line["mean"] for line in lines] == table["mean"].to_pylist()
    assert lines[0].keys() == {"offset", *table.schema.names}
    assert {file.name for file in path.parent.iterdir()} == {"hourly.jsonl", "review.jsonl"}


def test_started_again_and_again_closes_each_window_once(served: Served, tmp_path: Path) -> None:
    """A day in five runs leaves the rows of a day in one, in the same order."""
    app = shop.make(source=served.source)
    last = 24 * shop.HOUR
    for until_us in (last // 5, last // 3, last // 2, last // 2 + 7 * shop.MINUTE, None):
        with Engine.open(app, tmp_path) as engine:
            engine.run(served.source, until_us=until_us)
    whole, pieces = (History(served.layout, place) for place in (served.directory, tmp_path))
    for name in ("Hourly", "Wave"):
        assert pieces.windows(name).equals(whole.windows(name))
    whole.close()
    pieces.close()


def test_a_replay_closes_the_same_windows(served: Served, copy: Path) -> None:  # noqa: F811  # the fixture
    """All of them are compared; one wrong bit is found, and its window named."""
    found = replay(served.layout, served.directory)
    assert found.equal
    assert found.to_json()["windows"] == found.windows
    assert found.windows > 500
    [path] = sorted((copy / "windows" / "Hourly").glob("part-*.parquet"))
    table = pq.read_table(path)
    orders: list[Any] = table["orders"].to_pylist()
    orders[40] += 1
    place = table.schema.get_field_index("orders")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(orders)), path)
    found = replay(served.layout, copy)
    assert found.differences == 1
    assert found.first is not None
    start = table["start"][40].as_py()
    assert found.first.prediction_id == f"Hourly {table['shop'][40].as_py()} {start}"
    assert (found.first.column, found.first.logged) == ("orders", orders[40])


def test_an_unknown_windows_class_is_named(history: History) -> None:
    """With the nearest one."""
    with pytest.raises(NotFoundError, match=r"no windows class 'Hourley'.*'Hourly'"):
        history.windows("Hourley")
