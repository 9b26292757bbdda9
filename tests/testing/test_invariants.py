"""Each invariant is violated by what it is about, and by nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from forerun.monitoring.status import StreamStatus
from forerun.testing.invariants import EVERYTHING, INVARIANTS, KINDS, Evidence, judge, title
from forerun.testing.outcome import Found, Outcome, Part, Row

FIRST, SECOND = Row(prediction_id="p1", score=0.5), Row(prediction_id="p2", score=0.25)
DECISION = Row(decision_id="d1", prediction_id="p1")
LATE = Row(stream="Sold", offset=2, verdict="late")
SOLD = [Row(shop="a", at=at) for at in range(3)]

DUE = Outcome(
    predictions=(FIRST.line, SECOND.line),
    labels=(),
    decisions=(DECISION.line,),
    windows=(),
    refused=(LATE.line,),
    counts=("3",),
    state="aa",
)
FOUND = Found(
    outcome=DUE,
    asked={"q1": Row(prediction_id="q1", score=0.75)},
    rows={"predictions": [FIRST, SECOND], "labels": [], "decisions": [DECISION], "refused": [LATE]},
    parts={"predictions/M": [Part(0, 2, [FIRST, SECOND])]},
    topics={"review": [DECISION]},
    files={"review": b'{"offset":0,"decision_id":"d1","prediction_id":"p1"}\n'},
    logged={"Sold": SOLD},
    streams=[StreamStatus(name="Sold", consumed=3, applied=2, late=1)],
    torn=[],
)
SOUND = Evidence(
    FOUND,
    DUE,
    answers={"q1": 0.75},
    acknowledged={"Sold": SOLD[:1]},
    ends={"log review": 1},
    recovered_ends={"log review": 1},
    lines={"review": FOUND.files["review"]},
    parts={"predictions/M": [Part(0, 1, [FIRST])]},
    recovered=[((1,), "11")],
    states={(0,): "00", (1,): "11", (3,): "aa"},
)


def found(**changes: Any) -> Evidence:
    """The sound evidence, but for something that was found."""
    return replace(SOUND, found=replace(FOUND, **changes))


def outcome(**changes: Any) -> Evidence:
    """The sound evidence, but for something of the outcome."""
    return found(outcome=replace(DUE, **changes))


CASES: list[tuple[str, str, Callable[[], Evidence]]] = [
    ("I1", "the answer q1 is lost", lambda: found(asked={})),
    ("I1", "was 0.75, and is stored as 0.5", lambda: found(asked={"q1": FIRST})),
    ("I1", "was acknowledged and is lost", lambda: replace(SOUND, acknowledged={"Sold": [Row(shop="b")]})),
    ("I2", "predictions: 1 lost, 0 doubled", lambda: outcome(predictions=(FIRST.line,))),
    ("I2", "predictions: 0 lost, 1 doubled", lambda: outcome(predictions=(*DUE.predictions, FIRST.line))),
    ("I2", "decisions: 1 lost, 1 doubled", lambda: outcome(decisions=("another",))),
    ("I2", "'p1' is there twice", lambda: found(rows={**FOUND.rows, "labels": [FIRST, FIRST]})),
    ("I2", "x.tmp was begun and left", lambda: found(torn=["x.tmp"])),
    (
        "I2",
        "1 rows from 1 where 0 is due",
        lambda: found(parts={**FOUND.parts, "labels/M": [Part(1, 2, [FIRST])]}),
    ),
    ("I3", "comes behind", lambda: outcome(predictions=DUE.predictions[::-1])),
    (
        "I4",
        "a reader saw 1 of log review, and 0 are left",
        lambda: replace(SOUND, recovered_ends={}, lines={}),
    ),
    ("I4", "saw 2 lines of review, and 1", lambda: replace(SOUND, lines={"review": b"{}\n{}\n"})),
    ("I4", "is gone or another", lambda: replace(SOUND, lines={"review": b"{}\n"})),
    ("I4", "rows 0 to 1", lambda: replace(SOUND, parts={"predictions/M": [Part(0, 1, [SECOND])]})),
    ("I5", "at the end bb instead of aa", lambda: outcome(state="bb")),
    ("I5", "recovered at (1,) as 22", lambda: replace(SOUND, recovered=[((1,), "22")])),
    ("I5", "where no step can end", lambda: replace(SOUND, recovered=[((2,), "22")])),
    ("I6", "1 were committed and 0 took effect", lambda: replace(found(files={}), lines={})),
    ("I6", "took effect as {", lambda: replace(found(files={"review": b'{"offset":0}\n'}), lines={})),
    ("I6", "took effect as torn", lambda: replace(found(files={"review": b"torn"}), lines={})),
    ("I7", "refused: 0 lost, 1 doubled", lambda: outcome(refused=(LATE.line, "another"))),
    ("I8", "2 came out", lambda: found(streams=[StreamStatus(name="Sold", consumed=3, applied=1, late=1)])),
    (
        "I8",
        "4 are counted, and 3 are in the log",
        lambda: found(streams=[replace(FOUND.streams[0], consumed=4)]),
    ),
    (
        "I8",
        "0 count as late, and 1 are kept",
        lambda: found(streams=[StreamStatus(name="Sold", consumed=3, applied=3)]),
    ),
    ("I8", "counts: 1 lost", lambda: outcome(counts=("4",))),
]


def test_sound_evidence_violates_nothing() -> None:
    """Nothing is found, and every invariant has compared something."""
    compared, problems = judge(SOUND)
    assert problems == []
    assert compared.keys() == KINDS
    assert {name[:2] for name, number in compared.items() if number} == INVARIANTS.keys()


@pytest.mark.parametrize(("name", "words", "evidence"), CASES)
def test_each_finds_its_own(name: str, words: str, evidence: Callable[[], Evidence]) -> None:
    """The finding begins with the invariant's name; without that invariant, nothing is found."""
    _, problems = judge(evidence())
    assert problems
    assert all(problem.startswith(f"{title(name)}: ") for problem in problems), problems
    assert any(words in problem for problem in problems), problems
    assert judge(evidence(), EVERYTHING - {name})[1] == []


