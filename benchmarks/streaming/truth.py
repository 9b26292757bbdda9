"""What the twenty values are, by brute force in long doubles, and a sample on which to compare peers with it.

    python benchmarks/streaming/truth.py FILE [FILE ...]   compare files of values with the truth

The sample is sorted and no two events share a time, so that everybody answers the same question: batch
engines and streams, those that wait for late events and those that do not.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from events import WINDOWS_US, Events, Floats, make

NAMES = ("count", "sum", "mean", "max", "std")
COLUMNS = tuple(f"{name}_{window}" for window in WINDOWS_US for name in NAMES)
SAMPLES = ("plain", "far")
ROWS = 20_000
RATE = 0.2
TOLERANCE = 1e-9


def sample(kind: str) -> Events:
    """Events over 28 hours, so that every window evicts.

    Args:
        kind: "plain": amounts as they are; "far": a thousand million added to each, where a variance by the
            difference of sums of squares loses every digit.
    """
    events = make(ROWS, RATE).in_time_order(distinct=True)
    far = 1e9 if kind == "far" else 0.0
    return Events(events.arrival, events.at, events.key, np.round(events.amount + far, 2))


def save(path: Path, values: Floats) -> None:
    """Keep values as a row per event and a column per feature.

    Args:
        path: A file that ends in `.npz`.
        values: In the order of `COLUMNS`.
    """
    columns: dict[str, Any] = {name: values[:, number] for number, name in enumerate(COLUMNS)}
    np.savez(path, **columns)


@cache
def truth(kind: str) -> dict[str, Floats]:
    """The values, by name.

    Args:
        kind: Which sample.
    """
    events = sample(kind)
    found = np.full((len(events), len(COLUMNS)), np.nan)
    for key in np.unique(events.key):
        own = np.flatnonzero(events.key == key)
        at, amount = events.at[own], events.amount[own].astype(np.longdouble)
        for place, (row, t) in enumerate(zip(own, at, strict=True)):
            for number, window in enumerate(WINDOWS_US.values()):
                part = amount[np.searchsorted(at, t - window, side="right") : place + 1]
                mean = part.sum() / len(part)
                std = np.sqrt(((part - mean) ** 2).sum() / (len(part) - 1)) if len(part) > 1 else np.nan
                found[row, 5 * number : 5 * number + 5] = (len(part), part.sum(), mean, part.max(), std)
    return {name: found[:, number] for number, name in enumerate(COLUMNS)}


def compare(path: Path, kind: str) -> dict[str, object]:
    """How many values are wrong, and by how much.

    Args:
        path: What a peer gave.
        kind: On which sample.
    """
    given = np.load(path)
    # A peer that answers for a part of the rows says for which.
    rows = given["rows"] if "rows" in given else slice(None)
    right = truth(kind)
    wrong: dict[str, int] = {}
    worst, cells, nan = 0.0, 0, 0
    for name in COLUMNS:
        if name not in given:
            continue
        got, want = given[name].astype(float)[rows], right[name][rows]
        cells += len(want)
        error = np.abs(got - want) / np.maximum(np.abs(want), 1e-9)
        # Where there is no value (a std of one event), some say null and some say zero; neither is wrong
        # here.
        error = np.where(np.isnan(want), 0.0, error)
        nan += int(np.isnan(error).sum())
        bad = int((~(error <= TOLERANCE)).sum())
        if bad:
            wrong[name.partition("_")[0]] = wrong.get(name.partition("_")[0], 0) + bad
        if np.isfinite(error).any():
            worst = max(worst, float(np.nanmax(error)))
    return {"cells": cells, "wrong": wrong, "nan": nan, "worst": worst}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for kind in SAMPLES:
            if kind in name:
                print(name, compare(Path(name), kind))
