"""Whether what a run has left is what the oracle says, in the words of the invariants."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from tests.crash.bystander import Recovered
from tests.crash.oracle import Oracle

from forerun.testing.invariants import title
from forerun.testing.outcome import Found


def unlike_oracle(found: Found, oracle: Oracle) -> list[str]:
    """Everything in which a run and the oracle do not agree.

    Args:
        found: What the run has left.
        oracle: What it says of the same log.
    """
    return [f"{title(name)}: unlike the oracle, {problem}" for name, problem in _problems(found, oracle)]


def unlike_oracle_when_recovered(recovered: Recovered, log: list[dict[str, Any]]) -> list[str]:
    """Everything in which a run that has just recovered does not agree with the oracle at its position.

    Args:
        recovered: Where it was, and what it read there.
        log: All records, in order.
    """
    names = [row["stream"] for row in log]
    for stop in range(len(log) + 1):
        if (names[:stop].count("Paid"), names[:stop].count("Returned")) == recovered.position:
            break
    else:
        return [f"{title('I5')}: recovered at {recovered.position}, which is no place in the log"]
    oracle = Oracle(log[:stop])
    due = {
        name: (oracle.features if name.startswith("Sales") else oracle.backs)(name[-1], recovered.now)
        for name in recovered.features
    }
    return [
        f"{title('I5')}: recovered at {recovered.position}, {name} is {values} instead of {due[name]}"
        for name, values in recovered.features.items()
        if tuple(values) != due[name]
    ]


def misplaced(found: Found, sent: Mapping[int, Mapping[str, Any]], told: Mapping[int, int]) -> list[str]:
    """Events that were acknowledged and are not at the offset that was said, or once more behind it.

    Args:
        found: What the run has left.
        sent: Events, by number.
        told: By number, the offset.
    """
    ids = [row["payment"] for row in found.logged["Paid"]]
    # Nobody sends what was acknowledged: there is no copy behind.
    return [
        f"{title('I1')}: {sent[number]['payment']!r} was acknowledged at {offset}, "
        f"where {ids[offset : offset + 1]} is, and {ids[offset + 1 :].count(sent[number]['payment'])} behind"
        for number, offset in told.items()
        if ids[offset:].count(sent[number]["payment"]) != 1
        or ids[offset : offset + 1] != [sent[number]["payment"]]
    ]


def _problems(found: Found, oracle: Oracle) -> Iterator[tuple[str, str]]:
    predictions = [
        (row["prediction_id"], row["key"], _micros(row["event_time"]), row["score"])
        for row in found.rows["predictions"]
        if row["source"] == "stream"
    ]
    due: list[tuple[Any, ...]] = [
        (one["id"], one["payment"], one["at"], one["score"]) for one in oracle.predictions
    ]
    if sorted(predictions) != sorted(due):
        yield "I2", f"predictions: {len(predictions)} instead of {len(due)}, or other ones"
    elif predictions != due:
        yield "I3", "predictions: in another order"
    inputs = {row["prediction_id"]: tuple(row["inputs"].values()) for row in found.rows["predictions"]}
    for one in oracle.predictions:
        # What was served to a prediction is the state of its entity at its position.
        values = inputs.get(one["id"])
        if values is not None and values != one["values"]:
            yield "I5", f"prediction {one['id']} saw {values} instead of {one['values']}"
            break
    labels = {
        row["prediction_id"]: (row["label"], _micros(row["label_time"]))
        for row in found.rows["labels"]
        if row["prediction_id"] not in found.asked
    }
    if labels != oracle.labels:
        yield "I2", f"labels: {len(labels)} instead of {len(oracle.labels)}, or other values"
    decided = [
        row["decision_id"] for row in found.rows["decisions"] if row["prediction_id"] not in found.asked
    ]
    if sorted(decided) != sorted(oracle.decisions):
        yield "I2", f"decisions: {len(decided)} instead of {len(oracle.decisions)}, or others"
    elif decided != oracle.decisions:
        yield "I3", "decisions: in another order"
    yield from _windows(found, oracle)
    refused = sorted((row["stream"], row["offset"], row["verdict"]) for row in found.rows["refused"])
    if refused != sorted(oracle.refused):
        yield "I7", f"refused records: {len(refused)} instead of {len(oracle.refused)}, or others"
    for stream in found.streams:
        counts = {name: getattr(stream, name) for name in oracle.counts[stream.name]}
        if counts != oracle.counts[stream.name]:
            yield "I8", f"{stream.name}: {counts} instead of {oracle.counts[stream.name]}"


def _windows(found: Found, oracle: Oracle) -> Iterator[tuple[str, str]]:
    """The closed windows in files, and those that were sent to a topic."""
    written = {
        name: [row for part in found.parts.get(f"windows/{name}", ()) for row in part.rows]
        for name in ("Takings", "Rush")
    }
    for kind, there, due in (
        ("Takings", written["Takings"], oracle.takings()),
        ("the topic takings", found.topics.get("takings", ()), oracle.takings()),
        ("Rush", written["Rush"], oracle.rushes()),
    ):
        rows = [dict(row) | {name: _micros(row[name]) for name in ("start", "end")} for row in there]
        if sorted(map(repr, rows)) != sorted(map(repr, due)):
            yield "I2", f"windows of {kind}: {len(rows)} instead of {len(due)}, or others"
        elif rows != due:
            yield "I3", f"windows of {kind}: in another order"


def _micros(moment: datetime.datetime) -> int:
    """Microseconds since 1970."""
    return round(moment.timestamp() * 1_000_000)
