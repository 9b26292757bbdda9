"""The events of the streaming benchmarks: made once from a fixed seed, kept as columns for any peer.

    python benchmarks/streaming/events.py FOLDER [--events N] [--rate R]

100,000 keys by a Zipf law of exponent 1.1 (the hottest has 13.5 % of the events; ids are shuffled, so that
hot keys are no neighbours), amounts log-normal. Events arrive in order and are late by min(Exp(0.5 s), 5
s), in whole milliseconds of event time. Only numpy is needed: every environment has it.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

KEYS = 100_000
SEED = 7
BEGIN_US = 1_760_000_000_000_000
LATENESS_US = 10_000_000
WINDOWS_US = {"1m": 60_000_000, "5m": 300_000_000, "1h": 3_600_000_000, "24h": 86_400_000_000}
COLUMNS = ("arrival", "at", "key", "amount")


@dataclass(frozen=True)
class Events:
    """Events in order of arrival.

    Args:
        arrival: When each arrives, microseconds.
        at: Its event time, microseconds.
        key: Its key, 0 to KEYS - 1.
        amount: Its value.
    """

    arrival: Ints
    at: Ints
    key: Ints
    amount: Floats

    def __len__(self) -> int:
        return len(self.at)

    def first(self, count: int) -> "Events":
        """The first of them."""
        return Events(self.arrival[:count], self.at[:count], self.key[:count], self.amount[:count])

    def in_time_order(self, *, distinct: bool = False) -> "Events":
        """Sorted by event time, each arriving when it happens, for peers that take nothing out of order.

        Args:
            distinct: Whether ties are spread by a microsecond each, so that batch engines, which count ties
                that come later, and streams, which cannot, must give the same.
        """
        order = np.argsort(self.at, kind="stable")
        at = self.at[order]
        if distinct:
            steps = np.arange(len(at), dtype=np.int64)
            at = np.maximum.accumulate(at - steps) + steps
        return Events(at, at, self.key[order], self.amount[order])


def make(count: int, rate: float, *, keys: int = KEYS, seed: int = SEED) -> Events:
    """Events from a seed.

    Args:
        count: How many.
        rate: Events per second of event time.
        keys: Number of keys.
        seed: The same one gives the same events.
    """
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, keys + 1) ** 1.1
    share = np.cumsum(weight / weight.sum())
    ids = rng.permutation(keys)
    rank = np.searchsorted(share, rng.random(count)).clip(0, keys - 1)
    arrival = BEGIN_US + (np.cumsum(rng.exponential(1e6 / rate, count))).astype(np.int64)
    late = np.minimum(rng.exponential(500_000.0, count), 5_000_000.0).astype(np.int64)
    at = (arrival - late) // 1_000 * 1_000
    amount = np.round(rng.lognormal(3.0, 1.0, count), 2)
    return Events(arrival, at, ids[rank].astype(np.int64), amount)


def idle(count: int) -> Events:
    """One event each of keys that no other event has, an hour before all others.

    Args:
        count: How many.
    """
    at = np.full(count, BEGIN_US - 3_600_000_000, np.int64)
    return Events(at, at, 10_000_000 + np.arange(count, dtype=np.int64), np.ones(count))


def text_keys(key: Ints) -> NDArray[np.uint8]:
    """Keys as eight letters each, "c0000123".

    Args:
        key: As numbers.

    Returns:
        A row of eight bytes for each.
    """
    letters = np.empty((len(key), 8), np.uint8)
    letters[:, 0] = ord("c")
    rest = key.copy()
    for place in range(7, 0, -1):
        letters[:, place] = ord("0") + rest % 10
        rest //= 10
    return letters


def stored(folder: Path, count: int, rate: int) -> Path:
    """Where a run finds its events, made if they are not there or too few.

    Args:
        folder: Where they are kept.
        count: How many are needed.
        rate: Events per second of event time.
    """
    place = folder / f"rate-{rate}"
    done = place / "events"
    if not done.exists() or int(done.read_text()) < count:
        place.mkdir(parents=True, exist_ok=True)
        made = make(count, rate)
        for name in COLUMNS:
            np.save(place / f"{name}.npy", getattr(made, name))
        done.write_text(str(count))
    return place


def load(folder: Path, count: int, rate: int) -> Events:
    """The first events of a rate.

    Args:
        folder: Where they are kept.
        count: How many.
        rate: Events per second of event time.
    """
    place = stored(folder, count, rate)
    columns = [np.load(place / f"{name}.npy", mmap_mode="r")[:count] for name in COLUMNS]
    return Events(*(np.ascontiguousarray(column) for column in columns))


def main() -> None:
    """Make the events of one rate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=50)
    settings = parser.parse_args()
    print(stored(settings.folder, settings.events, settings.rate))


if __name__ == "__main__":
    main()
