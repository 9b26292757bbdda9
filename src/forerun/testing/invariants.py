"""What must hold after any crash: eight invariants, each checked directly and by a function of its own.

Each looks at what is on the disk and at what people outside know, and relies on none of the others. A finding
begins with the name of the invariant that it violates. Each also says how much it compared: a check that had
nothing before it proves nothing.
"""

import base64
import datetime
import decimal
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from forerun.testing.outcome import Found, Outcome, Part, Row, json_row

Position: TypeAlias = tuple[int, ...]
"""How many events of each stream have been consumed, in the order of the app's streams."""

Finding: TypeAlias = "tuple[str, int] | str"
"""How many things of a kind were compared, or what was wrong with one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the checks look at.

    Args:
        found: What the last run left.
        due: What it must leave: what the oracle says, or a run that nothing happened to.
        answers: Predictions that were answered: by id, the score.
        acknowledged: Events that were acknowledged to clients, by stream.
        ends: How much of each kind of row a reader beside the runs saw, by kind.
        recovered_ends: How much of each the last restart found when it had recovered.
        lines: By topic, what somebody saw who followed the receiver's file.
        parts: Parquet files that somebody saw, by folder.
        halves: Paths of files that somebody saw under their final names, and that are none when read.
        recovered: Where restarts had recovered, and the hash of the state that they had there.
        states: By position, the hash of the state that is due there.
    """

    found: Found
    due: Outcome
    answers: Mapping[str, float | None] = field(default_factory=dict)
    acknowledged: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    recovered_ends: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, bytes] = field(default_factory=dict)
    parts: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    halves: Sequence[str] = ()
    recovered: Sequence[tuple[Position, str]] = ()
    states: Mapping[Position, str] = field(default_factory=dict)


def acknowledged_is_stored(evidence: Evidence) -> Iterator[Finding]:
    """I1: every answer that was given and every event that was acknowledged is there, as it was told."""
    for name, score in evidence.answers.items():
        row = evidence.found.asked.get(name)
        yield "answers", 1
        if row is None:
            yield f"the answer {name} is lost"
        elif repr(row["score"]) != repr(score):
            yield f"the answer {name} was {score}, and is stored as {row['score']}"
    for stream, events in evidence.acknowledged.items():
        stored = {_fields(row) for row in evidence.found.logged.get(stream, ())} if events else ()
        for event in events:
            yield "acknowledged", 1
            if _fields(event) not in stored:
                yield f"an event of {stream} was acknowledged and is lost: {event.line}"


def outputs_are_the_oracles(evidence: Evidence) -> Iterator[Finding]:
    """I2: predictions, labels, decisions and closed windows are the oracle's, each exactly once."""
    found, due = evidence.found.outcome, evidence.due
    for kind in ("predictions", "labels", "decisions", "windows"):
        expected, there = getattr(due, kind), getattr(found, kind)
        yield kind, len(expected)
        yield from _difference(kind, expected, there)
    for path in evidence.found.torn:
        yield f"{path} was begun and left"
    for folder, parts in evidence.found.parts.items():
        end = 0
        yield "parts", len(parts)
        for part in parts:
            if part.start != end or part.stop - part.start != len(part.rows):
                yield f"{folder} has {len(part.rows)} rows from {part.start} where {end} is due"
            end = part.stop
    for kind, name in (
        ("predictions", "prediction_id"),
        ("labels", "prediction_id"),
        ("decisions", "decision_id"),
    ):
        ids = [row[name] for row in evidence.found.rows[kind]]
        yield from _twice(kind, ids)


def each_key_is_in_order(evidence: Evidence) -> Iterator[Finding]:
    """I3: what came out of a key's events comes in their order; here even that of all keys together."""
    found, due = evidence.found.outcome, evidence.due
    for kind in ("predictions", "decisions", "windows"):
        # Only what is due and there is looked at: what is lost or doubled is another check's.
        place: dict[str, int] = {}
        for at, line in enumerate(getattr(due, kind)):
            place.setdefault(line, at)
        both = [line for line in dict.fromkeys(getattr(found, kind)) if line in place]
        yield kind, max(len(both) - 1, 0)
        for before, after in pairwise(both):
            if place[before] > place[after]:
                yield f"{kind}: {after} comes behind {before}"
                break


