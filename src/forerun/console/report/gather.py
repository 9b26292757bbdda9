"""Collects the report's facts from an app, its data directory and the engine's status."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.console.card import card_rows
from forerun.console.format import short
from forerun.console.report.facts import ModelFacts, ReportFacts, RuleFacts
from forerun.console.report.measures import Floats, Scored, Times, latency_bins, score_bins
from forerun.governance.registry import Registry
from forerun.governance.version import ModelVersion
from forerun.monitoring.calibration import calibration
from forerun.monitoring.status import ModelStatus, Status
from forerun.runtime.history import History
from forerun.runtime.layout import Layout

if TYPE_CHECKING:
    from forerun.models.definition import ModelSpec
    from forerun.runtime.app import App

_COLUMNS = ("event_time", "score", "baseline", "decisions", "latency_us")


def gather(app: "App", data: Path, status: Status, *, now_us: int, commands: Sequence[str]) -> ReportFacts:
    """Read everything the report shows.

    Args:
        app: The app.
        data: Its data directory.
        status: The engine's counts.
        now_us: When the report is made.
        commands: How to make the same figures again.
    """
    log = History(Layout(app), data)
    registry = Registry(data, read_only=True) if (data / "registry.db").exists() else None
    try:
        found = []
        for spec in app.models.values():
            counted = next(
                (one for one in status.models if one.name == spec.name), ModelStatus(name=spec.name)
            )
            active = registry.active(spec.name) if registry else None
            labels = next((one for one in status.streams if one.name == spec.label.stream.name), None)
            found.append(_model(spec, log, counted, active, labels.watermark_us if labels else None))
    finally:
        log.close()
        if registry:
            registry.close()
    times = [time for _, span in found if span is not None for time in span]
    return ReportFacts(
        app=app.name,
        made_at_us=now_us,
        first_us=min(times, default=None),
        last_us=max(times, default=None),
        models=tuple(facts for facts, _ in found),
        streams=status.streams,
        versions=_versions(app, status),
        reproduce=tuple(commands),
    )


def _versions(app: "App", status: Status) -> tuple[tuple[str, str], ...]:
    """What took part, with the heads of its hashes."""
    return (
        ("app", short(status.app_version, 16)),
        *((f"view {name}", short(found, 16)) for name, found in status.feature_versions.items()),
        *((f"inputs of {spec.name}", short(spec.feature_version, 16)) for spec in app.models.values()),
        ("forerun", version("forerun")),
    )


def _model(
    spec: "ModelSpec",
    log: History,
    status: ModelStatus,
    active: ModelVersion | None,
    watermark_us: int | None,
) -> tuple[ModelFacts, tuple[int, int] | None]:
    """One model's facts, and the first and last event time of its predictions."""
    table = log.labelled(spec.name, columns=_COLUMNS)
    question = spec.doc.strip().partition("\n")[0]
    if not len(table):
        nothing = ModelFacts(
            name=spec.name, question=question, version=None, predictions=0, scored=0, joined=0, timed_out=0,
            expired=status.labels_expired, pending=status.labels_pending,
        )  # fmt: skip
        return nothing, None
    time_us = _numbers(table["event_time"].cast(pa.int64())).astype(np.int64)
    score, label = _numbers(table["score"]), _numbers(table["label"])
    rate = active.facts.get("base_rate") if active is not None else None
    # Where the label may still come, only one kind can be known: late flights land after punctual ones.
    whole = time_us + spec.label.within_us <= (-1 if watermark_us is None else watermark_us)
    scored = _scored(
        time_us,
        np.where(whole, label, np.nan),
        score,
        _numbers(table["baseline"]),
        rate if isinstance(rate, float) else None,
    )
    unit, periods = scored.periods()
    latency_us = _numbers(table["latency_us"]).astype(np.int64)[~np.isnan(score)]
    sources = Counter(table["label_source"].to_pylist())
    facts = ModelFacts(
        name=spec.name,
        question=question,
        version=None if active is None else active.version,
        predictions=len(table),
        scored=int((~np.isnan(score)).sum()),
        joined=sources["event"],
        timed_out=sources["timeout"],
        expired=status.labels_expired,
        pending=status.labels_pending,
        scorers=scored.scorers(),
        period=unit,
        periods=periods,
        calibration=calibration(scored.label, scored.scores[0]),
        scores=score_bins(score[~np.isnan(score)]),
        latency_us=latency_bins(latency_us),
        latency_p50_us=int(np.quantile(latency_us, 0.5)) if len(latency_us) else None,
        latency_p99_us=int(np.quantile(latency_us, 0.99)) if len(latency_us) else None,
        rules=_rules(table),
        card=() if active is None else card_rows(spec, active),
    )
    return facts, (int(time_us.min()), int(time_us.max()))


def _scored(time_us: Times, label: Floats, score: Floats, static: Floats, rate: float | None) -> Scored:
    """The rows all scorers can be compared on: those with a label and every score there is."""
    known = ~(np.isnan(score) | np.isnan(label))
    names, scores = ["streaming"], [score]
    if bool((~np.isnan(static[known])).any()):
        known &= ~np.isnan(static)
        names.append("static")
        scores.append(static)
    if rate is not None:
        names.append("base rate")
        scores.append(np.full(len(score), rate))
    return Scored(time_us[known], label[known], names, [one[known] for one in scores])


def _rules(table: pa.Table) -> tuple[RuleFacts, ...]:
    """How often each rule decided, and how often the label proved it right."""
    lengths = pc.list_value_length(table["decisions"]).to_numpy()
    decided = table.take(np.flatnonzero(lengths))
    found: dict[str, list[int]] = {}
    for rules, label in zip(decided["decisions"].to_pylist(), decided["label"].to_pylist(), strict=True):
        for rule in rules or ():
            counts = found.setdefault(rule, [0, 0, 0])
            counts[0] += 1
            counts[1] += label is not None
            counts[2] += label is not None and label > 0.5
    return tuple(RuleFacts(rule, *counts) for rule, counts in sorted(found.items()))


def _numbers(column: "pa.ChunkedArray[Any]") -> Floats:  # Any: numbers of any type
    """A column as float64; null is NaN. Microseconds of this century are exact in a float64."""
    return column.cast(pa.float64()).to_numpy()
