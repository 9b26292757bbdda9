"""`forerun new`: a starter project that runs."""

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from forerun.cli.options import Json

EXAMPLES = """
Examples:
  forerun new shop                 make ./shop: app.py, sample data, README
  forerun new work/returns         the same in ./work/returns; the app is called returns
  forerun run shop                 run it
"""

TEMPLATE = Path(__file__).parent / "templates" / "starter"

_APP_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_RENAMED = {"gitignore": ".gitignore"}


def new(
    name: Annotated[
        Path, typer.Argument(metavar="NAME", help="Folder to make; its last part names the app.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Make a starter project: an app, sample data and a README.

    The app predicts which orders of a made-up shop will be sent back. It runs as it is; change it into
    your own.
    """
    from forerun.cli.output import print_json

    files = make(name)
    if as_json:
        print_json({"project": str(name), "files": files})
        return
    typer.echo(f"Made {name}/ with {', '.join(files)}.")
    typer.echo(f"Next:\n  forerun run {shlex.quote(str(name))}")


def make(folder: Path) -> list[str]:
    """Write the starter project.

    Args:
        folder: Where; it must not exist, or be empty.

    Returns:
        Names of the files written.

    Raises:
        ArgumentError: The folder's name cannot name an app.
        PathTakenError: There is something in the way.
    """
    from forerun.errors import ArgumentError, PathTakenError

    app = folder.resolve().name
    if not _APP_NAME.fullmatch(app):
        raise ArgumentError(
            f"{app!r} cannot name an app; use small letters, digits, '-' and '_', a letter first: "
            "forerun new my-shop"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PathTakenError(f"{folder} is there already and not empty; choose another name.")
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for source in sorted(TEMPLATE.iterdir()):
        if not source.is_file():
            continue
        name = _RENAMED.get(source.name, source.name)
        text = source.read_text(encoding="utf-8").replace("{{name}}", app)
        (folder / name).write_text(text, encoding="utf-8")
        names.append(name)
    return names
