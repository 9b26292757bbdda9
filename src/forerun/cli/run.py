"""`forerun run`: stream the source through the app, and watch it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppPath, DataDir, Json, Memory

if TYPE_CHECKING:
    pass

EXAMPLES = """
Examples:
  forerun run shop                       from where it stopped; ends with a report
  forerun run shop --fresh               delete its data and start over
  forerun run shop --speed 3600x         an hour of events a second
  forerun run shop --serve               stay up at the end and answer HTTP until Ctrl-C
  forerun run shop --memory 2GiB         with more entities than fit

Ctrl-C finishes the step in hand and commits it; the next run goes on from there. A second Ctrl-C ends
at once, and loses nothing that was answered.
"""


def run(
    app: AppPath = Path(),
    *,
    speed: Annotated[
        str | None,
        typer.Option(metavar="Nx", help="Event time per real time.  [default: as fast as it goes]"),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop once everything that arrived by then is taken.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="HTTP port; 0: any free one.  [default: 8787, or a free one]"),
    ] = None,
    no_http: Annotated[bool, typer.Option("--no-http", help="Do not listen.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep answering HTTP when the source has ended.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete what earlier runs left, after asking.")
    ] = False,
    memory: Memory = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Stream the app's source: collect, train, predict, decide, and show how good it is.

    The first version of each model is trained when its warm-up is over, on what was served until then.
    While it runs it answers HTTP on this machine; the API key is shown once, on the first run. At the end
    it writes a report and, unless --serve is given, exits. An app without a source only serves.
    """
    from forerun.cli.fresh import forget
    from forerun.cli.parse import size_bytes, time_us
    from forerun.cli.parse import speed as parsed_speed
    from forerun.cli.place import find
    from forerun.cli.session import Session, Wanted

    wanted = Wanted(
        speed=parsed_speed(speed),
        until_us=None if until is None else time_us(until),
        port=port,
        http=not no_http,
        serve=serve,
        as_json=as_json,
        memory=size_bytes(memory),
    )
    place = find(app, data_dir)
    declared = place.load()
    if fresh:
        forget(place, ask=not yes)
    Session(place, declared, wanted).go()
