"""Finding predictions in the log: by key, time, score, decision or label."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from forerun.console.format import iso
from forerun.errors import ArgumentError, NotFoundError
from forerun.runtime.history import History

_COLUMNS = (
    "prediction_id",
    "model",
    "model_version",
    "stream",
    "partition",
    "offset",
    "key",
    "event_time",
    "score",
    "baseline",
    "grade",
    "reason",
    "decisions",
)
_PREFIX_MIN = 4

Sort = Literal["time", "score"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which predictions are wanted; None: any.

    Args:
        key: Of this entity.
        since_us: Event time from here on.
        until_us: Event time before this.
        above: Scored at least this.
        below: Scored less than this.
        decision: With a decision by this rule; "any" for every rule.
        label: "true", "false", "known" or "none".
        sort: Newest or highest first.
        limit: At most so many.
    """

    key: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    above: float | None = None
    below: float | None = None
    decision: str | None = None
    label: str | None = None
    sort: Sort = "time"
    limit: int = 20


def listing(log: History, model: str, wanted: Wanted) -> list[dict[str, Any]]:
    """Predictions as plain rows, the newest or highest first.

    Args:
        log: The prediction log.
        model: The model.
        wanted: Which ones.
    """
    table = log.labelled(model, columns=_COLUMNS)
    time_us = table["event_time"].cast(pa.int64()).to_numpy()
    score = table["score"].to_numpy()
    keep = np.ones(len(table), np.bool_)
    if wanted.since_us is not None:
        keep &= time_us >= wanted.since_us
    if wanted.until_us is not None:
        keep &= time_us < wanted.until_us
    if wanted.above is not None:
        keep &= score >= wanted.above
    if wanted.below is not None:
        keep &= score < wanted.below
    if wanted.label is not None:
        keep &= _labelled(table["label"].to_numpy(), wanted.label)
    if wanted.key is not None:
        keep &= np.array([key == wanted.key for key in table["key"].to_pylist()], np.bool_)
    if wanted.decision is not None:
        decided = table["decisions"].to_pylist()
        keep &= np.array([_decided(rules, wanted.decision) for rules in decided], np.bool_)
    found = np.flatnonzero(keep)
    by = time_us.astype(np.float64) if wanted.sort == "time" else np.nan_to_num(score, nan=-1.0)
    order = np.argsort(-by[found], kind="stable")
    return [_row(row) for row in table.take(found[order][: wanted.limit]).to_pylist()]


def _labelled(label: "np.ndarray[tuple[int], np.dtype[np.float64]]", wanted: str) -> "np.ndarray[Any, Any]":
    match wanted:
        case "true":
            return label > 0.5
        case "false":
            return label <= 0.5
        case "known":
            return ~np.isnan(label)
        case "none":
            return np.isnan(label)
    raise ArgumentError(f"--label {wanted!r}: choose true, false, known or none.")


def _decided(rules: list[str] | None, wanted: str) -> bool:
    return bool(rules) and (wanted == "any" or wanted in (rules or ()))


def one(log: History, models: Mapping[str, object], prediction_id: str) -> dict[str, Any]:
    """One prediction with everything that is known of it: the vector as served, versions, label.

    Args:
        log: The prediction log.
        models: The app's models, by name.
        prediction_id: Its id, or the beginning of it.

    Raises:
        ArgumentError: The beginning is too short, or several ids begin so.
        NotFoundError: There is none.
    """
    return _row(log.find(full_id(log, models, prediction_id)).to_pylist()[0])


def full_id(log: History, models: Mapping[str, object], beginning: str) -> str:
    """The one prediction id that begins so.

    Args:
        log: The prediction log.
        models: The app's models, by name.
        beginning: At least four characters.

    Raises:
        ArgumentError: It is too short, or several ids begin so.
        NotFoundError: None does.
    """
    if len(beginning) < _PREFIX_MIN:
        raise ArgumentError(f"{beginning!r} is too short; give at least {_PREFIX_MIN} characters of the id.")
    found: list[str] = []
    for model in models:
        ids = log.predictions(model, columns=["prediction_id"])["prediction_id"].to_pylist()
        found += [str(known) for known in ids if str(known).startswith(beginning)]
    if not found:
        raise NotFoundError(f"no prediction {beginning!r}; list them with: forerun predictions")
    if len(found) > 1:
        raise ArgumentError(
            f"{len(found)} predictions begin with {beginning!r}, like {found[0]}; write more of the id."
        )
    return found[0]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its times as text, so that JSON can hold it."""
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
