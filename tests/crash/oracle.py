"""What the tiny app must give, computed with dictionaries and loops: no line of the product is used here.

It folds the log once, record by record, and says what semantics.md says. Slow, short, and easy to check.
"""

import hashlib
import math
import struct
from typing import Any

SECOND = 1_000_000
LATENESS, HORIZON, WINDOW, WARMUP, SKEW = (
    120 * SECOND,
    180 * SECOND,
    300 * SECOND,
    480 * SECOND,
    300 * SECOND,
)
DUPLICATES = 3600 * SECOND
PERIOD, GAP = 300 * SECOND, 60 * SECOND

Row = dict[str, Any]


class Oracle:
    """Everything that comes out, after the last record.

    Args:
        rows: The log in order: `stream`, `_arrival`, and the fields.
        hop: How far apart the windows of five minutes end.
    """

    def __init__(self, rows: list[Row], hop: str = "5m") -> None:
        self._hop = {"5m": 300, "150s": 150}[hop] * SECOND
        self.counts = {name: dict.fromkeys(_VERDICTS, 0) for name in ("Paid", "Returned")}
        self.predictions: list[Row] = []
        self.labels: dict[str, tuple[float, int]] = {}
        self.decisions: list[str] = []
        self.refused: list[tuple[str, int, str]] = []
        self._applied: list[Row] = []
        self._returned: list[Row] = []
        self._waiting: list[Row] = []
        self._marks: dict[str, int] = {}
        self._model: bytes | None = None
        warm = next((row["_arrival"] for row in rows if row["stream"] == "Paid"), 0) + WARMUP
        offsets = {"Paid": 0, "Returned": 0}
        for row in rows:
            if row["_arrival"] > warm and self._model is None:
                self._model = self._train()
            self._take(row, offsets[row["stream"]])
            offsets[row["stream"]] += 1

    def features(self, shop: str, at: int) -> tuple[int, float | None, float | None]:
        """Number and total of the last five minutes, and the highest ever, as of a time."""
        known = [row for row in self._applied if row["shop"] == shop and row["at"] <= at]
        recent = [row["amount"] for row in known if row["at"] > at - WINDOW]
        return (
            len(recent),
            sum(recent) if recent else None,
            max((row["amount"] for row in known), default=None),
        )

    def backs(self, shop: str, at: int) -> tuple[int]:
        """Number of the chargebacks of the last five minutes, as of a time."""
        times = [row["at"] for row in self._returned if row["shop"] == shop]
        return (len([one for one in times if at - WINDOW < one <= at]),)

    def takings(self) -> list[Row]:
        """The rows of the five minutes that are over: their end has been reached by the watermark."""
        groups: dict[tuple[int, str], list[float]] = {}
        for row in self._applied:
            first = row["at"] - row["at"] % self._hop + self._hop
            for end in range(first, row["at"] + PERIOD + 1, self._hop):
                if end <= self._marks["Paid"]:
                    groups.setdefault((end, row["shop"]), []).append(row["amount"])
        return [
            {"shop": shop, "start": end - PERIOD, "end": end}
            | {"number": len(found), "total": sum(found), "highest": max(found)}
            for (end, shop), found in sorted(groups.items())
        ]

    def rushes(self) -> list[Row]:
        """The rows of the sessions that are over: their end has been passed by the watermark."""
        found: list[Row] = []
        for row in sorted(self._applied, key=lambda row: (row["shop"], row["at"])):
            if found and found[-1]["shop"] == row["shop"] and row["at"] <= found[-1]["end"]:
                found[-1] |= {"end": row["at"] + GAP, "number": found[-1]["number"] + 1}
            else:
                made = {"shop": row["shop"], "start": row["at"], "end": row["at"] + GAP}
                found.append({**made, "number": 1})
        over = [one for one in found if one["end"] < self._marks["Paid"]]
        return sorted(over, key=lambda one: (one["end"], one["shop"]))

    def _take(self, row: Row, offset: int) -> None:
        stream = row["stream"]
        verdict = self._verdict(row)
        self.counts[stream][verdict] += 1
        if verdict != "applied":
            self.refused.append((stream, offset, verdict))
            return
        self._marks[stream] = max(self._marks.get(stream, -(2**60)), row["at"] - LATENESS)
        if stream == "Paid":
            self._applied.append(row)
            self._predict(row, offset)
        else:
            self._returned.append(row)
            self._label(row)
        for waiting in [
            one for one in self._waiting if one["at"] + HORIZON < self._marks.get("Returned", -(2**60))
        ]:
            self._waiting.remove(waiting)
            self.labels[waiting["id"]] = (0.0, waiting["at"] + HORIZON)

    def _verdict(self, row: Row) -> str:
        if math.isnan(row.get("amount", 0.0)):
            return "invalid"
        if row["at"] > row["_arrival"] + SKEW:
            return "early"
        if row["at"] < self._marks.get(row["stream"], -(2**60)):
            return "late"
        same = [
            one["at"] for one in self._applied if row["stream"] == "Paid" and one["payment"] == row["payment"]
        ]
        return "duplicate" if any(abs(row["at"] - at) <= DUPLICATES for at in same) else "applied"

    def _predict(self, row: Row, offset: int) -> None:
        values = (row["amount"], *self.features(row["shop"], row["at"]))
        score = None if self._model is None else _score(self._model, values)
        name = _digest(f"till/Fraud/Paid/0/{offset}")
        made = {"id": name, "payment": row["payment"], "at": row["at"], "values": values, "score": score}
        self.predictions.append(made)
        self._waiting.append(made)
        if score is not None and score > 0.5:
            self.decisions.append(_digest(f"{name}/review"))

    def _label(self, row: Row) -> None:
        for waiting in list(self._waiting):
            if waiting["payment"] == row["payment"] and waiting["at"] <= row["at"] <= waiting["at"] + HORIZON:
                self._waiting.remove(waiting)
                self.labels[waiting["id"]] = (float(row["fraud"]), row["at"])

    def _train(self) -> bytes:
        """The file that stands in for a model: what it says depends on the labelled predictions so far."""
        newest = max((at for _, at in self.labels.values()), default=0) - LATENESS
        rows = [one for one in self.predictions if one["id"] in self.labels and one["at"] <= newest - HORIZON]
        positive = sum(self.labels[one["id"]][0] for one in rows)
        return f"Fraud {len(rows)} {positive:.0f} {sum(one['at'] for one in rows)}".encode()


_VERDICTS = ("applied", "invalid", "early", "late", "duplicate")


def _score(model: bytes, values: tuple[float | None, ...]) -> float:
    mixed = int.from_bytes(model, "big") % 97
    for value in values:
        bits = struct.unpack("<I", struct.pack("<f", -1.0 if value is None else value))[0]
        mixed = (mixed * 31 + bits) % 1_000_003
    return mixed / 1_000_003


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
