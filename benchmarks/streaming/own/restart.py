"""How long a start takes: an engine with so many keys, ended cleanly, and killed between checkpoints.

--events N   so many keys, two events each, all within the 24 h window
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
from payments import payments
from tables import batches

from forerun._core import version
from forerun.runtime.engine import Engine
from forerun.streams.source import Slice

STEP = 65_536


def filled(folder: str, keys: int, *, kill: bool) -> None:
    """Fill a data directory, and end in one way or the other; runs in a process of its own."""
    app = payments(read=False)
    rng = np.random.default_rng(5)
    key = np.concatenate([rng.permutation(keys), rng.permutation(keys)]).astype(np.int64)
    at = ev.BEGIN_US + np.arange(len(key), dtype=np.int64) * 1_000
    parts = batches(app, ev.Events(at, at, key, np.round(rng.lognormal(3.0, 1.0, len(key)), 2)), STEP)

    def source(position: int) -> Iterator[Slice]:
        for number, part in enumerate(parts[position:], position):
            yield Slice(number, {"Paid": part})
        if kill:
            os._exit(0)

    with Engine.open(app, Path(folder)) as engine:
        engine.run(source)


def main() -> None:
    """Measure both."""
    a = meter.arguments(__doc__).parse_args()
    facts: dict[str, object] = {}
    costs = []
    for name in ("killed", "clean"):
        with tempfile.TemporaryDirectory(dir=a.data) as folder:
            start = multiprocessing.get_context("spawn").Process(
                target=filled, args=(folder, a.events), kwargs={"kill": name == "killed"}
            )
            start.start()
            start.join()
            with meter.Meter() as m:
                engine = Engine.open(payments(read=False), Path(folder))
            facts[f"{name}_cpu_s"], facts[f"{name}_wall_s"] = round(m.cpu_s, 2), round(m.wall_s, 2)
            engine.close()
            costs.append(m)
    meter.report(a.events, costs[0], version=version, rows=a.events, **facts)


if __name__ == "__main__":
    main()
