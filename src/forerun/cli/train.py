"""`forerun train`: a new version from everything served so far, beside the one that answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forerun.cli.options import AppPath, DataDir, Json

if TYPE_CHECKING:
    from forerun.cli.place import Place
    from forerun.governance.version import ModelVersion
    from forerun.runtime.app import App

EXAMPLES = """
Examples:
  forerun train shop                     train, measure beside the active version, keep as a candidate
  forerun train shop --activate          and let it answer
  forerun train shop --json | jq .trained.holdout.model.auc
"""

MEASURES = ("auc", "log_loss", "brier", "calibration_error")


def train(
    app: AppPath = Path(),
    *,
    model: Annotated[str | None, typer.Option(help="Which model, when the app has several.")] = None,
    activate: Annotated[bool, typer.Option("--activate", help="Let the new version answer.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Train a model on every labelled prediction so far: the vectors as they were served.

    The latest fifth of the rows is held out to measure it, beside what the active version answered when it
    was asked about the same predictions. Works beside a running `forerun run`.
    """
    from forerun.cli.place import find
    from forerun.cli.predictions import the_model

    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    name = the_model(declared, model)
    before, trained = _trained(place, declared, name, activate=activate, quiet=as_json)
    served = None if before is None else _as_served(place, declared, name, before, trained)
    if as_json:
        from forerun.cli.output import print_json

        print_json(
            {
                "trained": _content(trained),
                "before": None if before is None else {"version": before.version, "as_served": served},
            }
        )
    else:
        _show(before, trained, served, activated=activate)


def _trained(
    place: "Place", app: "App", model: str, *, activate: bool, quiet: bool
) -> "tuple[ModelVersion | None, ModelVersion]":
    """The version that answered before, and the new one."""
    from forerun.cli.output import out
    from forerun.governance.registry import Registry
    from forerun.runtime.clock import SystemClock
    from forerun.runtime.journal import Journal
    from forerun.runtime.layout import Layout
    from forerun.runtime.trainer import Trainer
    from forerun.state.database import Database

    database = Database(place.database, read_only=True)
    with database.snapshot() as connection:
        step = Journal(connection).last_step()
    database.close()
    registry = Registry(place.data)
    before = registry.active(model)
    trainer = Trainer(Layout(app), place.data, registry, SystemClock())
    console = out()
    with console.status("reading what was served") as progress:

        def said(text: str) -> None:
            progress.update(text)
            if not console.is_terminal and not quiet:
                print(text, flush=True)

        trained = trainer.train(
            model,
            by="forerun train",
            reason="by hand",
            step=step,
            activate=activate,
            on_progress=said,
        )
    registry.close()
    return before, trained


def _as_served(
    place: "Place", app: "App", model: str, before: "ModelVersion", trained: "ModelVersion"
) -> Mapping[str, Any] | None:
    """How the version before did on the rows held out, by the scores it gave when they were asked."""
    from forerun.console.served import as_served
    from forerun.runtime.history import History
    from forerun.runtime.layout import Layout

    holdout = trained.facts.get("holdout")
    if not isinstance(holdout, Mapping) or "from_us" not in holdout:
        return None
    history = History(Layout(app), place.data)
    try:
        return as_served(
            history, model, before.version, int(holdout["from_us"]), int(holdout["to_us"])
        ).to_json()
    finally:
        history.close()


def _content(version: "ModelVersion") -> dict[str, object]:
    """A version for a program, without the long lists."""
    whole = version.to_json()
    del whole["facts"]
    return {**whole, "rows": version.facts["rows"], "holdout": version.facts["holdout"]}


def _show(
    before: "ModelVersion | None",
    trained: "ModelVersion",
    served: Mapping[str, Any] | None,
    *,
    activated: bool,
) -> None:
    """The new version beside the old one and the baselines, on the same rows."""
    from forerun.cli.output import out, table
    from forerun.console.format import count, decimal

    console = out()
    holdout = trained.facts["holdout"]
    assert isinstance(holdout, Mapping), "training writes it"
    rows = trained.facts["rows"]
    console.print(f"\n[bold]{trained.name} {trained.version}[/bold], trained on {rows:,} rows")
    shown = table(
        f"on the latest {count(holdout['rows'])}",
        "AUC",
        "log loss",
        "Brier",
        "calib. error",
        right=range(1, 5),
    )
    lines = [
        (trained.version, holdout.get("model")),
        (f"{before.version}, as it answered" if before else "", served),
        ("static inputs only", holdout.get("static")),
        ("base rate", holdout.get("base")),
    ]
    for name, measures in lines:
        if name and measures:
            shown.add_row(name, *(decimal(measures[measure]) for measure in MEASURES))
    console.print(shown)
    if "reason" in holdout:
        console.print(f"Not measured: {holdout['reason']}.")
    if activated:
        console.print(f"\n{trained.version} answers from now on.")
    else:
        console.print(f"\nIt is a {trained.status}. Let it answer: forerun models activate v{trained.number}")
