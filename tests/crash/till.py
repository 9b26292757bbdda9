"""A tiny app for crash histories: will a payment be charged back? Small enough for a run in milliseconds."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import forerun as fr
from forerun.streams.source import Slice, Source

SECOND = 1_000_000
MINUTE = 60 * SECOND

SIDE_BY_SIDE, OVERLAPPING = "5m", "150s"
"""How far apart windows of five minutes end."""

PAYMENTS_KILLED = 13
"""Payments of a log on which real runs are killed: each of their system calls costs a run or two."""

Row = dict[str, Any]
"""Fields of an event, with its `stream` and `_arrival`."""


def events(seed: int, payments: int = 16) -> list[Row]:
    """Payments and chargebacks in log order: ties, late, from the future, doubled, not a number.

    Args:
        seed: Names them.
        payments: How many, about.
    """
    chance = random.Random(seed)
    rows: list[Row] = []
    now = 0
    for number in range(payments):
        now += chance.choice((0, 10, 60, 150)) * SECOND
        back = chance.choice((0, 0, 0, 1, 30, 100, 250, -400 if number > 3 else 0)) * SECOND
        amount = math.nan if chance.random() < 0.06 else chance.randrange(1, 400) / 4
        row: Row = {"payment": f"p{number}", "at": now - back, "shop": chance.choice("aab"), "amount": amount}
        rows.append({"stream": "Paid", **row, "_arrival": now})
        if chance.random() < 0.2:
            rows.append({"stream": "Paid", **row, "_arrival": now + SECOND})
        if chance.random() < 0.6:
            later = now + chance.choice((1, 60, 170, 200)) * SECOND + 500_000
            fraud = {
                "payment": f"p{number}",
                "at": later,
                "shop": row["shop"],
                "fraud": chance.random() < 0.4,
            }
            late = chance.choice((0, 0, 0, 150)) * SECOND
            rows.append({"stream": "Returned", **fraud, "_arrival": later + late})
    return sorted(rows, key=lambda row: (row["_arrival"], row["stream"]))


def source_of(rows: list[Row]) -> Source:
    """A source that gives the rows in slices of a few minutes.

    Args:
        rows: In log order.
    """
    slices = []
    for number in range(rows[-1]["_arrival"] // (4 * MINUTE) + 1):
        part = [row for row in rows if row["_arrival"] // (4 * MINUTE) == number]
        tables = {name: [row for row in part if row["stream"] == name] for name in ("Paid", "Returned")}
        slices.append(Slice(number, {name: table(found) for name, found in tables.items() if found}))

    def source(position: int) -> Iterator[Slice]:
        yield from slices[position:]

    return source


def sent(rows: list[Row], number: int = 2) -> list[Row]:
    """Payments that a client sends when the log has ended.

    Args:
        rows: The log.
        number: How many.
    """
    now = rows[-1]["_arrival"]
    made = {"stream": "Paid", "at": now, "shop": "b", "_arrival": now}
    return [{**made, "payment": f"sent {at}", "amount": 7.25 + at} for at in range(number)]


def sent_among(rows: list[Row], number: int = 3) -> list[Row]:
    """Payments that a client sends while the log is read, when all that has arrived by then has been taken.

    Args:
        rows: The log.
        number: How many; the last one when all of it has been taken.
    """
    # At the very end of the warm-up, before or after the training would be as right.
    over = next(row["_arrival"] for row in rows if row["stream"] == "Paid") + 8 * MINUTE
    times = [row["_arrival"] for row in rows if row["_arrival"] != over]
    moments = [times[len(times) * part // number - 1] for part in range(1, number + 1)]
    return [
        {"stream": "Paid", "payment": f"sent {at}", "at": now, "shop": "ba"[at % 2], "amount": 7.25 + at}
        | {"_arrival": now}
        for at, now in enumerate(moments)
    ]


def merged(rows: list[Row], sent: list[Row], copies: tuple[int, ...]) -> list[Row]:
    """The log with what a client has sent.

    Args:
        rows: The log.
        sent: The client's events.
        copies: How often each of them got through.
    """
    whole = [*rows, *(row for row, times in zip(sent, copies, strict=True) for _ in range(times))]
    # Stable: what is sent comes behind all that arrived when it did.
    return sorted(whole, key=lambda row: row["_arrival"])


def whole(seed: int) -> list[Row]:
    """The log of real kills that a seed names, with what a client sends while it is read.

    Args:
        seed: The seed.
    """
    rows = events(seed, PAYMENTS_KILLED)
    sent = sent_among(rows)
    return merged(rows, sent, (1,) * len(sent))


def table(rows: list[Row]) -> pa.RecordBatch:
    """Rows of one stream.

    Args:
        rows: At least one.
    """
    columns = {name: pa.array([row[name] for row in rows]) for name in rows[0] if name != "stream"}
    columns["at"] = columns["at"].cast(pa.timestamp("us", "UTC"))
    return pa.record_batch(columns)


def make(source: Source | None = None, hop: str = SIDE_BY_SIDE) -> fr.App:
    """The app.

    Args:
        source: Its events.
        hop: How far apart the windows of five minutes end.
    """
    app = fr.App("till", source=source)

    @app.stream(key="payment", lateness="2m", duplicates="1h")
    class Paid(fr.Event):
        payment: str
        at: fr.EventTime
        shop: str
        amount: float

    @app.stream(key="payment", lateness="2m")
    class Returned(fr.Event):
        payment: str
        at: fr.EventTime
        shop: str
        fraud: bool

    @app.features(Paid, by="shop")
    class Sales:
        number = fr.count(over="5m")
        total = fr.sum(Paid.amount, over="5m")
        highest = fr.max(Paid.amount)

    @app.features(Returned, by="shop")
    class Backs:  # no model reads it: only its state shows what becomes of it
        number = fr.count(over="5m")

    @app.windows(Paid, by="shop", over=fr.hopping("5m", every=hop), do=fr.emit("takings"))
    class Takings:
        number = fr.count()
        total = fr.sum(Paid.amount)
        highest = fr.max(Paid.amount)

    @app.windows(Paid, by="shop", over=fr.session("1m", max="1d"))
    class Rush:
        number = fr.count()

    @app.model(
        on=Paid,
        label=fr.label(Returned, Returned.fraud, within="3m", otherwise=False),
        risk="low",
        warmup="8m",
    )
    class Fraud(fr.Model):
        """Will this payment be charged back?"""

        inputs = [Paid.amount, Sales]

        def fit(self, table: fr.Table) -> object:
            raise NotImplementedError("a formula stands in")

    app.decide(Fraud, when=Fraud.score > 0.5, do=fr.emit("review"), name="review")
    return app
