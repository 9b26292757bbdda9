"""`forerun keys`: who may call the HTTP endpoint."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppOption, DataDir, Json

if TYPE_CHECKING:
    from forerun.security.keys import KeyRing

EXAMPLES = """
Examples:
  forerun keys --app shop                            who has a key
  forerun keys create dashboard --role observer      a new key, shown once
  forerun keys revoke dashboard

Roles: caller (predict, read), feeder (append events), observer (metrics, status), owner (everything).
"""


class Action(StrEnum):
    """What to do with the keys."""

    LIST = "list"
    CREATE = "create"
    REVOKE = "revoke"


def keys(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    name: Annotated[str | None, typer.Argument(help="The key to create or revoke.")] = None,
    *,
    role: Annotated[
        list[str] | None, typer.Option(help="A role of the new key; may be repeated.  [default: owner]")
    ] = None,
    app: AppOption = Path(),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List, create and revoke the API keys of the HTTP endpoint.

    A key is shown once, when it is created; only its digest is kept. A running endpoint follows within
    a second.
    """
    from forerun.cli.place import find
    from forerun.errors import ArgumentError
    from forerun.runtime.clock import SystemClock
    from forerun.security.keys import KeyRing

    ring = KeyRing(find(app, data_dir).keys)
    if action is Action.LIST:
        _show(ring, as_json=as_json)
    elif name is None:
        raise ArgumentError(f"which key? write: forerun keys {action} NAME")
    elif action is Action.REVOKE:
        ring.revoke(name)
        _say({"revoked": name}, f"The key {name!r} opens nothing any more.", as_json=as_json)
    else:
        token = ring.create(name, roles=role or ["owner"], now_us=SystemClock().now_us())
        text = f"{token}\nKeep it now; it is not shown again."
        _say({"created": name, "key": token}, text, as_json=as_json)


def _show(ring: "KeyRing", *, as_json: bool) -> None:
    """The keys there are, oldest first."""
    from forerun.cli.output import out, print_rows, table
    from forerun.console.format import instant

    known = ring.list()
    if as_json:
        print_rows(
            {"name": key.name, "roles": list(key.roles), "created_us": key.created_us} for key in known
        )
        return
    shown = table("key", "roles", "created (UTC)")
    for key in known:
        shown.add_row(key.name, ", ".join(key.roles), instant(key.created_us))
    out().print(shown if known else "No keys yet; the first is made by: forerun run")


def _say(content: dict[str, str], text: str, *, as_json: bool) -> None:
    """The outcome, for a program or a person."""
    from forerun.cli.output import print_json

    if as_json:
        print_json(content)
    else:
        typer.echo(text)
