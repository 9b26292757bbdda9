"""What it costs when the state does not fit: the engine of `durable.py`, with a budget of memory.

--mode zipf      keys by Zipf's law, exponent 1.1
--mode uniform   every key as likely as any other: the worst there is
--share S        bytes that entities may take, as a share of what they take without a budget at the end
--mode windows   nothing but windows of five minutes, emitted when they close, of keys as likely
--keys K         so many of them: a million
--memory M       bytes that their state may take, in MB

The same events are taken without a budget before, in a process of its own: `unlimited_us` is what that cost.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import events as ev
import meter
from payments import hops, payments
from tables import batches

from forerun._core import version
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.world import World
from forerun.state.files import RealFiles
from forerun.streams.source import Slice

STEP = 8_192
MILLION = 1_000_000
WINDOWS = ("1m", None)
"""Of a lifetime every entity takes about the same, so that a share of the bytes is one of the keys."""


def events(count: int, rate: int, mode: str, keys_of_windows: int) -> ev.Events:
    """The events of `events.py`, or such with keys drawn evenly."""
    made = ev.make(count, rate)
    if mode == "zipf":
        return made
    keys = np.random.default_rng(3).integers(0, keys_of_windows if mode == "windows" else ev.KEYS, count)
    return ev.Events(made.arrival, made.at, keys, made.amount)


def taken(folder: str, made: ev.Events, memory: int | None, mode: str) -> dict[str, Any]:
    """Take the events; what it cost, and what is there at the end."""
    app = hops("5m") if mode == "windows" else payments(WINDOWS, read=False)
    parts = batches(app, made, STEP)

    def source(position: int) -> Iterator[Slice]:
        for number, part in enumerate(parts[position:], position):
            yield Slice(number, {"Paid": part})

    world = World(SystemClock(), RealFiles(), portion_rows=STEP, memory=memory)
    with Engine.open(app, Path(folder), world=world) as engine:
        with meter.Meter() as m:
            engine.run(source)
        kernel = engine._processor.state.kernel
        entities, asleep = sum(kernel.entities()), sum(kernel.asleep())
        return {
            "meter": (m.cpu_s, m.wall_s, m.peak),
            "entities": entities,
            "asleep": asleep,
            "parts": sum(kernel.windows_asleep()),
            "bytes": int(sum(kernel.bytes_per_entity()) * (entities - asleep)),
            "closed": engine.status().windows,
            "state": engine.state_hash(),
        }


def apart(*arguments: Any) -> dict[str, Any]:
    """Take the events in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(taken, arguments)


def main() -> None:
    """Measure both."""
    parser = meter.arguments(__doc__)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--keys", type=int, default=MILLION)
    a = parser.parse_args()
    made = events(a.events, a.rate, a.mode, a.keys)
    with tempfile.TemporaryDirectory(dir=a.data) as folder:
        plenty = apart(folder, made, None, a.mode)
    memory = a.memory * 2**20 or int(a.share * plenty["bytes"])
    with tempfile.TemporaryDirectory(dir=a.data) as folder:
        little = apart(folder, made, memory, a.mode)
    assert (little["state"], little["closed"]) == (plenty["state"], plenty["closed"])
    m = meter.Meter()
    m.cpu_s, m.wall_s, m.peak = little["meter"]
    meter.report(
        a.events,
        m,
        version=version,
        rows=a.events,
        entities=little["entities"],
        asleep=little["asleep"],
        parts_asleep=little["parts"],
        windows_closed=sum(little["closed"].values()),
        budget_mb=round(memory / 1e6, 1),
        unlimited_us=round(plenty["meter"][0] / a.events * 1e6, 3),
        unlimited_mb=round(plenty["meter"][2] / 1e6),
    )


if __name__ == "__main__":
    main()
