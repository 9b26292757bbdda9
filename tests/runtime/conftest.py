"""One run of the shop that several tests look at; it takes seconds, so it is made once."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from tests.runtime import shop

import forerun as fr
from forerun.runtime.engine import Engine
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.progress import Progress
from forerun.streams.source import Source

HOURS = 24


@dataclass(frozen=True)
class Served:
    """A finished run.

    Args:
        app: The app.
        directory: Its data directory.
        events: What its source held.
        progress: What the run told.
    """

    app: fr.App
    directory: Path
    events: dict[str, pa.RecordBatch]
    progress: list[Progress]

    @property
    def source(self) -> Source:
        """Its source."""
        assert self.app.source is not None
        return self.app.source

    @property
    def layout(self) -> Layout:
        """Its layout."""
        return Layout(self.app)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A day of the shop, trained after twelve hours, closed. Tests must not change it."""
    events = shop.events(HOURS)
    app = shop.make(source=shop.source_of(events))
    found = Served(app, tmp_path_factory.mktemp("served"), events, [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a regression that does not converge is a fine model here
        with Engine.open(app, found.directory) as engine:
            engine.run(found.source, on_progress=found.progress.append)
    return found


@pytest.fixture
def history(served: Served) -> Iterator[History]:
    """What that run predicted and learnt."""
    opened = History(served.layout, served.directory)
    yield opened
    opened.close()
