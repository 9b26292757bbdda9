"""A small app for tests: will an order be refunded?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

import forerun as fr
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.streams.source import Slice, Source

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class Ran:
    """An app that has taken events, and its data.

    Args:
        app: The app.
        directory: Its data directory.
    """

    app: fr.App
    directory: Path

    @property
    def layout(self) -> Layout:
        """Its layout."""
        return Layout(self.app)

    def predictions(self) -> pa.Table:
        """Everything predicted of refunds."""
        history = History(self.layout, self.directory)
        try:
            return history.predictions("Refunded")
        finally:
            history.close()


def make(*, source: Source | None = None, window: str = "1h", warmup: str = "12h") -> fr.App:
    """The app.

    Args:
        source: Where events come from.
        window: Length of its windows.
        warmup: Time before the first training.
    """
    app = fr.App("shop", source=source)

    @app.stream(key="order", lateness="5m", freshness="30m")
    class Ordered(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        amount: float | None

    @app.stream(key="order", lateness="10m", duplicates="1d")
    class Settled(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        refunded: bool | None

    @app.features(Ordered, by="shop")
    class Orders:
        recent = fr.count(over=window)
        mean = fr.mean(Ordered.amount, over=window)
        ever = fr.count()

    @app.features(Settled, by="shop")
    class Refunds:
        share = fr.mean(Settled.refunded, over=window)

    @app.windows(Ordered, by="shop", over=fr.hopping("1h", every="15m"), do=fr.emit("hourly"))
    class Hourly:
        orders = fr.count()
        mean = fr.mean(Ordered.amount)
        latest = fr.last(Ordered.amount)
        newest = fr.last(Ordered.order)
        largest = fr.last_n(Ordered.amount, 3, where=fr.given(Ordered.amount) > 100)
        median = fr.quantile(Ordered.amount, 0.5)
        pace = fr.rate(per="1h")
        known = fr.count(Ordered.amount) / fr.count()

    @app.windows(Settled, by="shop", over=fr.session("4m", max="1d"), where=Settled.refunded)
    class Wave:
        refunds = fr.count()

    @app.model(
        on=Ordered,
        label=fr.label(Settled, Settled.refunded, within="2h", otherwise=False),
        risk="low",
        warmup=warmup,
    )
    class Refunded(fr.Model):
        """Will this order be refunded?"""

        inputs = [Ordered.amount, Orders, Refunds]

        def fit(self, table: fr.Table) -> object:
            from sklearn.impute import SimpleImputer
            from sklearn.linear_model import LogisticRegression
            from sklearn.pipeline import make_pipeline

            model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=2_000))
            return model.fit(table.features, table.label)

    app.decide(Refunded, when=Refunded.score > 0.15, do=fr.emit("review"), name="review")
    return app


def events(hours: int, *, seed: int = 1) -> dict[str, pa.RecordBatch]:
    """Orders and settlements in order of arrival: some late, invalid, early or doubled, some never settled.

    Args:
        hours: How long they go on; a hundred orders an hour.
        seed: Of the generator.
    """
    random = np.random.default_rng(seed)
    count = hours * 100
    at = np.sort(random.integers(0, hours * HOUR, count))
    shops = random.integers(0, 5, count)
    amount = random.gamma(2.0, 20.0, count) * (1 + shops)
    refunded = random.random(count) < 0.08 + 0.12 * (shops == 4) + 0.3 * (amount > 250)
    arrival = at + random.integers(0, MINUTE, count)
    odd = random.random(count)
    arrival = np.where(odd < 0.01, arrival + 8 * MINUTE, arrival)  # too late
    stamped = np.where((odd >= 0.01) & (odd < 0.015), arrival + HOUR, at)  # from the future
    missing = (odd >= 0.015) & (odd < 0.03)
    not_a_number = (odd >= 0.03) & (odd < 0.035)
    orders = _table(
        {
            "order": [f"o{number}" for number in range(count)],
            "at": pa.array(stamped).cast(pa.timestamp("us", "UTC")),
            "shop": [f"s{shop}" for shop in shops],
            "amount": pa.array(np.where(not_a_number, np.nan, amount), mask=missing),
        },
        arrival,
    )
    settled = np.flatnonzero(random.random(count) < 0.9)
    again = settled[random.random(len(settled)) < 0.02]
    rows = np.concatenate([settled, again])
    when = at[rows] + random.integers(MINUTE, 3 * HOUR, count)[rows]
    settlements = _table(
        {
            "order": [f"o{number}" for number in rows],
            "at": pa.array(when).cast(pa.timestamp("us", "UTC")),
            "shop": [f"s{shops[number]}" for number in rows],
            "refunded": pa.array(refunded[rows], mask=odd[rows] > 0.99),
        },
        when + random.integers(0, 15 * MINUTE, count)[rows],
    )
    return {"Ordered": orders, "Settled": settlements}


def source_of(tables: dict[str, pa.RecordBatch], *, every_us: int = HOUR) -> Source:
    """A source that gives the tables in slices.

    Args:
        tables: In order of arrival.
        every_us: Length of a slice in arrival time.
    """
    arrivals = {name: table["_arrival"].to_numpy() for name, table in tables.items()}
    last = max(int(column[-1]) for column in arrivals.values())
    bounds = range(0, last + every_us, every_us)

    def source(position: int) -> Iterator[Slice]:
        for number, start in list(enumerate(bounds))[position:]:
            cut = {}
            for name, table in tables.items():
                low, high = np.searchsorted(arrivals[name], [start, start + every_us])
                cut[name] = table.slice(int(low), int(high - low))
            yield Slice(number, cut)

    return source


def _table(
    columns: dict[str, object], arrival: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> pa.RecordBatch:
    order: Sequence[int] = np.argsort(arrival, kind="stable").tolist()
    table = pa.record_batch({**columns, "_arrival": pa.array(arrival, pa.int64())})
    return table.take(pa.array(order))
