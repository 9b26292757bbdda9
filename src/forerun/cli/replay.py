"""`forerun replay`: every prediction again from the log, compared bit for bit."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from forerun.cli.options import AppPath, DataDir, Json, Memory

if TYPE_CHECKING:
    from forerun.runtime.replay import Replay

EXAMPLES = """
Examples:
  forerun replay shop                    compute everything again, and compare
  forerun replay shop --memory 500MB     with more entities than fit
  forerun replay shop --json             the same for a script: exit status 1 if a bit differs
"""


def replay(
    app: AppPath = Path(), *, memory: Memory = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Take the whole journal again into a fresh kernel, and compare with what was logged, bit for bit.

    Every input of every prediction, every score, grade, label and closed window is computed again with the
    versions that answered then. Works beside a running `forerun run`; it needs no model to be trained again.
    """
    from forerun.cli.output import print_json
    from forerun.cli.parse import size_bytes
    from forerun.cli.place import find
    from forerun.cli.progress import Bar
    from forerun.runtime.layout import Layout
    from forerun.runtime.replay import replay as taken_again

    limit = size_bytes(memory)
    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    with Bar("taking the journal again", quiet=as_json) as bar:
        found = taken_again(Layout(declared), place.data, on_progress=bar.moved, memory=limit)
    if as_json:
        print_json(found.to_json())
    else:
        _show(found)
    if not found.equal:
        raise typer.Exit(1)


def _show(found: "Replay") -> None:
    """What was compared, and the verdict."""
    from rich.text import Text

    from forerun.cli.output import out, table
    from forerun.console.format import count, short

    console = out()
    shown = table("taken again", "", right=[1])
    for name, value in (
        ("steps of the journal", found.steps),
        ("events", found.events),
        ("predictions compared", found.predictions),
        ("labels compared", found.labels),
        ("windows compared", found.windows),
        ("values compared", found.cells),
        ("rows that differ", found.differences),
    ):
        shown.add_row(name, count(value))
    console.print(shown)
    console.print(f"[bright_black]state[/bright_black] {found.state_hash}\n")
    if found.equal:
        console.print("[bold green]Equal, bit for bit.[/bold green]")
        return
    console.print("[bold red]Not equal.[/bold red]")
    first = found.first
    if first is not None:
        where = f"First: {first.column} of {first.prediction_id}"
        console.print(Text(f"{where} is {first.logged!r} in the log and {first.replayed!r} now"))
    if found.edited:
        # Streams, features and inputs are the same, or the data would not have been read at all.
        versions = ", ".join(short(version) for version in found.edited)
        console.print(
            f"The app was edited since: the run was by version {versions}, and this is "
            f"{short(found.app_version)}. Streams,\nfeatures and inputs are the same, so look at labels, "
            "freshness and models; replay with the app as it was."
        )
        return
    console.print(
        "Changed since the run: the processor's arithmetic, a library, or the data. Compare the versions in\n"
        "the report with `forerun --version`, and report a difference that none of them explains."
    )
