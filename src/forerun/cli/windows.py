"""`forerun windows`: what was in each window, once it closed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forerun.cli.options import AppOption, DataDir, Json

if TYPE_CHECKING:
    from forerun.features.emitter import EmitterSpec
    from forerun.runtime.app import App

EXAMPLES = """
Examples:
  forerun windows -a shop                                  which windows classes there are
  forerun windows Hourly -a shop                           the windows that closed last
  forerun windows Hourly product=p07 --limit 48 -a shop    of one entity
  forerun windows Hourly -a shop --json                    a row a line, for a script
"""


def windows(
    name: Annotated[str | None, typer.Argument(metavar="WINDOWS", help="A windows class of the app.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE...", help="Of which entity: any parts of the key."),
    ] = None,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 20,
    app: AppOption = Path(),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the windows that closed last, the newest first.

    A window is here once no event that counts can be added to it. Works beside a running `forerun run`.
    Times are UTC.
    """
    from forerun.cli.output import print_rows
    from forerun.cli.place import find
    from forerun.console.closed import Entity, newest
    from forerun.runtime.history import History
    from forerun.runtime.layout import Layout

    place = find(app, data_dir)
    declared = place.load()
    if name is None:
        _classes(declared, as_json=as_json)
        return
    layout = Layout(declared)
    spec = layout.emitter(name)
    wanted: Entity = _entity(spec, key or [])
    place.require_run()
    log = History(layout, place.data)
    try:
        rows = newest(log.windows(name), wanted, limit)
    finally:
        log.close()
    print_rows(rows) if as_json else _list(spec, rows)


def _classes(app: "App", *, as_json: bool) -> None:
    """What can be asked."""
    from forerun.cli.output import out, print_rows, table

    if as_json:
        print_rows(
            {
                "windows": spec.name,
                "stream": spec.stream.name,
                "by": list(spec.view.by),
                "over": spec.window.canonical(),
                "features": [feature.name for feature in spec.features],
                "version": spec.version,
            }
            for spec in app.emitters.values()
        )
        return
    if not app.emitters:
        out().print(
            "This app declares no windows; write @app.windows(Event, by=..., over=fr.tumbling('1h'))."
        )
        return
    shown = table("windows", "of", "key", "over", "features")
    for spec in app.emitters.values():
        features = ", ".join(feature.name for feature in spec.features)
        shown.add_row(spec.name, spec.stream.name, " ".join(spec.view.by), spec.words, features)
    out().print(shown)


def _entity(spec: "EmitterSpec", words: list[str]) -> dict[str, object]:
    """The parts of the key that are wanted."""
    from forerun.cli.parse import pairs, typed

    given = pairs(words)
    fields = {part: spec.stream.field(part) for part in spec.view.by}
    types = {part: str(field.type) for part, field in fields.items() if field is not None}
    known = {part: kind for part, kind in types.items() if part in given}
    return typed(given, known or types) if given else {}


def _list(spec: "EmitterSpec", rows: list[dict[str, Any]]) -> None:
    """A row a window."""
    from rich.text import Text

    from forerun.cli.output import out, table
    from forerun.console.reading import value_text

    if not rows:
        out().print("No such window has closed.")
        return
    by, kinds = spec.view.by, {feature.name: feature.element for feature in spec.features}
    shown = table(*by, "from (UTC)", "to (UTC)", *kinds, right=range(len(by) + 2, len(by) + 2 + len(kinds)))
    for row in rows:
        keys = (Text(str(row[part])) for part in by)
        times = (_short(row[name]) for name in ("start", "end"))
        # As text, so that nothing in a value is taken for markup.
        values = (Text(value_text(kind, row[name])) for name, kind in kinds.items())
        shown.add_row(*keys, *times, *values)
    out().print(shown)


def _short(moment: str) -> str:
    """An ISO time for a column: to the minute when it is a whole one.

    >>> _short("2013-08-20T12:00:00.000000Z"), _short("2013-08-20T12:00:30.250000Z")
    ('2013-08-20 12:00', '2013-08-20 12:00:30.25')
    """
    whole = moment.removesuffix("Z").replace("T", " ")
    return whole[:16] if whole.endswith(":00.000000") else whole.rstrip("0").rstrip(".")
