"""SAMPLE DATA: 150 days of a made-up shop, computed from a formula, the same on every machine.

Replace this file with your own source: a function that is called with a position and yields slices from
there on, each with tables in the order of arrival. Some events here come late or twice, as they do in life.
"""

import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from forerun.streams.source import Slice

ORDERS, PRODUCTS, CUSTOMERS, DAYS = 30_000, 40, 600, 150
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
START_US = 1_735_689_600 * SECOND_US  # 2025-01-01
SLICE_US = DAY_US // 4


def noise(what: str, index: np.ndarray) -> np.ndarray:
    """Numbers between 0 and 1 that look random and never change (splitmix64)."""
    z = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(zlib.crc32(what.encode()) << 31)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64


@cache
def events() -> dict[str, pa.RecordBatch]:
    """All orders and returns, in the order of their arrival."""
    order = np.arange(ORDERS)
    day = (order + noise("time", order)) * DAYS / ORDERS
    product = (noise("product", order) ** 2 * PRODUCTS).astype(np.int64)
    customer = (noise("customer", order) * CUSTOMERS).astype(np.int64)
    price = np.round(10 + 80 * noise("price", product) + 10 * noise("rebate", order), 2)

    batch = product * 100 + (day / 15 + 5 * noise("offset", product)).astype(np.int64)
    bad_batch = noise("batch", batch) < 0.2
    picky = noise("picky", customer) < 0.15
    chance = 0.001 * price + 0.5 * bad_batch + 0.4 * picky
    back = np.flatnonzero(noise("returned", order) < chance)
    back_day = day[back] + 0.5 + 2 * noise("delay", back)

    return {
        "Ordered": table("Ordered", order, day, customer, product, price=price),
        "Returned": table("Returned", back, back_day, customer[back], product[back], refund=price[back]),
    }


def table(
    stream: str,
    order: np.ndarray,
    day: np.ndarray,
    customer: np.ndarray,
    product: np.ndarray,
    **amount: np.ndarray,
) -> pa.RecordBatch:
    """One stream: a message takes up to a minute, one in 100 six hours; one in 200 is sent twice."""
    at = START_US + (day * DAY_US).astype(np.int64)
    arrival = at + (60 * SECOND_US * noise(f"{stream} way", order)).astype(np.int64)
    arrival += np.where(noise(f"{stream} stuck", order) < 0.01, DAY_US // 4, 0)
    twice = np.flatnonzero(noise(f"{stream} twice", order) < 0.005)
    row = np.concatenate([np.arange(len(order)), twice])
    arrival = np.concatenate([arrival, arrival[twice] + 20 * SECOND_US])
    row, arrival = row[np.argsort(arrival, kind="stable")], np.sort(arrival, kind="stable")
    return pa.record_batch(
        {
            "order": pa.array([f"o{number:05d}" for number in order[row]]),
            "at": pa.array(at[row], pa.timestamp("us", "UTC")),
            "customer": pa.array([f"c{number:03d}" for number in customer[row]]),
            "product": pa.array([f"p{number:02d}" for number in product[row]]),
            **{name: pa.array(values[row]) for name, values in amount.items()},
            "_arrival": pa.array(arrival),
        }
    )


class Orders:
    """The source: a slice is six hours of arrivals."""

    span_us = (START_US, START_US + (DAYS + 7) * DAY_US)

    @property
    def total_events(self) -> int:
        """How many events there are in all."""
        return sum(batch.num_rows for batch in events().values())

    def __call__(self, position: int) -> Iterator[Slice]:
        """Yield the slices from a position on."""
        for here in range(position, (DAYS + 7) * DAY_US // SLICE_US):
            low = START_US + here * SLICE_US
            found = {name: between(batch, low, low + SLICE_US) for name, batch in events().items()}
            yield Slice(here, {name: batch for name, batch in found.items() if batch.num_rows})


def between(batch: pa.RecordBatch, low: int, high: int) -> pa.RecordBatch:
    """The rows that arrived from `low` up to, not including, `high`."""
    first, last = np.searchsorted(batch["_arrival"].to_numpy(), [low, high])
    return batch.slice(first, last - first)


orders = Orders()
