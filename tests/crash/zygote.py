"""A process that has everything imported and makes copies of itself, for strace to kill at a system call.

A copy costs milliseconds where a new process would cost seconds of imports.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.crash import till

from forerun.errors import ForerunError
from forerun.monitoring.status import StreamStatus
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.worker import InLine, Worker
from forerun.runtime.world import World
from forerun.state.database import connect_sqlite
from forerun.state.files import RealFiles
from forerun.testing import stand_in
from forerun.testing.outcome import Found, read_outcome
from forerun.testing.trial import ends, topics_of

CALLS = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,truncate,ftruncate,"
    "unlink,unlinkat,mkdir,mkdirat"
)
"""System calls that change what is on a disk, or make it durable."""

Say = Callable[[str, object], None]


@dataclass(slots=True)
class Ended:
    """How a copy ended.

    Args:
        killed: Whether by SIGKILL.
        code: Else its exit status.
        said: What it told before, in order.
    """

    killed: bool
    code: int | None
    said: list[tuple[str, Any]] = field(default_factory=list)

    def last(self, kind: str) -> Any:
        """The last thing said of a kind; None when there was none."""
        return next((what for name, what in reversed(self.said) if name == kind), None)


def copy(work: Callable[[Say], object], strace: list[str] | None = None) -> Ended:
    """Let a copy of this process do something.

    Args:
        work: What; it is told whom to tell.
        strace: Options of the strace that is attached to it; None: none is.
    """
    ours, theirs = os.pipe()
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.close(go)
        os.read(wait, 1)
        _carry_out(work, theirs)
    os.close(theirs)
    os.close(wait)
    tracer = None if strace is None else _attached(child, strace)
    os.write(go, b"!")
    os.close(go)
    with os.fdopen(ours) as pipe:
        said = [tuple(json.loads(line)) for line in pipe]
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.communicate()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(killed, None if killed else os.waitstatus_to_exitcode(status), said)


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


def run(data: Path, seed: int, say: Say, *, threads: bool = False) -> Left:
    """Take the source to its end; what the disk refuses is said, with its code."""
    source = till.source_of(till.events(seed))
    app = till.make(source)
    reader: sqlite3.Connection | None = None

    class Telling(InLine):
        """Tells what somebody sees beside the run, as soon as it is committed."""

        def nudge(self) -> None:
            if reader is not None:
                say("saw", ends(reader))
            super().nudge()

    world = World(
        SystemClock(),
        RealFiles(),
        part_rows=8,
        portion_rows=6,
        checkpoint_rows=10,
        worker=Worker if threads else Telling,
        train=stand_in.fit,
        load=stand_in.load,
    )
    try:
        with Engine.open(app, data, world=world) as engine:
            reader = connect_sqlite(data / "forerun.db", read_only=True)
            say("opened", ends(reader))
            engine.run(source)
            for number in range(2):
                fields = {"payment": f"q{number}", "shop": "a", "amount": 2.5}
                answer = engine.predict("Fraud", fields)
                say("answered", [answer["prediction_id"], answer["score"]])
            left = Left(list(engine.status().streams), engine.state_hash())
            reader.close()
            reader = None
    except ForerunError as error:
        say("error", error.code)
        raise
    say("left", [[asdict(stream) for stream in left.streams], left.state])
    return left


class RealDirectory:
    """A directory, read as `read_outcome` reads a simulated disk."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def paths(self) -> list[str]:
        return sorted(str(path) for path in self._data.rglob("*") if path.is_file())

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()


def find(data: Path, left: Left) -> Found:
    """What is on the disk, without the code that wrote it.

    Args:
        data: The data directory.
        left: What the engine said at its end.
    """
    connection = connect_sqlite(data / "forerun.db", read_only=True)
    topics = topics_of(till.make())
    found = read_outcome(
        RealDirectory(data), data, connection, topics=topics, streams=left.streams, state=left.state
    )
    connection.close()
    return found


def seen(data: Path) -> dict[str, bytes]:
    """The whole lines of each receiver's file, as somebody sees them who follows it.

    Args:
        data: The data directory.
    """
    files = {path.stem: path.read_bytes() for path in (data / "decisions").glob("*.jsonl")}
    return {topic: text[: text.rfind(b"\n") + 1] for topic, text in files.items()}


def strace_missing() -> str | None:
    """What is missing for all of this; None: nothing."""
    if shutil.which("strace") is None:
        return "strace is not installed; on Debian and Ubuntu: apt-get install strace"
    return None


def _attached(child: int, options: list[str]) -> "subprocess.Popen[str]":
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", *options, "-p", str(child)], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    if "attached" not in line:
        os.kill(child, signal.SIGKILL)
        raise SystemExit(f"strace cannot attach to a process here: {line.strip()}")
    return tracer


def _carry_out(work: Callable[[Say], object], pipe: int) -> NoReturn:
    """Do it in this process, which is a copy, and end."""

    def say(kind: str, what: object) -> None:
        os.write(pipe, (json.dumps([kind, what]) + "\n").encode())

    code = 1
    try:
        work(say)
        code = 0
    except BaseException as exc:  # noqa: BLE001  # told to the parent, and this process ends
        say("exception", "".join(traceback.format_exception(exc))[-3000:])
    finally:
        sys.stderr.flush()
        os._exit(code)
