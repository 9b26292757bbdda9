"""Bugs that real kills must find by what clients, readers and restarts show them; see `planted`."""

import random
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
from tests.crash import output_bugs, state_bugs, till
from tests.crash.harness import Harness
from tests.crash.planting import Bug
from tests.crash.seeds import telling
from tests.crash.simulated import scratch

from forerun.events.decode import decode_rows
from forerun.runtime import export
from forerun.runtime.engine import Engine
from forerun.serving.doors import events

SEED = 3


def door_rounds() -> AbstractContextManager[object]:
    """The HTTP door lets in an event with another amount than was sent."""

    def careless(spec: Any, rows: Any, **more: Any) -> Any:
        batch, refused = decode_rows(spec, rows, **more)
        if "amount" not in batch.schema.names:
            return batch, refused
        at = batch.schema.get_field_index("amount")
        return batch.set_column(at, batch.schema.field(at), pc.round(batch["amount"])), refused

    return patch.object(events, "decode_rows", careless)


def door_miscounts() -> AbstractContextManager[object]:
    """Who sends an event is told the offset behind it."""
    append = Engine.append

    def careless(self: Engine, stream: str, batch: pa.RecordBatch, **more: Any) -> Any:
        taken = append(self, stream, batch, **more)
        return None if taken is None else (taken[0] + 1, taken[1] + 1)

    return patch.object(Engine, "append", careless)


def file_written_in_place() -> AbstractContextManager[object]:
    """A file has its final name while it is written."""

    def hasty(_to: Any, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            file.write(data[len(data) // 2 :])

    return patch.object(export, "write_durably", hasty)


LOST, GONE = "was acknowledged and is lost", "that somebody saw are gone or others"

REAL_BUGS = (
    (Bug("an event is acknowledged before its commit", state_bugs.append_before_commit), LOST),
    (Bug("the door stores another amount", door_rounds), LOST),
    (Bug("the door says another offset", door_miscounts), "was acknowledged at"),
    (Bug("a file has its name before its rows", output_bugs.file_named_before_its_rows), GONE),
    (Bug("a file is written in place", file_written_in_place), "and could not read it"),
    (Bug("a view that no model reads is forgotten at a start", state_bugs.view_is_forgotten), ") as "),
    (Bug("the same, looked for in features that are read", state_bugs.view_is_forgotten), "), Backs"),
)
"""Each with words of the check that has to find it, whatever else does."""


def hunt_really(number: int) -> tuple[int, str | None]:
    """Kill real runs with one bug planted, at places that a draw says, until it is found.

    Args:
        number: Which bug.

    Returns:
        How many kills it took, and what was wrong then; None: nothing was.
    """
    bug, words = REAL_BUGS[number]
    with scratch() as directory:
        harness = Harness(telling(SEED, till.whole), Path(directory))
        points = random.Random(number).sample(harness.points, len(harness.points))
        with bug.plant():
            harness.require_an_end(bug.name)
            for kills, (call, which) in enumerate(points, 1):
                harness.kill(call, which)
                found = [problem for problem in harness.findings.problems if words in problem]
                if found:
                    return kills, found[0]
        return len(points), None