def readers_see_what_stays(evidence: Evidence) -> Iterator[Finding]:
    """I4: what a reader sees beside a run is committed, there once, and there for good."""
    for kind, stop in evidence.ends.items():
        left = evidence.recovered_ends.get(kind, 0)
        yield "ends", 1
        if left < stop:
            yield f"a reader saw {stop} of {kind}, and {left} are left"
    for topic, lines in evidence.lines.items():
        seen = lines.splitlines()
        committed = evidence.recovered_ends.get(f"log {topic}", 0)
        yield "lines", len(seen)
        if len(seen) > committed:
            yield f"somebody saw {len(seen)} lines of {topic}, and {committed} were committed"
        if not evidence.found.files.get(topic, b"").startswith(lines):
            yield f"a line of {topic} that somebody saw is gone or another"
        yield from _twice(f"what somebody saw of {topic}", [line for line in seen if line])
    for folder, parts in evidence.parts.items():
        rows = [row.line for part in evidence.found.parts.get(folder, ()) for row in part.rows]
        for part in parts:
            yield "parts", len(part.rows)
            if [row.line for row in part.rows] != rows[part.start : part.stop]:
                yield f"rows {part.start} to {part.stop} of {folder} that somebody saw are gone or others"
    for path in evidence.halves:
        yield f"somebody saw {path}, and could not read it"


def state_is_the_oracles(evidence: Evidence) -> Iterator[Finding]:
    """I5: the state of all features is the oracle's at its position, after each recovery and at the end."""
    last = max(evidence.states, default=())
    for position, state in evidence.recovered:
        due = evidence.states.get(position)
        if due is not None:
            yield "recovered", 1
            if state != due:
                yield f"recovered at {position} as {state[:16]} instead of {due[:16]}"
        elif all(number <= end for number, end in zip(position, last, strict=False)) and last:
            yield f"recovered at {position}, where no step can end"
    yield "end", 1
    if evidence.found.outcome.state != evidence.due.state:
        yield f"at the end {evidence.found.outcome.state[:16]} instead of {evidence.due.state[:16]}"


def effects_are_the_decisions(evidence: Evidence) -> Iterator[Finding]:
    """I6: each receiver has exactly what was committed for it, each decision once, in order."""
    found = evidence.found
    for topic in sorted({*found.topics, *found.files}):
        committed, taken = found.topics.get(topic, ()), found.files.get(topic, b"").splitlines()
        yield "effects", len(committed)
        if len(committed) != len(taken):
            yield f"{topic}: {len(committed)} were committed and {len(taken)} took effect"
        for number, (row, line) in enumerate(zip(committed, taken, strict=False)):
            if not _tells(line, number, row):
                effect = line.decode(errors="replace")
                yield f"{topic}: number {number} is {row.line}, and took effect as {effect}"
                break


def refused_are_the_poison(evidence: Evidence) -> Iterator[Finding]:
    """I7: what is kept as refused is exactly what the oracle refuses, each with its reason and its bytes."""
    yield "refused", len(evidence.due.refused)
    yield from _difference("refused", evidence.due.refused, evidence.found.outcome.refused)


def every_event_is_counted(evidence: Evidence) -> Iterator[Finding]:
    """I8: consumed = applied + invalid + early + late + duplicate, and each is as many as there are."""
    found = evidence.found
    kept = Counter((row.get("stream"), row.get("verdict", "quarantined")) for row in found.rows["refused"])
    for stream in found.streams:
        counts = {name: getattr(stream, name) for name in _REFUSED}
        parts = stream.applied + sum(counts.values())
        yield "events", stream.consumed
        if parts != stream.consumed:
            yield f"{stream.name}: {stream.consumed} went in, and {parts} came out"
        logged = len(found.logged[stream.name])
        if logged != stream.consumed:
            yield f"{stream.name}: {stream.consumed} are counted, and {logged} are in the log"
        for verdict, count in (*counts.items(), ("quarantined", stream.quarantined)):
            there = kept[stream.name, verdict]
            if count != there:
                yield f"{stream.name}: {count} count as {verdict}, and {there} are kept so"
    yield from _difference("counts", evidence.due.counts, found.outcome.counts)


