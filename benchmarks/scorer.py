"""What a score costs: forerun's scorer beside LightGBM itself and bare onnxruntime, taking turns in one run.

    python benchmarks/scorer.py [--rounds N] [--record]

Two models: the one other measurements of serving use (20 inputs, 200 trees of 31 leaves) and one the size of
the flights example (38 inputs, 300 trees). Rows rotate over 256, or the branch predictor learns the one row;
all use one thread. Each figure is CPU time, so that waiting for a core is not in it: microseconds a row, the
median of the rounds. Other work on the machine still moves all of them, through the caches; ratios hold best.

    forerun              Scorer.score with one row
    onnxruntime run      InferenceSession.run(["score"], ...) with one row and the same session options
    LightGBM             Booster.predict with one row, num_threads=1
    forerun, batch       Scorer.score with 4,096 rows
    LightGBM, batch      Booster.predict with 4,096 rows, num_threads=1
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt

from forerun.models.convert import convert
from forerun.models.file import INPUT, OUTPUT
from forerun.models.scorer import Scorer

RESULTS = Path(__file__).parent / "results" / "scorer.json"
SHAPES = {"20 inputs, 200 trees": (20, 200), "38 inputs, 300 trees": (38, 300)}
ROWS = 256
CALLS = 1_024
BATCH = 4_096

Features = npt.NDArray[np.float32]


def trained(inputs: int, trees: int) -> tuple[lightgbm.Booster, bytes, Features]:
    """A binary classifier, its file, and rows to score."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(20_000, inputs)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    known = np.nan_to_num(rows)
    signal = (
        known @ rng.normal(size=inputs) * 0.4 + np.sin(2 * known[:, 0] * known[:, 1]) - known[:, 4] ** 2 / 2
    )
    model = lightgbm.LGBMClassifier(
        n_estimators=trees, num_leaves=31, learning_rate=0.05, n_jobs=1, verbose=-1
    )
    model.fit(rows, rng.random(len(rows)) < 1 / (1 + np.exp(-signal)))
    names = [f"input_{i}" for i in range(inputs)]
    return model.booster_, convert(model, names, rows).onnx, rows


def cpu_us(call: Callable[[int], object], calls: int, rows: int) -> float:
    """CPU time of a call on this thread, per row."""
    start_ns = time.thread_time_ns()
    for i in range(calls):
        call(i)
    return (time.thread_time_ns() - start_ns) / 1_000 / calls / rows


def measured(inputs: int, trees: int, rounds: int) -> dict[str, float]:
    """Microseconds a row of each way, and of loading."""
    booster, onnx, rows = trained(inputs, trees)
    scorer = Scorer(onnx)
    session = scorer._session
    single = [np.ascontiguousarray(rows[i : i + 1]) for i in range(ROWS)]
    batch = np.ascontiguousarray(rows[:BATCH])
    ways: dict[str, tuple[Callable[[int], object], int, int]] = {
        "forerun": (lambda i: scorer.score(single[i % ROWS]), CALLS, 1),
        "onnxruntime run": (lambda i: session.run([OUTPUT], {INPUT: single[i % ROWS]}), CALLS, 1),
        "LightGBM": (lambda i: booster.predict(single[i % ROWS], num_threads=1), CALLS, 1),
        "forerun, batch": (lambda _: scorer.score(batch), 5, BATCH),
        "LightGBM, batch": (lambda _: booster.predict(batch, num_threads=1), 5, BATCH),
        "load, milliseconds": (lambda _: Scorer(onnx), 3, 1_000),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (call, calls, per) in ways.items():
            found[name].append(cpu_us(call, calls, per))
    return {name: round(statistics.median(values), 2) for name, values in found.items()}


def main() -> None:
    """Measure, print, and record on demand."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    settings = parser.parse_args()
    found = {name: measured(*shape, settings.rounds) for name, shape in SHAPES.items()}
    for name, figures in found.items():
        print(name)
        for way, figure in figures.items():
            print(f"  {way:20} {figure:8.2f}{'' if 'milli' in way else ' us a row'}")
    if settings.record:
        libraries = {name: version(name) for name in ("lightgbm", "numpy", "onnxruntime")}
        facts = {"python": platform.python_version(), "machine": platform.machine(), **libraries}
        facts["load_1m"] = f"{os.getloadavg()[0]:.1f}"
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"made_with": facts, "us_per_row": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
