"""`forerun predictions`: what was predicted, what was decided, what came."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forerun.cli.options import AppOption, DataDir, Json

if TYPE_CHECKING:
    from forerun.runtime.app import App

EXAMPLES = """
Examples:
  forerun predictions -a shop                              the last 20
  forerun predictions -a shop --sort score --limit 5       the highest
  forerun predictions -a shop --decision any --label false decided, and wrong
  forerun predictions -a shop --key o00017 --json          of one entity, for a script
  forerun predictions 3f2a9c -a shop                       everything about one
"""


class Sort(StrEnum):
    """Which come first."""

    TIME = "time"
    SCORE = "score"


class Label(StrEnum):
    """What is known of the outcome."""

    TRUE = "true"
    FALSE = "false"
    KNOWN = "known"
    NONE = "none"


def predictions(
    prediction_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="A prediction's id, or how it begins.")
    ] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Of this model; needed when there are several.")] = None,
    key: Annotated[str | None, typer.Option(help="Of this entity.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Event time from here on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before this.")] = None,
    above: Annotated[float | None, typer.Option(help="Scored at least this.")] = None,
    below: Annotated[float | None, typer.Option(help="Scored less than this.")] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="RULE", help="With a decision by this rule; any: by any.")
    ] = None,
    label: Annotated[Label | None, typer.Option(help="Whose label is this.")] = None,
    sort: Annotated[Sort, typer.Option(help="Newest or highest first.")] = Sort.TIME,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    app: AppOption = Path(),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List predictions, or show one with the vector it was made from.

    Works beside a running `forerun run`. Times are UTC.
    """
    from forerun.cli.output import print_json, print_rows
    from forerun.cli.parse import time_us
    from forerun.cli.place import find
    from forerun.console.listing import Wanted, listing, one
    from forerun.runtime.history import History
    from forerun.runtime.layout import Layout

    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    log = History(Layout(declared), place.data)
    try:
        if prediction_id is not None:
            found = one(log, declared.models, prediction_id)
            print_json(found) if as_json else _show(found)
            return
        wanted = Wanted(
            key=key,
            since_us=None if since is None else time_us(since),
            until_us=None if until is None else time_us(until),
            above=above,
            below=below,
            decision=decision,
            label=label,
            sort="score" if sort is Sort.SCORE else "time",
            limit=limit,
        )
        rows = listing(log, the_model(declared, model), wanted)
    finally:
        log.close()
    print_rows(rows) if as_json else _list(rows)


def the_model(app: "App", name: str | None) -> str:
    """The model that is meant, by default the only one.

    Args:
        app: The app.
        name: As written; None: not written.

    Raises:
        ArgumentError: There are several, or none.
        NotFoundError: There is none of that name.
    """
    from forerun.errors import ArgumentError, NotFoundError
    from forerun.events.nearest import nearest

    if name is None:
        if not app.models:
            raise ArgumentError("this app declares no model, so there are no predictions")
        if len(app.models) != 1:
            raise ArgumentError(f"which model? add --model with one of: {', '.join(app.models)}")
        return next(iter(app.models))
    if name not in app.models:
        raise NotFoundError(f"this app has no model {name!r}.{nearest(name, app.models)}")
    return name


def outcome(row: dict[str, Any]) -> str:
    """A label in words.

    >>> outcome({"label": 1.0, "label_source": "timeout"}), outcome({"label": None})
    ('true (nothing came)', 'unknown')
    """
    if row["label"] is None:
        return "unknown"
    value = {1.0: "true", 0.0: "false"}.get(row["label"], f"{row['label']:g}")
    return f"{value} (nothing came)" if row["label_source"] == "timeout" else value


def _short(moment: str) -> str:
    """An ISO time to the minute, for a column.

    >>> _short("2013-08-20T12:00:00.000000Z")
    '2013-08-20 12:00'
    """
    return moment[:16].replace("T", " ")


def _list(rows: list[dict[str, Any]]) -> None:
    """A row a prediction."""
    from rich.text import Text

    from forerun.cli.output import out, table
    from forerun.console.format import decimal

    if not rows:
        out().print("No such prediction.")
        return
    shown = table(
        "id", "event time (UTC)", "key", "score", "static", "grade", "came", "decisions", right=(3, 4)
    )
    for row in rows:
        shown.add_row(
            row["prediction_id"][:12],
            _short(row["event_time"]),
            Text(row["key"]),
            decimal(row["score"]),
            decimal(row["baseline"]),
            row["grade"],
            outcome(row),
            ", ".join(row["decisions"]),
        )
    out().print(shown)


def _show(row: dict[str, Any]) -> None:
    """Everything about one prediction."""
    from rich.text import Text

    from forerun.cli.output import out, pairs, table
    from forerun.console.format import decimal, number, span

    console = out()
    console.print(f"[bold]{row['model']}[/bold] {row['prediction_id']}\n")
    facts = pairs()
    reason = f" ({row['reason']})" if row["reason"] else ""
    for name, value in (
        (
            "score",
            f"[bold]{decimal(row['score'], 4)}[/bold]  static inputs only: {decimal(row['baseline'], 4)}",
        ),
        ("came", outcome(row)),
        ("decisions", ", ".join(row["decisions"]) or "none"),
        ("grade", row["grade"] + reason),
        ("event time", row["event_time"]),
        (
            "triggered by",
            f"{row['stream']}, partition {row['partition']}, offset {row['offset']}, key {row['key']}",
        ),
        ("label known", row["label_time"] or "not yet"),
        ("took", span(row["latency_us"])),
        ("model version", row["model_version"] or "none"),
        ("inputs version", row["feature_version"]),
        ("app version", row["app_version"]),
    ):
        facts.add_row(Text(name, "bright_black"), Text(value))
    console.print(facts)
    vector = table("input", "as served", right=(1,))
    for name, value in row["inputs"].items():
        vector.add_row(name, number(value))
    console.print()
    console.print(vector)
    console.print(
        f"\n[bright_black]Why: forerun features --prediction {row['prediction_id'][:12]}[/bright_black]"
    )
