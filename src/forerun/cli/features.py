"""`forerun features`: what is known of an entity, and why a prediction was what it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppOption, DataDir, Json

if TYPE_CHECKING:
    from forerun.features.definition import ViewSpec
    from forerun.runtime.app import App
    from forerun.runtime.engine import Engine

EXAMPLES = """
Examples:
  forerun features -a shop                                    the views there are, and what memory they take
  forerun features ProductReturns product=p07 -a shop         an entity's features now
  forerun features ProductReturns product=p07 --at 2025-03-01T12:00 -a shop
                                                              as they were, with what had arrived by then
  forerun features --prediction 3f2a9c -a shop                why a prediction was what it was
"""


def features(
    view: Annotated[str | None, typer.Argument(metavar="VIEW", help="A features class of the app.")] = None,
    key: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Which entity: every part of the key.")
    ] = None,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of then.  [default: the last commit]")
    ] = None,
    prediction: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Explain this prediction; the beginning of its id is enough."),
    ] = None,
    events: Annotated[
        int, typer.Option(metavar="N", min=0, help="Show at most so many of the events behind them.")
    ] = 10,
    per_day: Annotated[
        float,
        typer.Option(
            metavar="N", min=0, max=1e12, help="Say what memory an entity with N events a day takes."
        ),
    ] = 100,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            envvar="FORERUN_MEMORY",
            help="Memory for entities and windows; others sleep on the disk.  [default: 256MiB]",
        ),
    ] = None,
    app: AppOption = Path(),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show an entity's features with the events behind them, or explain a prediction.

    Everything is rebuilt from the log, so a value of last week is what it was last week. Works beside a
    running `forerun run`. Times are UTC.
    """
    from forerun.cli.parse import size_bytes
    from forerun.cli.place import find
    from forerun.errors import ArgumentError
    from forerun.runtime.engine import Engine

    limit = size_bytes(memory)
    place = find(app, data_dir)
    declared = place.load()
    if at is not None and view is None:
        raise ArgumentError("--at is the time of a view's features: name the view, and which entity")
    if view is None and prediction is None:
        _views(declared, per_day, as_json=as_json)
        return
    if view is not None and prediction is not None:
        raise ArgumentError("a view or --prediction, not both")
    place.require_run()
    with Engine.open(declared, place.data, read_only=True, memory=limit) as engine:
        if prediction is not None:
            _explain(declared, place.data, engine, prediction, events, as_json=as_json)
        else:
            spec = _view(declared, str(view))
            _read(spec, place.data, engine, key or [], at, events, as_json=as_json)


def _views(app: "App", per_day: float, *, as_json: bool) -> None:
    """What can be asked, and what it takes."""
    from forerun.cli.output import out, print_rows, table
    from forerun.features.memory import bytes_at, memories, spell_bytes

    bounds = iter(memories(app.plan()))
    memory = {spec.name: [next(bounds) for _ in spec.compiled] for spec in app.views.values()}
    if as_json:
        print_rows(
            {
                "view": spec.name,
                "stream": [stream.name for stream in spec.streams] if spec.parts else spec.stream.name,
                "by": list(spec.by),
                "features": [feature.name for feature in spec.shown],
                "version": spec.version,
                "memory": {
                    "per_day": per_day,
                    "bytes_max": bytes_at(memory[spec.name], per_day),
                    "words": [bound.words for bound in memory[spec.name]],
                },
            }
            for spec in app.views.values()
        )
        return
    if not app.views:
        out().print("This app declares no features; write @app.features(Event, by=...).")
        return
    shown = table("view", "of", "key", "features", "memory of an entity", f"at {per_day:g} events a day")
    for spec in app.views.values():
        words = "; ".join(bound.words for bound in memory[spec.name])
        at_most = spell_bytes(bytes_at(memory[spec.name], per_day))
        key = " ".join(f"{name}=..." for name in spec.by)
        streams = ", ".join(stream.name for stream in spec.streams)
        names = ", ".join(feature.name for feature in spec.shown)
        shown.add_row(spec.name, streams, key, names, words, at_most)
    out().print(shown)


def _view(app: "App", name: str) -> "ViewSpec":
    """The view of a name.

    Raises:
        NotFoundError: There is none.
    """
    from forerun.errors import NotFoundError
    from forerun.events.nearest import nearest

    if name not in app.views:
        raise NotFoundError(f"this app has no view {name!r}.{nearest(name, app.views)}")
    return app.views[name]


def _read(
    spec: "ViewSpec",
    data: Path,
    engine: "Engine",
    words: list[str],
    at: str | None,
    events: int,
    *,
    as_json: bool,
) -> None:
    """An entity's features and the events behind them."""
    from forerun.cli.output import out, print_json
    from forerun.cli.parse import pairs, time_us, typed
    from forerun.cli.progress import Bar
    from forerun.console.reading import reading, reading_text

    types = {name: str(field.type) for name in spec.by if (field := spec.stream.field(name)) is not None}
    key = typed(pairs(words), types)
    at_us = None if at is None else time_us(at)
    with Bar("reading the log again", quiet=as_json) as bar:
        read, kept = engine.look(spec.name, key, at_us, bar.moved)
    found = reading(spec, data, read, kept, events)
    if as_json:
        print_json(found)
    else:
        out().print(reading_text(spec, found))


def _explain(
    app: "App", data: Path, engine: "Engine", prediction: str, events: int, *, as_json: bool
) -> None:
    """Why a prediction was what it was."""
    from forerun.cli.output import out, print_json
    from forerun.cli.progress import Bar
    from forerun.console.explanation import explained, explanation
    from forerun.console.listing import full_id

    history = engine.history()
    try:
        whole = full_id(history, app.models, prediction)
    finally:
        history.close()
    with Bar("reading the log again", quiet=as_json) as bar:
        why = engine.explain(whole, bar.moved)
    found = explained(app, data, why, events)
    if as_json:
        print_json(found)
    else:
        out().print(explanation(app, found))
