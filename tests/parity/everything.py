"""An app with every aggregate over every window that it can have."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import forerun as fr
from forerun.features.aggregate import BOUNDED
from forerun.features.window import Sliding, Tiled

WINDOWS: Mapping[str, Any] = {
    "30s": "30s",
    "5m": "5m",
    "1h": "1h",
    "lifetime": None,
    "ago": fr.sliding("10m", ago="5m"),
    "tumbling": fr.tumbling("10m"),
    "hopping": fr.hopping("20m", every="5m"),
    "hour": fr.calendar("hour", "Europe/Paris"),
    "today": fr.today("America/New_York"),
    "week": fr.calendar("week", "Asia/Kolkata"),
    "session": fr.session("3m", max="1h"),
    "last5": fr.last_events(5),
    "last70": fr.last_events(70),
    "tiled": fr.tiled("30m", max_error=0.1),
}
"""What `over=` takes, by a name for a feature."""


def declare(windows: Mapping[str, Any] = WINDOWS) -> fr.App:
    """The app: a view by shop with one feature per aggregate and window, one by shop and item, filtered."""
    app = fr.App("everything")

    @app.stream(key="shop", lateness="30s", max_skew="1m", idle="10m", duplicates="5m", id=["order"])
    class Sale(fr.Event):
        order: str | None
        at: fr.EventTime
        shop: str
        item: str | None
        amount: float | None
        units: int
        price: float
        paid: bool
        due: fr.Time

    @app.stream(key="shop", lateness="0s")
    class Ask(fr.Event):
        shop: str
        at: fr.EventTime
        limit: float

    made = aggregates(Sale)
    features = {
        f"{name}_{window}": make(over=over)
        for window, over in windows.items()
        for name, make in made.items()
        if _has(name, over)
    }
    for_shop = type("Shop", (), features)
    app.features(Sale, by="shop")(for_shop)
    few = {
        name: made[name.rpartition("_")[0]](over=windows[name.rpartition("_")[2]])
        for number, name in enumerate(features)
        if number % 3 == 0
    }
    for_both = type("Both", (), few)
    app.features(Sale, by=["shop", "item"], where=Sale.paid)(for_both)
    return app


def aggregates(sale: Any) -> dict[str, Any]:
    """Every aggregate, to be called with `over=`, by a name for a feature."""
    big = sale.amount > 10
    return {
        "count": fr.count,
        "count_amount": partial(fr.count, sale.amount),
        "count_big": partial(fr.count, where=big),
        "sum": partial(fr.sum, sale.amount),
        "sum_units": partial(fr.sum, sale.units),
        "sum_paid": partial(fr.sum, sale.paid, where=big),
        "mean": partial(fr.mean, sale.amount),
        "mean_big": partial(fr.mean, big),
        "mean_ratio": partial(fr.mean, sale.amount / sale.units),
        "min": partial(fr.min, sale.amount),
        "min_due": partial(fr.min, sale.due),
        "max": partial(fr.max, sale.amount),
        "max_units": partial(fr.max, sale.units, where=sale.paid),
        "max_price": partial(fr.max, sale.price),
        "var": partial(fr.var, sale.amount),
        "std": partial(fr.std, sale.amount),
        "std_units": partial(fr.std, sale.units, where=big),
        "rate": partial(fr.rate, per="1m"),
        "rate_amount": partial(fr.rate, sale.amount),
        "first": partial(fr.first, sale.amount),
        "first_due": partial(fr.first, sale.due - sale.at),
        "last": partial(fr.last, sale.amount),
        "last_paid": partial(fr.last, sale.paid, where=big),
    }


def _has(name: str, over: Any) -> bool:
    """Whether an aggregate can be had over a window: a rate needs a fixed length, tiles a bound."""
    if isinstance(over, Tiled):
        return name.partition("_")[0] in BOUNDED
    return not name.startswith("rate") or isinstance(over, str | Sliding)
