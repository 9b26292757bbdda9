"""`forerun status`: how far the app is, and what became of every event."""

from pathlib import Path
from typing import TYPE_CHECKING

from forerun.cli.options import AppPath, DataDir, Json

if TYPE_CHECKING:
    from rich.console import Console

    from forerun.monitoring.status import Status

EXAMPLES = """
Examples:
  forerun status shop                                 what came in, what was late, what is pending
  forerun status shop --json | jq .streams            counts per stream, for a script
  watch -n 1 forerun status shop                      beside a running `forerun run shop`
"""


def status(app: AppPath = Path(), *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say how far the app is: events by stream, predictions, labels, decisions, the last commit.

    Works beside a running `forerun run`, and says what its last commit held.
    """
    import msgspec

    from forerun.cli.output import out, print_json
    from forerun.cli.place import find
    from forerun.runtime.engine import Engine

    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    with Engine.open(declared, place.data, read_only=True) as engine:
        found = engine.status()
    running = place.running()
    if as_json:
        print_json({"running": running, **msgspec.to_builtins(found)})
    else:
        _show(out(), found, running=running)


def _show(console: "Console", status: "Status", *, running: bool) -> None:
    """The status in tables."""
    from rich.text import Text

    from forerun.cli.output import table
    from forerun.console.format import brief, count, instant

    state = "[green]running[/green]" if running else "not running"
    console.print(
        f"[bold]{status.app}[/bold] {state}, step {count(status.journal_step)}, "
        f"last commit {instant(status.last_commit_us, seconds=True)} UTC\n"
    )
    counted = ("consumed", "applied", "late", "early", "invalid", "duplicate", "refused")
    streams = table("stream", *counted, "newest event (UTC)", "lag", right=range(1, 8))
    for one in status.streams:
        high, mark = one.arrival_high_us, one.watermark_us
        lag = None if high is None or mark is None else high - mark
        counts = (one.consumed, one.applied, one.late, one.early, one.invalid, one.duplicate, one.quarantined)
        streams.add_row(one.name, *map(count, counts), instant(one.event_time_high_us), brief(lag))
    console.print(streams)
    console.print()
    models = table("model", "version", "predictions", "labels", "pending", "expired", right=range(2, 6))
    for model in status.models:
        made = sum(found for grades in model.predictions.values() for found in grades.values())
        labels = (model.labels_joined, model.labels_pending, model.labels_expired)
        models.add_row(model.name, model.version or "none yet", *map(count, (made, *labels)))
    console.print(models)
    for heads, found in (
        (("rule", "decisions"), status.decisions),
        (("windows", "closed"), status.windows),
        (("feature", "not computed, served null"), status.overflows),
    ):
        if found:
            listed = table(*heads, right=[1])
            for name, number in found.items():
                listed.add_row(name, count(number))
            console.print()
            console.print(listed)
    if status.failed:
        said = table("feature", "its function failed, and said last")
        for name, words in status.failed.items():
            said.add_row(name, Text(words))
        console.print()
        console.print(said)
    held = ", ".join(f"{name} {count(found)}" for name, found in status.entities.items())
    console.print(f"\n[bright_black]entities[/bright_black] {held or 'none'}")
    console.print(f"[bright_black]outbox waiting[/bright_black] {count(status.outbox_pending)}")
