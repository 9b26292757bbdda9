"""Predictions, labels and closed windows as Parquet files, after the commit, each row in exactly one file."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from forerun.runtime.outputs import Kind, Outputs, Part
from forerun.state.database import Database
from forerun.state.files import Files, write_durably

PART_ROWS = 50_000
EXPORTED: tuple[Kind, ...] = ("prediction", "label", "window")


class Exporter:
    """Moves committed rows into files.

    Args:
        database: The database that holds them.
        files: Where files are written.
        directory: The data directory.
        part_rows: Rows of a file, about.
    """

    def __init__(
        self, database: Database, files: Files, directory: Path, *, part_rows: int = PART_ROWS
    ) -> None:
        self._database = database
        self._files = files
        self._directory = directory
        self._part_rows = part_rows

    def export(self, *, everything: bool = False) -> list[Part]:
        """Write the files that are due.

        Args:
            everything: Also what does not fill a file yet.

        Returns:
            The parts written.
        """
        written = self.recover()
        for kind in EXPORTED:
            for part in self._due(kind, everything=everything):
                with self._database.transaction() as connection:
                    Outputs(connection).plan(part)
                self._write(part)
                written.append(part)
        return written

    def recover(self) -> list[Part]:
        """Finish what a crash interrupted: a planned file is written again, over what may be there."""
        with self._database.snapshot() as connection:
            planned = Outputs(connection).parts(done=False)
        for part in planned:
            self._write(part)
        return planned

    def _due(self, kind: Kind, *, everything: bool) -> list[Part]:
        due = []
        with self._database.snapshot() as connection:
            outputs = Outputs(connection)
            for waiting in outputs.waiting(kind):
                rest = waiting
                while rest.stop - rest.start >= self._part_rows or (everything and rest.stop > rest.start):
                    part = outputs.cut(rest, self._part_rows)
                    due.append(part)
                    rest = Part(rest.kind, rest.model, part.stop, rest.stop)
        return due

    def _write(self, part: Part) -> None:
        with self._database.snapshot() as connection:
            batches = Outputs(connection).read(part)
        sink = io.BytesIO()
        table = pa.Table.from_batches(batches)
        repeating: Any = list(_repeating(table.schema))
        pq.write_table(table, sink, compression="zstd", use_dictionary=repeating)
        write_durably(self._files, self._directory / part.path, sink.getvalue())
        with self._database.transaction() as connection:
            Outputs(connection).finish(part)


def _repeating(schema: pa.Schema) -> Iterator[str]:
    """The columns of texts that are said again and again; dictionaries of ids and numbers only cost."""
    for field in schema:
        if pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type):
            yield f"{field.name}.list.element"
        elif pa.types.is_string(field.type) and field.name != "prediction_id":
            yield field.name
