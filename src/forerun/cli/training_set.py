"""`forerun training-set`: the table a model learns from, as served or as corrected in hindsight."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppPath, DataDir, Json, Memory

if TYPE_CHECKING:
    from forerun.models.table import Table

EXAMPLES = """
Examples:
  forerun training-set shop --out served.parquet           what was served, bit for bit, with its labels
  forerun training-set shop --as-of corrected --out truth.parquet
                                                           the same rows, had nothing been late
"""


class AsOf(StrEnum):
    """What vectors know."""

    SERVED = "served"
    CORRECTED = "corrected"


def training_set(
    app: AppPath = Path(),
    *,
    model: Annotated[str | None, typer.Option(help="Which model, when the app has several.")] = None,
    as_of: Annotated[
        AsOf, typer.Option("--as-of", help="As it was served, or read again with what came late.")
    ] = AsOf.SERVED,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the table as Parquet.")
    ] = None,
    memory: Memory = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give the labelled predictions of a model as a table: one row each, in the order of event time.

    Corrected is the truth in hindsight: the same rows, each read again with every event that is in the log by
    now, those included that were too late. A model that learns from it learns from what it will never be
    served; it says what lateness costs. Works beside a running `forerun run`.
    """
    from forerun.cli.output import print_json
    from forerun.cli.parse import size_bytes
    from forerun.cli.place import find
    from forerun.cli.predictions import the_model
    from forerun.cli.progress import Bar
    from forerun.errors import ArgumentError
    from forerun.runtime.layout import Layout
    from forerun.runtime.training_set import training_set as made

    limit = size_bytes(memory)
    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    if out is not None and out.is_dir():
        raise ArgumentError(f"{out} is a directory; name a file, like {out / 'served.parquet'}.")
    name = the_model(declared, model)
    layout = Layout(declared)
    served = found = made(layout, place.data, name)
    if as_of is AsOf.CORRECTED:
        with Bar("reading what was served again", quiet=as_json) as bar:
            found = made(layout, place.data, name, as_of="corrected", on_progress=bar.moved, memory=limit)
    if out is not None:
        _write(found, out)
    changed = _changed(served, found)
    if as_json:
        print_json(
            {
                "model": name,
                "as_of": as_of.value,
                "rows": len(found),
                "hash": found.hash(),
                "changed": changed,
                "file": None if out is None else str(out),
            }
        )
    else:
        _show(found, changed, out, as_of)


def _write(found: "Table", path: Path) -> None:
    """Write the table, complete or not at all."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from forerun.state.files import RealFiles, write_durably

    sink = io.BytesIO()
    table = found.to_arrow().append_column("prediction_id", pa.array(found.ids, pa.string()))
    pq.write_table(table, sink, compression="zstd")
    write_durably(RealFiles(), path, sink.getvalue())


def _changed(served: "Table", found: "Table") -> dict[str, int]:
    """Per input, values that are not what was served."""
    import numpy as np

    from forerun.runtime.ledger import unlike

    rows = np.isin(served.ids, found.ids)
    return {
        name: int(unlike(before, after).sum())
        for name, before, after in zip(
            found.names,
            np.ascontiguousarray(served.features[rows].T),
            np.ascontiguousarray(found.features.T),
            strict=True,
        )
    }


def _show(found: "Table", changed: dict[str, int], path: Path | None, as_of: AsOf) -> None:
    """What the table is, and how it differs from what was served."""
    from forerun.cli.output import out, table
    from forerun.console.format import count, percent

    console = out()
    console.print(repr(found))
    console.print(f"[bright_black]hash[/bright_black] {found.hash()}")
    if as_of is AsOf.CORRECTED:
        shown = table("input", "not as served", "share", right=[1, 2])
        for name, values in changed.items():
            shown.add_row(name, count(values), percent(values / len(found) if len(found) else None, places=1))
        console.print()
        console.print(shown)
        console.print("[bright_black]Which events, and how much: forerun late[/bright_black]")
    if path is not None:
        console.print(f"Written to {path}.")
