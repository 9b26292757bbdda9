"""`forerun parity`: is every feature the same value, whoever computes it?"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppPath, DataDir, Json

if TYPE_CHECKING:
    from forerun.testing.parity.check import Progress
    from forerun.testing.parity.level import Level
    from forerun.testing.parity.report import Report

EXAMPLES = """
Examples:
  forerun parity shop                        about a minute on nasty events shaped by the app
  forerun parity shop --seconds 600          more of them, beside the slow oracle
  forerun parity shop --seed 7               other ones; a difference is found again by its seed
  forerun parity shop --duckdb               let DuckDB judge too
  forerun parity shop --memory 64KiB         as it runs when few entities fit into memory
  forerun parity shop --json                 for a script: exit status 1 if a value differs
"""


def parity(
    app: AppPath = Path(),
    *,
    seconds: Annotated[float, typer.Option(metavar="S", min=0, help="Time for the slow oracle.")] = 30.0,
    cells: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Stop the oracle after so many values.  [default: no limit]"),
    ] = None,
    permutations: Annotated[int, typer.Option(metavar="N", min=1, help="Orders of arrival to try.")] = 20,
    seed: Annotated[int, typer.Option(metavar="S", help="What the events are drawn from.")] = 0,
    duckdb: Annotated[
        bool, typer.Option("--duckdb", help="Let DuckDB judge too (pip install duckdb).")
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory for entities and windows in half of the runs of P1.  [default: a byte: all sleep]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Where to write parity.json and parity.md.  [default: the data directory]",
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Compute the app's features in every way there is, and compare value by value.

    Events are drawn to break things: ties, bursts, disorder, stamps from the future, silent partitions,
    duplicates, nulls, extreme numbers, hot keys. Their fields and times are shaped by the app's
    declarations; the first events that the app has recorded, or that its source has, are played too. Nothing
    is sent anywhere and no data of the app changes.

    P1 replay: steps of 1, 7, 1000 and 65536 events, on 1 and 2 threads, with memory for all entities and for
    hardly any, give the same bits.

    P2 order: any order of arrival within the lateness gives the same values in the end.

    P3 oracle: every value is that of a slow oracle in plain Python that shares no code with the kernel.

    P5 training, of an app that has run: what models learn from is what was served, byte for byte.
    """
    import time

    from forerun.cli.output import print_json
    from forerun.cli.parse import size_bytes
    from forerun.cli.place import find
    from forerun.errors import ArgumentError
    from forerun.testing.parity.check import Limits, check
    from forerun.testing.parity.recorded import sample
    from forerun.testing.parity.replay import LITTLE
    from forerun.testing.parity.training import training

    place = find(app, data_dir)
    declared = place.load()
    place.require_streams(declared)
    if out is not None and out.is_file():
        raise ArgumentError(f"{out} is a file; name a directory.")
    folder = _writable(place.data if out is None else out)
    limits = Limits(seconds, cells, permutations, seed, duckdb, size_bytes(memory) or LITTLE)

    def again(progress: "Progress") -> "Level":
        return training(declared, place.data, progress=lambda done: progress("P5 training", done))

    with _Bar(quiet=as_json) as bar:
        report = check(
            declared.name,
            declared.version,
            declared.plan(),
            functions=declared.functions,
            recorded=sample(declared, place.data),
            training=again if place.database.exists() else None,
            limits=limits,
            clock=time.monotonic,
            progress=bar.moved,
        )
    _write(report, folder)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report, folder)
    if not report.equal:
        raise typer.Exit(1)


def _writable(folder: Path) -> Path:
    """The directory of the reports, there and writable: asked before a minute of work, not after it.

    Raises:
        ArgumentError: It is not.
    """
    from forerun.errors import ArgumentError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"cannot make {folder}: {error.strerror}; name another with --out.") from error
    if not os.access(folder, os.W_OK):
        raise ArgumentError(f"nothing can be written into {folder}; name another with --out.")
    return folder


def _write(report: "Report", folder: Path) -> None:
    """Write both forms of the report.

    Raises:
        ArgumentError: The disk does not take them.
    """
    from forerun.errors import ArgumentError

    for name, text in (("parity.json", report.json()), ("parity.md", report.markdown())):
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ArgumentError(
                f"cannot write {folder / name}: {error.strerror}; name another directory with --out."
            ) from error


class _Bar:
    """Progress of each level: a bar on a terminal, elsewhere a line when it begins to move."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskID,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:12}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._plain = not (quiet or sys.stderr.isatty())

    def moved(self, level: str, done: float) -> None:
        """Show how much of a level is done."""
        if level not in self._tasks:
            if self._plain:
                print(f"{level} ...", file=sys.stderr, flush=True)
            self._tasks[level] = self._progress.add_task(level, total=1.0)
        self._progress.update(self._tasks[level], completed=min(done, 1.0))

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _show(report: "Report", folder: Path) -> None:
    """The table, and the first difference of each level."""
    from rich.text import Text

    from forerun.cli.output import out, table
    from forerun.console.format import count

    console = out()
    shown = table("level", "values", "bit for bit", "differing", "seconds", right=[1, 2, 3, 4])
    for level in report.levels:
        differing = Text(count(level.differing), "" if level.equal else "bold red")
        shown.add_row(level.name, count(level.cells), count(level.bits), differing, f"{level.seconds:.1f}")
    console.print(shown)
    for level in report.levels:
        for note in level.notes:
            console.print(Text(f"{level.name}: {note}", "bright_black"))
    console.print()
    if report.equal:
        console.print("[bold green]Equal.[/bold green] Every value is the same, whoever computes it.")
    else:
        console.print("[bold red]Not equal.[/bold red]")
        for level in report.levels:
            if level.first is not None:
                console.print(Text(f"{level.name}: {level.first.explained}"))
                for event in level.first.events[-10:]:
                    console.print(Text(f"  {event['time']}  {event['value']!r}", "bright_black"))
        console.print(
            f"Found again with --seed {report.seed}. Please report it, with the app's declarations."
        )
    console.print(Text(f"Report: {folder / 'parity.md'}", "bright_black"))
