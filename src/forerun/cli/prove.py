"""`forerun prove`: do power cuts lose or double anything?"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppPath, Json

if TYPE_CHECKING:
    from forerun.testing.proof import Proof

EXAMPLES = """
Examples:
  forerun prove shop                     a minute of power cuts
  forerun prove shop --seconds 600       ten minutes; every time other ones
  forerun prove shop --seed 1234567      exactly one chain of them again
  forerun prove shop --processes 1       on one core, and leave the others to others
  forerun prove shop --json              for a script: exit status 1 if anything was lost or doubled

Needs apsw, an SQLite whose disk can be exchanged: pip install 'forerun[prove]'
"""


def prove(
    app: AppPath = Path(),
    *,
    seconds: Annotated[float, typer.Option(min=0, help="How long.")] = 60.0,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="S", help="Live through one chain of crashes again.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many side by side.  [default: a core each]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the app thousands of times on a disk that fails, and compare with a run that nothing happens to.

    Events are made up from the app's declarations: late ones, doubled ones, some from the future. A run is
    cut off at any operation of its disk. Of what was not synced by then, a draw says what is lost, kept,
    torn or undone. The app starts again on what is left and runs to its end; many a restart is cut off too,
    while it recovers. Some disks are full, or give input/output errors; some clocks jump.

    Predictions, labels, decisions, closed windows, refused records, counts and state must then be those of
    the undisturbed run, each once. What somebody was answered or saw must be there. An error of the disk
    must end the run with a code. A formula stands in for trained models, because fitting takes seconds.
    Nothing of the app's data is read or changed.
    """
    import time

    from forerun.cli.output import print_json
    from forerun.cli.place import find
    from forerun.testing import proof

    place = find(app, None)
    declared = place.load()
    place.require_streams(declared)
    with _Counter(quiet=as_json) as counter:
        if seed is not None:
            found = proof.again(declared, seed, clock=time.monotonic)
        else:
            found = proof.prove(
                place.load,
                seconds=seconds,
                first=int(time.time()),
                clock=time.monotonic,
                processes=processes or _cores(),
                progress=counter.moved,
            )
    if as_json:
        print_json(found.to_json())
    else:
        _show(found, place.argument)
    if found.violations:
        raise typer.Exit(1)


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Counter:
    """How many histories there were: a line that moves on a terminal, nothing elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed:,.0f} crash histories"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def moved(self, done: int) -> None:
        """Show how many there were."""
        self._progress.update(self._task, completed=done)

    def __enter__(self) -> "_Counter":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _show(found: "Proof", argument: str) -> None:
    """What was tried, and the verdict."""
    from rich.text import Text

    from forerun.cli.output import out, table
    from forerun.console.format import count

    console = out()
    shown = table("tried", "", right=[1])
    for name, value in (
        ("crashes, each with a restart run to its end", found.histories),
        ("different contents of the disk", found.disks),
        ("crashes of a restart", found.restarts),
        ("crashes while it recovered", found.recovering),
        ("errors of the disk", found.errors),
        ("events sent again that had got through", found.retries),
    ):
        shown.add_row(name, count(value))
    console.print(shown)
    console.print()
    if not found.violations:
        rate = f"{found.seconds:.0f} s" if found.seconds >= 1 else "less than a second"
        verdict = f"{count(found.histories)} crash histories, 0 lost, 0 doubled"
        console.print(f"[bold green]{verdict}[/bold green] in {rate}")
        return
    for violation in found.violations:
        console.print(Text(f"seed {violation.seed}: {violation.problem}", "bold red"))
    console.print(f"Again: forerun prove {argument} --seed {found.violations[0].seed}")
    console.print("Please report it, with the app's declarations.")