Check: TypeAlias = Callable[[Evidence], Iterator[Finding]]

INVARIANTS: Mapping[str, Check] = {
    "I1": acknowledged_is_stored,
    "I2": outputs_are_the_oracles,
    "I3": each_key_is_in_order,
    "I4": readers_see_what_stays,
    "I5": state_is_the_oracles,
    "I6": effects_are_the_decisions,
    "I7": refused_are_the_poison,
    "I8": every_event_is_counted,
}

KINDS = frozenset(
    f"{name} {kind}"
    for name, kinds in (
        ("I1", "answers acknowledged"),
        ("I2", "predictions labels decisions windows parts"),
        ("I3", "predictions decisions windows"),
        ("I4", "ends lines parts"),
        ("I5", "recovered end"),
        ("I6", "effects"),
        ("I7", "refused"),
        ("I8", "events"),
    )
    for kind in kinds.split()
)
"""What is compared, by invariant: an app that has everything shows something of each."""

PROGRESS = "I12"
"""The restart comes to its end: it is not a look at what is there, so whoever lets it run checks it."""

EVERYTHING = frozenset((*INVARIANTS, PROGRESS))


def title(name: str) -> str:
    """An invariant as findings call it.

    Args:
        name: Its number.

    >>> title("I1")
    'I1 acknowledged is stored'
    """
    words = "a restart goes on" if name == PROGRESS else INVARIANTS[name].__name__.replace("_", " ")
    return f"{name} {words}"


def judge(evidence: Evidence, consult: Collection[str] = EVERYTHING) -> tuple[Counter[str], list[str]]:
    """Hold the evidence against the invariants.

    Args:
        evidence: What is there, and what is known.
        consult: Which of them.

    Returns:
        By kind, how many things were compared; and what is wrong, beginning with the invariant.
    """
    compared, problems = Counter[str](), list[str]()
    for name, check in INVARIANTS.items():
        if name in consult:
            for finding in check(evidence):
                if isinstance(finding, tuple):
                    kind, number = finding
                    compared[f"{name} {kind}"] += number
                else:
                    problems.append(f"{title(name)}: {finding}")
    return compared, problems


def _fields(row: Row) -> str:
    """An event's fields, in whatever order."""
    return repr(sorted(row.items()))


_REFUSED = ("invalid", "early", "late", "duplicate")


def _difference(kind: str, expected: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    if expected == found:
        return
    lost = list((Counter(expected) - Counter(found)).elements())
    more = list((Counter(found) - Counter(expected)).elements())
    if lost or more:
        yield (
            f"{kind}: {len(lost)} lost, {len(more)} doubled or invented; "
            f"first lost {lost[:1]}, first too many {more[:1]}"
        )


def _twice(kind: str, names: Sequence[object]) -> Iterator[str]:
    twice = [one for one, times in Counter(names).items() if times > 1]
    if twice:
        yield f"{kind}: {twice[0]!r} is there twice, {len(twice)} in all"


def _tells(line: bytes, offset: int, row: Row) -> bool:
    """Whether a receiver's line says what was committed."""
    try:
        told = json_row(line)
    except ValueError:
        return False
    return (
        told.keys() == {"offset", *row}
        and told["offset"] == offset
        and all(_same(told[name], value) for name, value in row.items())
    )


def _same(told: object, value: object) -> bool:
    """Whether JSON says a value; it has no times, bytes or fractions of its own.

    A kind that is none of these is told as it is, so that one nobody thought of is found, not passed over.
    """
    match value:
        case datetime.datetime():
            return isinstance(told, str) and datetime.datetime.fromisoformat(told) == value
        case list() | tuple():
            return isinstance(told, list) and len(told) == len(value) and all(map(_same, told, value))
        case dict():
            return (
                isinstance(told, dict)
                and told.keys() == value.keys()
                and all(_same(told[name], inner) for name, inner in value.items())
            )
        case bytes():
            return told == base64.b64encode(value).decode()
        case decimal.Decimal():
            return told == str(value)
        case float() if not math.isfinite(value):
            return told is None
        case _:
            return isinstance(told, bool) == isinstance(value, bool) and told == value
