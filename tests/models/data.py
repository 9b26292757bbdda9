"""Small data sets that models can learn something from."""

import numpy as np
import numpy.typing as npt

NAMES = ("count", "delay", "share", "distance", "speed", "hour")


def features(rows: int = 1_200, *, missing: float = 0.1, seed: int = 1) -> npt.NDArray[np.float32]:
    """Inputs of several kinds: counts, shares, sizes; the last is never missing."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(NAMES))).astype(np.float32)
    values[:, 0] = np.round(values[:, 0] * 5)
    values[:, 2] = rng.integers(0, 21, rows) / np.float32(20)
    values[:, 3] *= 700
    values[rng.random(values.shape) < missing] = np.nan
    values[:, 5] = rng.integers(0, 24, rows)
    return values


def labels(values: npt.NDArray[np.float32], *, seed: int = 2) -> npt.NDArray[np.float64]:
    """What the inputs say, with noise."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(values)
    signal = known[:, 0] / 5 + known[:, 1] * known[:, 2] + (known[:, 5] > 15)
    return np.asarray(signal + rng.normal(size=len(values)) > 0.8, np.float64)
