"""`forerun models`: the versions there are, what is known of each, and which one answers."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppOption, DataDir, Json

if TYPE_CHECKING:
    from forerun.cli.place import Place
    from forerun.governance.registry import Registry
    from forerun.governance.version import ModelVersion

EXAMPLES = """
Examples:
  forerun models --app shop                      all versions, which one answers, how good each was
  forerun models show --app shop                 the card of the version that answers
  forerun models show v2 --app shop --json       everything known of version 2
  forerun models activate v1 --reason "v2 drifts" --app shop
"""

_VERSION = re.compile(r"v?(\d{1,9})(-[0-9a-f]{0,8})?")


class Action(StrEnum):
    """What to do with the versions."""

    LIST = "list"
    SHOW = "show"
    ACTIVATE = "activate"


def models(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    version: Annotated[str | None, typer.Argument(help="A version: v2, 2 or v2-3f2a9c01.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Which model, when the app has several.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is activated; kept in the history.")] = "by hand",
    app: AppOption = Path(),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the versions of the app's models, show one, or let one answer from now on.

    Activating an older version is the way back. A running `forerun run` scores with it from its next
    step on.
    """
    from forerun.cli.place import find

    place = find(app, data_dir)
    place.require_run()
    if action is Action.ACTIVATE:
        _activate(place, model, version, reason, as_json=as_json)
    elif action is Action.SHOW:
        _show(place, model, version, as_json=as_json)
    else:
        _list(place, model, as_json=as_json)


def _list(place: "Place", model: str | None, *, as_json: bool) -> None:
    """A row a version."""
    from forerun.cli.output import out, print_rows, table
    from forerun.console.card import headline
    from forerun.console.format import instant
    from forerun.governance.registry import Registry

    registry = Registry(place.data, read_only=True)
    found = registry.versions(model)
    registry.close()
    if as_json:
        print_rows(_line(version) for version in found)
        return
    if not found:
        out().print("No version yet: the first is trained when its warm-up is over, or by: forerun train")
        return
    heads = ("model", "version", "status", "made (UTC)", "rows", "AUC", "static AUC", "log loss")
    shown = table(*heads, right=range(4, 8))
    for version in found:
        style = "bold" if version.status == "active" else ""
        shown.add_row(
            version.name, version.version, version.status, instant(version.created_us), *headline(version),
            style=style,
        )  # fmt: skip
    out().print(shown)


def _line(version: "ModelVersion") -> dict[str, object]:
    """A version in a list: of its facts only how good it was. `models show` has the others."""
    whole = version.to_json()
    del whole["facts"]
    return {**whole, "rows": version.facts.get("rows"), "holdout": version.facts.get("holdout")}


def _show(place: "Place", model: str | None, version: str | None, *, as_json: bool) -> None:
    """The card of one version."""
    from rich.text import Text

    from forerun.cli.output import out, pairs, print_json, table
    from forerun.console.card import card_rows
    from forerun.console.format import instant
    from forerun.errors import NotFoundError
    from forerun.governance.registry import Registry

    registry = Registry(place.data, read_only=True)
    chosen = _choose(registry, model, version)
    events = [event for event in registry.history(chosen.name) if event.number == chosen.number]
    registry.close()
    if as_json:
        print_json({**chosen.to_json(), "history": [event.to_json() for event in events]})
        return
    spec = place.load().models.get(chosen.name)
    if spec is None:
        raise NotFoundError(f"the app does not declare {chosen.name!r} any more; add --json for its facts")
    console = out()
    console.print(f"[bold]{chosen.name}[/bold]\n")
    facts = pairs()
    for name, value in card_rows(spec, chosen):
        facts.add_row(Text(name, "bright_black"), Text(value))
    console.print(facts)
    history = table("when (UTC)", "what", "by", "why")
    for event in events:
        history.add_row(instant(event.at_us), event.what, event.by, Text(event.reason))
    console.print()
    console.print(history)


def _activate(place: "Place", model: str | None, version: str | None, reason: str, *, as_json: bool) -> None:
    """Let a version answer."""
    from forerun.cli.output import print_json
    from forerun.errors import ArgumentError
    from forerun.governance.registry import Registry
    from forerun.runtime.clock import SystemClock

    if version is None:
        raise ArgumentError("which version? write for example: forerun models activate v1")
    registry = Registry(place.data)
    chosen = _choose(registry, model, version)
    chosen = registry.activate(
        chosen.name, chosen.number, at_us=SystemClock().now_us(), by="forerun models", reason=reason
    )
    registry.close()
    if as_json:
        print_json(chosen.to_json())
    else:
        typer.echo(f"{chosen.name} {chosen.version} answers from now on.")


def _choose(registry: "Registry", model: str | None, version: str | None) -> "ModelVersion":
    """The version that is meant: by default the one that answers.

    Raises:
        ArgumentError: The text is no version, or it is not clear of which model.
        NotFoundError: There is no such version.
    """
    from forerun.errors import ArgumentError, NotFoundError

    names = sorted({known.name for known in registry.versions()})
    if model is None:
        if len(names) > 1:
            raise ArgumentError(f"of which model? add --model with one of: {', '.join(names)}")
        if not names:
            raise NotFoundError(
                "no version is registered yet: run the app past its warm-up, or: forerun train"
            )
        [model] = names
    if version is None:
        active = registry.active(model)
        if active is None:
            raise NotFoundError(f"no version of {model!r} answers; name one: forerun models show v1")
        return active
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ArgumentError(f"{version!r} is no version; write v2, 2 or v2-3f2a9c01.")
    chosen = registry.version(model, int(match[1]))
    if not chosen.version.endswith(match[2] or ""):
        raise NotFoundError(f"{version!r} is not {chosen.version}; look at: forerun models")
    return chosen