def test_every_invariant_is_shown_to_fail() -> None:
    """The cases leave none out."""
    assert {name for name, _, _ in CASES} == INVARIANTS.keys()


AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (1, 2),
        (1, True),
        (None, 0),
        ("a", "b"),
        (0.5, 0.25),
        (float("inf"), 1.0),
        (AT, AT.replace(microsecond=679)),
        ([1.5, AT], [1.5, AT.replace(year=2025)]),
        ([1, 2], [1]),
        ([], [None]),
        ({"a": [1]}, {"a": [2]}),
        ({"a": 1}, {"b": 1}),
        (b"ab", b"ac"),
        (Decimal("1.10"), Decimal("1.1")),
    ],
)
def test_effects_of_any_type_are_compared(value: object, other: object) -> None:
    """Lists and structures element by element, bytes and fractions as JSON has them."""
    committed = {"decision_id": "d1", "value": value}

    def problems(said: object) -> list[str]:
        line = msgspec.json.encode({"offset": 0, "decision_id": "d1", "value": said}) + b"\n"
        return judge(replace(found(topics={"review": [Row(committed)]}, files={"review": line}), lines={}))[1]

    assert problems(value) == []
    assert [problem[:2] for problem in problems(other)] == ["I6"]


def test_a_type_that_nobody_thought_of_is_found() -> None:
    """It does not pass for the same."""
    line = msgspec.json.encode({"offset": 0, "value": date(2026, 1, 2)})
    evidence = replace(
        found(topics={"review": [Row(value=date(2026, 1, 2))]}, files={"review": line}), lines={}
    )
    assert judge(evidence)[1]
