"""The shop's inputs in hindsight, the slow and obvious way."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa
from tests.runtime.shop import HOUR

from forerun.runtime.history import History

Event = tuple[int, str, float | None]
"""Event time, shop and value."""


class Shop:
    """Every event that counts, per shop and in the order of event time.

    Args:
        events: What the source held.
        history: What was refused.
        late: Whether events that were too late count.
    """

    def __init__(self, events: Mapping[str, pa.RecordBatch], history: History, *, late: bool) -> None:
        refused = {
            (row["stream"], row["offset"]): row["verdict"]
            for row in history.rejected().select(["stream", "offset", "verdict"]).to_pylist()
        }
        self._orders = _by_shop(events["Ordered"], "amount", "Ordered", refused, late, set())
        kept = {
            str(order)
            for offset, order in enumerate(events["Settled"]["order"].to_pylist())
            if ("Settled", offset) not in refused
        }
        self._settled = _by_shop(events["Settled"], "refunded", "Settled", refused, late, kept)

    def inputs(self, amount: float | None, shop: str | None, at: int) -> list[float | None]:
        """What a prediction for an order should have been given, as float32."""
        orders = self._orders.get(str(shop), [])
        recent = _window(orders, at, HOUR)
        amounts = [event[2] for event in recent if event[2] is not None]
        refunds = [
            event[2] for event in _window(self._settled.get(str(shop), []), at, HOUR) if event[2] is not None
        ]
        ever = bisect_right(orders, at, key=lambda event: event[0])
        return [_single(value) for value in (amount, len(recent), _mean(amounts), ever, _mean(refunds))]


def _by_shop(
    batch: pa.RecordBatch,
    value: str,
    stream: str,
    refused: Mapping[tuple[str, int], str],
    late: bool,
    kept: set[str],
) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    columns = [batch[name].to_pylist() for name in ("order", "shop", value)]
    times = batch["at"].cast(pa.int64()).to_pylist()
    for offset, (order, shop, number, at) in enumerate(zip(*columns, times, strict=True)):
        verdict = refused.get((stream, offset), "applied")
        # A too-late copy of an order that counts already would count twice.
        if verdict == "late" and late and not (stream == "Settled" and order in kept):
            kept.add(order)
        elif verdict != "applied":
            continue
        found.setdefault(shop, []).append((at, order, None if number is None else float(number)))
    for events in found.values():
        events.sort(key=lambda event: event[0])
    return found


def _window(events: Sequence[Event], at: int, over: int) -> Sequence[Event]:
    low, high = (bisect_right(events, edge, key=lambda event: event[0]) for edge in (at - over, at))
    return events[low:high]


def _mean(values: Sequence[float]) -> float | None:
    return float(sum(map(Fraction, values), Fraction()) / len(values)) if values else None


def _single(value: float | None) -> float | None:
    return None if value is None else float(np.float32(value))
