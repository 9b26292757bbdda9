"""The label join: what is decided, by whom, and that the cutting into steps does not matter."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.runtime.labels import LabelJoin, Outcome


def join(within_us: int = 100, otherwise: float | None = 1.0) -> LabelJoin:
    """A join with one waiting prediction: key "k", id "p", made at 1000."""
    made = LabelJoin(within_us, otherwise)
    made.predicted("k", "p", 1000)
    return made


@pytest.mark.parametrize(
    ("time_us", "joined", "after", "unmatched"),
    [
        (999, 0, 0, 1),  # before the prediction: it was known already
        (1000, 1, 0, 0),
        (1100, 1, 0, 0),  # the last instant of the horizon
        (1101, 0, 1, 0),
        (1200, 0, 1, 0),
        (1201, 0, 0, 1),  # so long after that the key may mean something else
    ],
)
def test_a_label_counts_inside_the_horizon_only(
    time_us: int, joined: int, after: int, unmatched: int
) -> None:
    """Both ends of [t, t + within] belong to the horizon; what comes after is counted apart."""
    made = join()
    outcomes = made.labelled("k", 0.0, time_us, partition=0, offset=5)
    assert outcomes == [Outcome("p", 0.0, time_us, 0, 5)][:joined]
    assert (made.counts.joined, made.counts.after_horizon, made.counts.unmatched) == (
        joined,
        after,
        unmatched,
    )
    assert made.pending == 1 - joined


def test_one_event_decides_all_that_wait_for_its_key() -> None:
    """Several predictions of one key inside their horizons get the same label; others go on waiting."""
    made = join()
    made.predicted("k", "a", 1050)
    made.predicted("k", "too young", 1070)
    made.predicted("other", "r", 1000)
    outcomes = made.labelled("k", 1.0, 1060, partition=0, offset=5)
    assert [outcome.prediction_id for outcome in outcomes] == ["p", "a"]
    assert made.pending == 2


class _NotGoneThrough(list[str]):
    """Keys that may be looked at one by one, but not all."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all that wait were gone through for one more")


def test_one_more_prediction_costs_the_same_however_many_wait() -> None:
    """Nobody goes through all that wait for one more, for none, or for a label."""
    made = join()
    made._keys = _NotGoneThrough(made._keys)
    made.predicted("k", "a", 1050)
    made.predicted_all([], [], [])
    assert len(made.labelled("k", 1.0, 1060, partition=0, offset=5)) == 2


def test_a_null_label_decides_nothing() -> None:
    """The prediction goes on waiting, and the event is counted."""
    made = join()
    assert made.labelled("k", None, 1010, partition=0, offset=5) == []
    assert (made.pending, made.counts.empty) == (1, 1)


def test_otherwise_decides_when_the_watermark_has_passed() -> None:
    """Not while an event at the last instant could still be accepted; once, and with the horizon's end."""
    made = join()
    assert made.passed(None) == []
    assert made.passed(1100) == []
    assert made.passed(1101) == [Outcome("p", 1.0, 1100)]
    assert made.passed(9999) == []
    assert (made.pending, made.counts.timed_out) == (0, 1)


def test_without_otherwise_a_prediction_expires() -> None:
    """It gets no label and is counted."""
    made = join(otherwise=None)
    assert made.passed(1101) == []
    assert (made.pending, made.counts.expired) == (0, 1)


def test_a_label_after_the_timeout_is_counted() -> None:
    """The timeout stands; the count says how often reality came late."""
    made = join()
    made.passed(1101)
    assert made.labelled("k", 0.0, 1150, partition=0, offset=5) == []
    assert made.counts.after_horizon == 1


def test_what_is_decided_is_forgotten_and_the_others_go_on_waiting() -> None:
    """Thousands are decided or time out; those between them keep their keys, ids and times."""
    made = LabelJoin(100, 1.0)
    numbers = range(10_000)
    keys = [f"k{at % 10}" for at in numbers]
    made.predicted_all(keys, [f"p{at:05d}" for at in numbers], [at // 100 for at in numbers])
    for key in range(1, 9):
        decided = made.labelled(f"k{key}", 0.0, 99, partition=0, offset=key)
        assert [one.prediction_id for one in decided] == [f"p{at:05d}" for at in numbers[key::10]]
    made.predicted("k1", "late", 50)
    assert [one.prediction_id for one in made.passed(131)] == [
        f"p{at:05d}" for at in range(3_100) if at % 10 in (0, 9)
    ]
    assert made.pending == 2_000 - 620 + 1
    assert made.labelled("k9", 0.0, 199, partition=0, offset=9)[0].prediction_id == "p09909"
    again = LabelJoin(100, 1.0)
    again.load(made.save())
    for one in (made, again):
        rest = [outcome.prediction_id for outcome in one.passed(1_000)]
        tens = [f"p{at:05d}" for at in range(3_100, 10_000, 10)]
        others = [f"p{at:05d}" for at in range(3_109, 9_909, 10)]
        assert sorted(rest) == sorted([*tens, *others, "late"])
        assert (one.pending, one.waiting()) == (0, set())


@dataclass(frozen=True)
class Happening:
    kind: str
    key: str
    time_us: int


happenings = st.lists(
    st.builds(Happening, st.sampled_from(["predict", "label"]), st.sampled_from("ab"), st.integers(0, 60)),
    max_size=40,
)


@given(happenings, st.sets(st.integers(0, 40)), st.integers(0, 40), st.sampled_from([None, 1.0]))
def test_neither_steps_nor_a_restart_change_the_outcome(
    rows: list[Happening], cuts: set[int], restart: int, otherwise: float | None
) -> None:
    """The same records in other steps, with a save and load in between, give the same outcomes and counts."""
    once = _run(rows, set(), None, otherwise)
    cut = _run(rows, cuts, restart, otherwise)
    assert cut == once


def _run(
    rows: list[Happening], cuts: set[int], restart: int | None, otherwise: float | None
) -> tuple[list[Outcome], dict[str, int], object]:
    """Play the rows with lateness 10, a step ending before each cut; a step's timeouts come at its end."""
    made = LabelJoin(15, otherwise)
    outcomes: list[Outcome] = []
    watermark: int | None = None
    for index, row in enumerate(rows):
        if index in cuts:
            outcomes += made.passed(watermark)
        if index == restart:
            again = LabelJoin(15, otherwise)
            again.load(made.save())
            assert again.save().equals(made.save(), check_metadata=True)
            made = again
        if row.kind == "predict":
            made.predicted(row.key, f"p{index}", row.time_us)
        elif watermark is None or row.time_us >= watermark:
            outcomes += made.labelled(row.key, float(index), row.time_us, partition=0, offset=index)
            watermark = max(watermark or 0, row.time_us - 10)
    outcomes += made.passed(watermark)
    return sorted(outcomes, key=str), asdict(made.counts), made.save().to_pylist()
