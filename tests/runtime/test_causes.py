"""Which too-late events a value looks back on, by window, condition and entity."""

import numpy as np
import pyarrow as pa
import pytest

import forerun as fr
from forerun.events.expression import FeatureRef
from forerun.features.view import view_class
from forerun.runtime.causes import Causes
from forerun.runtime.chronology import Ordered, Place
from forerun.runtime.layout import Layout

MINUTE = 60_000_000


def make() -> fr.App:
    """Features over windows of several kinds."""
    app = fr.App("shop")

    @app.stream(key="shop", lateness="5m")
    class Sold(fr.Event):
        shop: str
        at: fr.EventTime
        amount: float | None

    @app.features(Sold, by="shop")
    class Shop:
        recent = fr.count(over="10m")
        before = fr.count(over=fr.sliding("10m", ago="5m"))
        ever = fr.count()
        known = fr.count(Sold.amount, over="10m")
        large = fr.count(over="10m", where=fr.given(Sold.amount) > 50)

    return app


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("recent", [[], [0], [0, 1], [1, 2], [2]]),
        ("before", [[], [], [0], [0, 1], [1, 2]]),
        ("ever", [[], [0], [0, 1], [0, 1, 2], [0, 1, 2]]),
        ("known", [[], [0], [0], [2], [2]]),
        ("large", [[], [], [], [2], [2]]),
    ],
)
def test_events_of_a_value(feature: str, expected: list[list[int]]) -> None:
    """Read every five minutes for a shop whose events were late at 5, 10 and 15; the other shop's are not."""
    app = make()
    times = np.array([5, 6, 10, 15]) * MINUTE
    rows = pa.record_batch(
        {
            "shop": ["a", "b", "a", "a"],
            "at": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "amount": [10.0, 99.0, None, 90.0],
        }
    )
    late = {Place(0, 0): Ordered(rows, times, np.arange(4), np.ones(4, np.bool_))}
    part = getattr(view_class(app.views["Shop"], (None,)), feature)
    assert isinstance(part, FeatureRef)
    reads = np.array([0, 5, 10, 15, 20]) * MINUTE
    read = pa.record_batch({"shop": ["a"] * 5})
    bound = FeatureRef(part.view, part.feature, part.type, part.by, part.by_types, (None,))
    found = Causes(Layout(app), late).of(bound, read, reads)
    names = {0: 0, 2: 1, 3: 2}
    events = [
        [names[number] for number in found.events[low:high].tolist()]
        for low, high in zip(found.low.tolist(), found.high.tolist(), strict=True)
    ]
    assert events == expected
