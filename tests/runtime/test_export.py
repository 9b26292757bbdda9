"""Parquet files: every row in exactly one, whenever it was written."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forerun.runtime.export import Exporter
from forerun.runtime.outputs import Outputs, Part
from forerun.state.database import Database
from forerun.state.files import RealFiles


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database without rows."""
    opened = Database(tmp_path / "x.db")
    with opened.transaction() as connection:
        Outputs(connection).create()
    return opened


def exporter(database: Database, part_rows: int = 10) -> Exporter:
    """An exporter as a new process has it."""
    return Exporter(database, RealFiles(), database.path.parent, part_rows=part_rows)


def add(database: Database, rows: int, *, model: str = "M") -> None:
    """Commit labels with rising numbers."""
    with database.transaction() as connection:
        outputs = Outputs(connection)
        first = outputs.count("label", model)
        outputs.add("label", model, pa.record_batch({"x": list(range(first, first + rows))}))


def exported(database: Database, model: str = "M") -> list[object]:
    """What the files hold, in order."""
    paths = sorted((database.path.parent / "labels" / model).glob("*.parquet"))
    return [value for path in paths for value in pq.read_table(path)["x"].to_pylist()]


def kept(database: Database, model: str = "M") -> list[object]:
    """What the database still holds."""
    with database.snapshot() as connection:
        return [
            value for batch in Outputs(connection).rows("label", model) for value in batch["x"].to_pylist()
        ]


def test_full_files_are_written_and_the_rest_waits(database: Database) -> None:
    """Files end where a chunk ends; names say which rows they hold."""
    for rows in (4, 4, 4, 4, 3):
        add(database, rows)
    assert exporter(database).export() == [Part("label", "M", 0, 12)]
    assert (exported(database), kept(database)) == (list(range(12)), list(range(12, 19)))
    assert [path.name for path in (database.path.parent / "labels/M").iterdir()] == [
        "part-000000000000-000000000012.parquet"
    ]
    assert exporter(database).export(everything=True) == [Part("label", "M", 12, 19)]
    assert (exported(database), kept(database)) == (list(range(19)), [])
    assert exporter(database).export(everything=True) == []


def test_models_have_files_of_their_own(database: Database) -> None:
    """Numbers are per model."""
    add(database, 12, model="A")
    add(database, 11, model="B")
    assert exporter(database).export() == [Part("label", "A", 0, 12), Part("label", "B", 0, 11)]


@pytest.mark.parametrize("left", ["nothing", "torn", "whole"])
def test_an_interrupted_export_is_finished(database: Database, left: str) -> None:
    """Planned and not done: whatever file is there, the next start writes it again, and no newer rows."""
    add(database, 12)
    part = Part("label", "M", 0, 12)
    with database.transaction() as connection:
        Outputs(connection).plan(part)
    path = database.path.parent / part.path
    path.parent.mkdir(parents=True)
    if left == "torn":
        path.write_bytes(b"PAR1")
    if left == "whole":
        pq.write_table(pa.table({"x": list(range(12))}), path)
    add(database, 5)
    assert exporter(database).recover() == [part]
    assert (exported(database), kept(database)) == (list(range(12)), list(range(12, 17)))


def test_numbers_go_on_after_an_export(database: Database) -> None:
    """A row's number is never used again."""
    add(database, 12)
    exporter(database).export()
    add(database, 3)
    with database.snapshot() as connection:
        outputs = Outputs(connection)
        assert outputs.count("label", "M") == 15
        assert outputs.waiting("label") == [Part("label", "M", 12, 15)]
