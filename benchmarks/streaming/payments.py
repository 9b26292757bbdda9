"""The workload as a forerun app: per payment count, sum, mean, max and std of its key over four windows.

Twenty features. A model that takes them as inputs makes the kernel read the vector of every event, as of that
event, the event itself included. It is never trained here.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import forerun as fr
from forerun.runtime.app import App

WINDOWS = ("1m", "5m", "1h", "24h")
NAMES = ("count", "sum", "mean", "max", "std")


def payments(windows: Sequence[str | None] = WINDOWS, *, read: bool = True, text_key: bool = False) -> App:
    """The app.

    Args:
        windows: Five features for each; None: the lifetime.
        read: Whether every event reads its vector.
        text_key: Whether the key is the text "c0000123" and not a number.
    """
    app = App("payments")

    paid = _by_text(app) if text_key else _by_number(app)
    amount = paid.amount  # type: ignore[attr-defined]  # both classes have it
    made = {
        f"{name}_{window}": fr.count(over=window)
        if name == "count"
        else getattr(fr, name)(amount, over=window)
        for window in windows
        for name in NAMES
    }
    view: Any = app.features(paid, by="key")(type("Payer", (), {"__doc__": "What a payer did.", **made}))
    if read:

        @app.stream(key="key", lateness="10s")
        class Disputed(fr.Event):
            """A payment was disputed."""

            key: str if text_key else int  # type: ignore[valid-type]
            at: fr.EventTime
            fraud: bool

        @app.model(on=paid, label=fr.label(Disputed, Disputed.fraud, within="1h"), warmup="3650d")
        class Fraud(fr.Model):
            """Never trained."""

            inputs: ClassVar[Sequence[object]] = [getattr(view, name) for name in made]

            def fit(self, table: fr.Table) -> object:
                """Never called."""
                return table

    return app


def hops(every: str = "1m") -> App:
    """Count, sum and mean of a payer over windows of five minutes, emitted when they close.

    Args:
        every: How often one ends.
    """
    app = App("payments")
    paid = _by_number(app)
    amount = paid.amount  # type: ignore[attr-defined]  # as above
    made = {"count": fr.count(), "sum": fr.sum(amount), "mean": fr.mean(amount)}
    window = fr.hopping("5m", every=every)
    app.windows(paid, by="key", over=window)(type("PayerMinutes", (), {"__doc__": "Five minutes.", **made}))
    return app


def _by_number(app: App) -> type[fr.Event]:
    @app.stream(key="key", lateness="10s")
    class Paid(fr.Event):
        """A payment."""

        key: int
        at: fr.EventTime
        amount: float

    return Paid


def _by_text(app: App) -> type[fr.Event]:
    @app.stream(key="key", lateness="10s")
    class Paid(fr.Event):
        """A payment."""

        key: str
        at: fr.EventTime
        amount: float

    return Paid
