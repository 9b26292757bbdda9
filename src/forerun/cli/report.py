"""`forerun report`: write the report again."""

from pathlib import Path
from typing import Annotated

import typer

from forerun.cli.options import AppPath, DataDir, Json

EXAMPLES = """
Examples:
  forerun report shop                        write shop/.forerun/report.html
  forerun report shop --out today.html       beside a running `forerun run`, somewhere else
"""


def report(
    app: AppPath = Path(),
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to write it.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write the HTML report of everything predicted so far: one file that loads nothing from anywhere.

    Works beside a running `forerun run`.
    """
    from forerun.cli.output import print_json
    from forerun.cli.place import find
    from forerun.cli.write_report import write_report
    from forerun.runtime.engine import Engine

    place = find(app, data_dir)
    declared = place.load()
    place.require_run()
    with Engine.open(declared, place.data, read_only=True) as engine:
        path = write_report(place, declared, engine.status(), out)
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(path)
