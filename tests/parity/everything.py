"""An app with every aggregate over every window that it can have."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
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


CLOSING: Mapping[str, Any] = {
    "Tumbling": fr.tumbling("10m"),
    "Hopping": fr.hopping("20m", every="5m"),
    "Long": fr.hopping("1h", every="1m"),
    "Visit": fr.session("3m", max="1h"),
}
"""Windows that close, by the name of a windows class."""


def declare(
    windows: Mapping[str, Any] = WINDOWS, closing: Mapping[str, Any] = MappingProxyType({})
) -> fr.App:
    """The app: a view by shop with one feature per aggregate and window, one by shop and item, filtered.

    Args:
        windows: Of the features.
        closing: For each a windows class with every aggregate.
    """
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
    bounded = {
        "distinct_max": fr.distinct(Sale.units, max=20),
        "top_k_among": fr.top_k(Sale.item, 2, among=["a", "b", ""]),
        "ewm_count": fr.ewm_count(half_life="10m"),
        "ewm_mean": fr.ewm_mean(Sale.price, half_life="1m", where=Sale.paid),
    }
    for_shop = type("Shop", (), features | bounded)
    app.features(Sale, by="shop")(for_shop)
    few = {
        name: made[name.rpartition("_")[0]](over=windows[name.rpartition("_")[2]])
        for number, name in enumerate(features)
        if number % 3 == 0
    }
    for_both = type("Both", (), few)
    app.features(Sale, by=["shop", "item"], where=Sale.paid)(for_both)
    for name, over in closing.items():
        closed = {
            known: make()
            for known, make in made.items()
            if not (name == "Visit" and known.startswith("rate"))
        }
        app.windows(Sale, by="shop", over=over)(type(name, (), closed))
    return app


def freshness(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    """The values, weighted by their age: the order and the time of the reading matter."""
    total = 0.0
    for value, at in zip(values, times_us, strict=True):
        total = total * 0.5 + value / (1 + t_us - at)
    return total


def moody(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    """Has no value, or fails, or gives NaN, for some numbers of values."""
    if len(values) % 5 == 4:
        raise ValueError(f"{len(values)} values")
    return (None, float("nan"), max(values), min(values))[len(values) % 4]


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
        "last_item": partial(fr.last, sale.item),
        "skew": partial(fr.skew, sale.amount),
        "skew_units": partial(fr.skew, sale.units),
        "first_n": partial(fr.first_n, sale.amount, 4),
        "last_n": partial(fr.last_n, sale.item, 3, where=big),
        "approx_distinct": partial(fr.approx_distinct, sale.units),
        "approx_items": partial(fr.approx_distinct, sale.item),
        "distinct": partial(fr.distinct, sale.item),
        "distinct_units": partial(fr.distinct, sale.units, where=sale.paid),
        "top_k": partial(fr.top_k, sale.item, 3),
        "top_k_units": partial(fr.top_k, sale.units, 2),
        "quantile": partial(fr.quantile, sale.amount, 0.5),
        "quantile_units": partial(fr.quantile, sale.units, 0.9),
        "histogram": partial(fr.histogram, sale.units, [0, 10, 2**40]),
        "streak": partial(fr.streak, sale.paid),
        "ratio": partial(fr.ratio, sale.amount, sale.units),
        "share": partial(fr.share, sale.item, "a"),
        "since": partial(fr.time_since, where=sale.paid),
        "custom": partial(fr.custom, freshness, sale.amount),
        "custom_units": partial(fr.custom, moody, sale.units, where=big),
    }


def _has(name: str, over: Any) -> bool:
    """Whether an aggregate can be had over a window: what else it would need is left to `bounded`."""
    if isinstance(over, Tiled):
        return name.partition("_")[0] in BOUNDED
    if name.startswith(("custom", "distinct", "top_k")):
        return over is not None
    return not name.startswith("rate") or isinstance(over, str | Sliding)
