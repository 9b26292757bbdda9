"""Options that several commands share, spelled and explained alike."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

AppPath: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="APP", envvar="FORERUN_APP", help="The app: a folder with app.py, or the file."),
]
"""Commands that are about the whole app take it as their argument."""

AppOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--app", "-a", metavar="APP", envvar="FORERUN_APP", help="The app: a folder with app.py, or the file."
    ),
]
"""Commands that are about something in the app take it as an option."""

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="FORERUN_DATA_DIR",
        help="Where the app's data is.  [default: .forerun beside app.py]",
    ),
]

Memory: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        envvar="FORERUN_MEMORY",
        help="Memory for entities and windows, like 2GiB; others sleep on the disk.  [default: no limit]",
    ),
]

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON for scripts; a list is one object a line.")
]
