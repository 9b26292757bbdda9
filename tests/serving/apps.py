"""An app with every type of field, for tests of the doors."""

from collections.abc import Sequence
from typing import ClassVar

import forerun as fr

app = fr.App("shop")


@app.stream(key="order", lateness="10m")
class Ordered(fr.Event):
    """A trigger with every type, nullable and not."""

    order: str
    at: fr.EventTime
    count: int
    amount: float
    gift: bool
    promised: fr.Time
    note: str | None
    rank: int | None
    discount: float | None
    member: bool | None
    seen: fr.Time | None


@app.stream(key="order", lateness="10m")
class Returned(fr.Event):
    """What the label comes from."""

    order: str
    at: fr.EventTime
    shelf: int


@app.features(Ordered, by="order")
class OrderNow:
    """Keyed by a string."""

    orders_1h = fr.count(over="1h")
    last_seen = fr.last(Ordered.promised)


@app.features(Returned, by=["shelf", "order"])
class ShelfNow:
    """Keyed by an integer and a string."""

    returned_1h = fr.count(over="1h")


@app.model(on=Ordered, label=fr.label(Returned, Returned.shelf > 0, within="1d"), risk="low", warmup="1d")
class WillReturn(fr.Model):
    """Whether an order comes back."""

    inputs: ClassVar[Sequence[object]] = (Ordered.amount, OrderNow)

    def fit(self, table: fr.Table) -> object:
        """Never called here."""
        return table
