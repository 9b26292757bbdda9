"""One `forerun run` from start to end: engine, HTTP, screen, report, farewell."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from forerun.cli.interrupts import ABORTED, Interrupts
from forerun.cli.output import out
from forerun.cli.place import Place
from forerun.cli.write_report import write_report
from forerun.console.ending import suggestions
from forerun.console.format import count, span
from forerun.console.screen import REFRESH_PER_S, Screen
from forerun.console.watch import Watch
from forerun.errors import AddressInUseError, ArgumentError
from forerun.governance.registry import Registry
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.security.keys import KeyRing
from forerun.serving.server import PORT, Server

if TYPE_CHECKING:
    from forerun.runtime.app import App
    from forerun.streams.source import Source


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for.

    Args:
        speed: Event time per real time; None: as fast as it goes.
        until_us: Take what arrived up to this; None: everything.
        port: Where HTTP listens; None: the usual port, or a free one if that is taken.
        http: Whether it listens at all.
        serve: Whether it stays up when the source has ended.
        as_json: Whether programs read the output.
        memory: Bytes that entities and open windows may take in memory; None: as many as they take.
    """

    speed: float | None = None
    until_us: int | None = None
    port: int | None = None
    http: bool = True
    serve: bool = False
    as_json: bool = False
    memory: int | None = None


class Session:
    """One run of one app.

    Args:
        place: Where the app and its data are.
        app: The app.
        wanted: What the user asked for.
    """

    def __init__(self, place: Place, app: "App", wanted: Wanted) -> None:
        self._place = place
        self._app = app
        self._wanted = wanted
        self._clock = SystemClock()
        self._console = out()
        self._stop = threading.Event()
        self._begun_us = self._clock.tick_us()
        self._before = 0
        self._watch: Watch | None = None

    def go(self) -> None:
        """Run until the source ends or somebody stops it.

        Raises:
            ArgumentError: There is neither a source nor HTTP.
            SystemExit: It was stopped before the source had ended.
        """
        source = self._app.source
        if source is None and not self._wanted.http:
            raise ArgumentError(
                "this app has no source and lives on what HTTP brings; run it without --no-http"
            )
        with (
            Engine.open(self._app, self._place.data, memory=self._wanted.memory) as engine,
            self._listening(engine) as url,
            Interrupts(self._stop, self._stopping),
        ):
            ended = self._watched(engine, source, url)
            stopped = self._stop.is_set()
            stays = self._wanted.serve and url is not None and not stopped
            if ended:
                self._farewell(engine, url if stays else None)
            if stays:
                self._say(f"\nAnswering {url} until Ctrl-C.")
                self._stop.wait()
        if not ended:
            what = "Stopped" if stopped else "Taken as far as was asked"
            self._say(f"\n{what}; everything so far is kept. Go on with: forerun run {self._place.argument}")
        if stopped and source is not None and not ended:
            raise SystemExit(ABORTED)

    def _watched(self, engine: Engine, source: "Source | None", url: str | None) -> bool:
        """Let the engine take the source in a thread of its own, and show how it goes.

        Returns:
            Whether the source has ended.
        """
        watch = Watch(self._app, address=url, base_rate=self._base_rate, speed=self._wanted.speed)
        self._watch = watch
        status = engine.status()
        self._before = sum(stream.consumed for stream in status.streams)
        watch.begin(status, source)
        history = engine.history()
        watch.remember(history, status)
        history.close()
        failures: list[BaseException] = []

        def take() -> None:
            try:
                if source is None:
                    self._stop.wait()
                    return
                engine.run(
                    source,
                    speed=self._wanted.speed,
                    until_us=self._wanted.until_us,
                    stop=self._stop,
                    on_progress=lambda progress: watch.heard(progress, engine.status),
                )
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                failures.append(error)

        thread = threading.Thread(target=take, name="forerun-run")
        with Screen(self._console, watch.facts, as_json=self._wanted.as_json) as screen:
            thread.start()
            while thread.is_alive():
                thread.join(1 / REFRESH_PER_S)
                # A version that somebody activates meanwhile answers from the next step on.
                engine.refresh()
                if source is None:
                    watch.saw(engine.status(), engine.now_us())
                screen.refresh()
        if failures:
            raise failures[0]
        return watch.ended

    @contextmanager
    def _listening(self, engine: Engine) -> Iterator[str | None]:
        """Answer HTTP while inside."""
        if not self._wanted.http:
            yield None
            return
        keys = KeyRing(self._place.keys)
        first = keys.create_first(self._clock.now_us())
        if first is not None:
            self._say(f"API key, shown once; keep it:\n  export FORERUN_KEY={first}")
        server = self._server(engine, keys, PORT if self._wanted.port is None else self._wanted.port)
        try:
            yield server.url
        finally:
            server.stop()

    def _server(self, engine: Engine, keys: KeyRing, port: int) -> Server:
        """A server that listens: on the port asked for, or on the usual one, or on a free one."""
        server = Server(self._app, engine, keys, port=port, version=version("forerun"))
        try:
            server.start()
        except AddressInUseError:
            if self._wanted.port is not None:
                raise
            server = Server(self._app, engine, keys, port=0, version=version("forerun"))
            server.start()
            self._say(f"Port {port} is taken; listening on {server.url}")
        else:
            # The live view and the JSON of each moment have the address.
            if not self._console.is_terminal and not self._wanted.as_json:
                self._say(f"Listening on {server.url}")
        return server

    def _farewell(self, engine: Engine, url: str | None) -> None:
        """Write the report, and say what there is to try; with the address if that answers from now on."""
        status = engine.status()
        with self._console.status("Writing the report"):
            report = write_report(self._place, self._app, status)
            history = engine.history()
            found = suggestions(
                self._app,
                self._place,
                history,
                address=url or f"http://127.0.0.1:{PORT}",
                serving=url is not None,
            )
            history.close()
        events = sum(stream.consumed for stream in status.streams)
        new = events - self._before
        if self._wanted.as_json:
            print(json.dumps({"event": "ended", "report": str(report), "events": events, "new": new}))
            return
        taken = span(self._clock.tick_us() - self._begun_us)
        if new:
            self._say(f"\nThe source has ended: {count(new)} events in {taken}, {count(events)} in all.")
        else:
            self._say(f"\nNothing new: the source had ended before, after {count(events)} events.")
        self._say(f"Report: {report}\n\nTry next:")
        for one in found:
            self._say(f"  # {one.why}\n  {one.command}")

    def _stopping(self) -> None:
        """Let the view say that Ctrl-C was heard: a model may be fitted just now."""
        if self._watch is not None:
            self._watch.stopping = True

    def _base_rate(self, model: str, version: str) -> float | None:
        """The base rate a version was trained on, from the registry."""
        registry = Registry(self._place.data, read_only=True)
        try:
            known = next((one for one in registry.versions(model) if one.version == version), None)
        finally:
            registry.close()
        rate = None if known is None else known.facts.get("base_rate")
        return rate if isinstance(rate, float) else None

    def _say(self, text: str) -> None:
        """Words for people; they stay out of the way of a program that reads stdout."""
        print(text, file=sys.stderr if self._wanted.as_json else sys.stdout, flush=True)
