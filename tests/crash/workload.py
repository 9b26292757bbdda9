"""The tiny app with all that comes in, and one run of it on a real disk."""

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.crash import till
from tests.crash.copies import Ended, Say
from tests.crash.sender import NotAcknowledgedError, Notes, Sender

from forerun.errors import ForerunError
from forerun.monitoring.status import StreamStatus
from forerun.runtime.app import App
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.worker import InLine
from forerun.runtime.world import World
from forerun.security.keys import KeyRing
from forerun.state.database import connect_sqlite
from forerun.state.files import RealFiles
from forerun.streams.source import Source
from forerun.testing import stand_in
from forerun.testing.outcome import Found, read_outcome
from forerun.testing.trial import ends, place, topics_of

Copies = tuple[int, ...]
"""How often each event of the client is in the log."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The app and what comes in.

    Args:
        rows: The source's records, in order.
        source: Gives them.
        app: The app.
        hop: How far apart its windows of five minutes end.
        sent: Events that a client sends, each when all that arrived before it has been taken.
        keys: Who may send.
        key: The client's.
    """

    rows: list[till.Row]
    source: Source
    app: App
    hop: str
    sent: list[till.Row]
    keys: KeyRing
    key: str

    @classmethod
    def of(cls, seed: int, directory: Path) -> "Workload":
        """The one that a seed names.

        Args:
            seed: The seed.
            directory: Takes the file of keys.
        """
        rows = till.events(seed, till.PAYMENTS_KILLED)
        source = till.source_of(rows)
        keys = KeyRing(directory / "keys.json")
        key = keys.create("client", roles=["owner"], now_us=0)
        hop = till.OVERLAPPING if seed % 2 else till.SIDE_BY_SIDE
        return cls(rows, source, till.make(source, hop), hop, till.sent_among(rows), keys, key)

    def log(self, copies: Copies) -> list[till.Row]:
        """All records in the order of the log.

        Args:
            copies: How often each event of the client is in it.
        """
        return till.merged(self.rows, self.sent, copies)


@dataclass(frozen=True, slots=True)
class Left:
    """What only the engine can say of its end.

    Args:
        streams: Its streams.
        state: Hash of its state.
    """

    streams: list[StreamStatus]
    state: str

    @classmethod
    def of(cls, ended: Ended) -> "Left":
        """What a copy that came to its end has said.

        Args:
            ended: The copy.
        """
        streams, state = ended.last("left")
        return cls([StreamStatus(**stream) for stream in streams], state)


def run(load: Workload, data: Path, notes: Notes, say: Say, *, copies: Copies | None = None) -> Left:
    """Take the source to its end, among events of a client; what the disk refuses is said, with its code.

    Args:
        load: What comes in.
        data: The data directory.
        notes: What the client knows.
        say: Told what somebody beside the run learns, as soon as it is so.
        copies: Send each event so often, take records one by one, and say the state after each. None: send
            what has not been acknowledged.
    """
    reader: sqlite3.Connection | None = None
    told = notes.told()

    class Telling(InLine):
        """Tells what somebody sees beside the run, as soon as it is committed."""

        def nudge(self) -> None:
            if reader is not None:
                say(*(("saw", ends(reader)) if copies is None else ("state", place(engine))))
            super().nudge()

    world = World(
        SystemClock(),
        RealFiles(),
        part_rows=8,
        portion_rows=6 if copies is None else 1,
        checkpoint_rows=10,
        worker=Telling,
        train=stand_in.fit,
        load=stand_in.load,
    )
    try:
        with Engine.open(load.app, data, world=world) as engine:
            reader = connect_sqlite(data / "forerun.db", read_only=True)
            say("opened", ends(reader))
            say("recovered", _recovered(engine))
            client = Sender(load.app, engine, load.keys, load.key, notes)
            for number, row in enumerate(load.sent):
                engine.run(load.source, until_us=row["_arrival"])
                for _ in range(copies[number] if copies is not None else number not in told):
                    client.send(number, row)
            engine.run(load.source)
            for number in range(2):
                fields = {"payment": f"q{number}", "shop": "a", "amount": 2.5}
                answer = engine.predict("Fraud", fields)
                say("answered", [answer["prediction_id"], answer["score"]])
            left = Left(list(engine.status().streams), engine.state_hash())
            reader.close()
            reader = None
    except (ForerunError, NotAcknowledgedError) as error:
        say("error", error.code)
        raise
    say("left", [[asdict(stream) for stream in left.streams], left.state])
    return left


def _recovered(engine: Engine) -> dict[str, Any]:
    """Where an engine is when it has recovered, the hash of its state, and features as they are then."""
    position, state = place(engine)
    features = {
        f"{view} {shop}": list(engine.read(view, {"shop": shop})["values"].values())
        for view in ("Sales", "Backs")
        for shop in "ab"
        if sum(position)
    }
    return {"position": position, "state": state, "now": engine.now_us(), "features": features}


class RealDirectory:
    """A directory, read as `read_outcome` reads a simulated disk."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def paths(self) -> list[str]:
        return sorted(str(path) for path in self._data.rglob("*") if path.is_file())

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()


def find(load: Workload, data: Path, left: Left) -> Found:
    """What is on the disk, without the code that wrote it.

    Args:
        load: What came in.
        data: The data directory.
        left: What the engine said at its end.
    """
    connection = connect_sqlite(data / "forerun.db", read_only=True)
    topics = topics_of(load.app)
    found = read_outcome(
        RealDirectory(data), data, connection, topics=topics, streams=left.streams, state=left.state
    )
    connection.close()
    return found
