"""Each level of parity is silent where nothing is wrong, and finds a bug that is planted."""

import hashlib
import json
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.parity.everything import declare
from tests.runtime import shop

from forerun._core import Kernel
from forerun.testing.nasty import nasty_log
from forerun.testing.parity import check as check_module
from forerun.testing.parity import play as play_module
from forerun.testing.parity.budget import Budget
from forerun.testing.parity.check import TAME, Limits, check
from forerun.testing.parity.judge import judge
from forerun.testing.parity.level import Level
from forerun.testing.parity.order import Values, order
from forerun.testing.parity.play import WAITING, Log, Played, matrix, play
from forerun.testing.parity.replay import replay
from forerun.testing.parity.subject import Subject
from forerun.testing.parity.truth import truth

APP = declare({"5m": "5m", "lifetime": None})
SUBJECT = Subject(APP.plan(), APP.functions)
LOG = nasty_log(3, 400, SUBJECT.shapes)
SHORT = LOG[:160]


def test_nothing_wrong_is_nothing_found() -> None:
    """All levels compare many cells, find no difference, and say so."""
    app = declare({"5m": "5m"})
    limits = Limits(1.0, 5_000, 2)
    report = check("x", "v", app.plan(), functions=app.functions, limits=limits, clock=time.monotonic)

    assert [(level.name, level.first) for level in report.levels if not level.equal] == []
    assert report.cells >= 5_000
    assert report.bits > 100_000
    assert "Equal." in report.markdown()
    for said in (
        "of 2000 events ",
        " applied, ",
        " duplicate; of ",
        " values are null",
        "steps of 1, 7, 1000, 65536",
    ):
        assert said in report.markdown()
    assert json.loads(report.json())["equal"] is True


def test_an_app_of_many_features_is_played_fewer_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """What P1 takes grows with events times features, so a wide app is played a shorter part of each log."""
    monkeypatch.setattr(check_module, "REPLAY_INPUTS", 1)
    monkeypatch.setattr(check_module, "REPLAY_EVENTS_MIN", 100)
    limits = Limits(0.0, 1, 1)
    report = check(
        "x", "v", APP.plan(), functions=APP.functions, recorded=LOG, limits=limits, clock=time.monotonic
    )
    notes = [note for level in report.levels if level.name == "P1 replay" for note in level.notes]
    assert [note.split(" in steps")[0] for note in notes if " in steps" in note] == ["100 events"] * 2


def test_vectors_of_short_steps_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of one event leaves a batch with a buffer per column: they are made numbers a few at a time."""
    chunks: list[int] = []

    def seen(made: pa.Table) -> Any:
        chunks.append(made.column(0).num_chunks)
        return matrix(made)

    monkeypatch.setattr(play_module, "matrix", seen)
    log = Log(SUBJECT, SHORT)
    one = play(log, 1)
    assert max(chunks) == WAITING
    whole = play(log, len(SHORT))
    assert [vector.tobytes() for vector in one.vectors] == [vector.tobytes() for vector in whole.vectors]


def test_logs_have_values_out_of_range() -> None:
    """Near the end of a log sums overflow, in every way it is played alike; the oracle says null, too."""
    arrivals = nasty_log(5, 400, SUBJECT.shapes)
    log = Log(SUBJECT, arrivals)
    overflows = play(log, 400).overflows

    assert {name.rpartition(".")[2].split("_")[0] for name in overflows} >= {"std", "var", "sum", "ratio"}
    assert play(log, 7).overflows == overflows
    assert truth(SUBJECT, arrivals).equal


def test_replay_finds_one_bit() -> None:
    """P1: a single bit of a single input of a single run is found, with its place."""
    runs = []

    def doctor(played: Played) -> None:
        runs.append(played)
        if len(runs) == 2:
            vector = played.vectors[0]
            vector.view(np.int64)[5, 2] ^= 1

    level = replay(Log(SUBJECT, LOG), batch_rows=(7, 100), threads=(1, 2), doctor=doctor)

    assert (level.differing, len(runs)) == (1, 7)
    assert level.first is not None
    assert level.first.what == "in steps of 100 events on 1 thread(s)"
    assert level.first.key == {"row": 5}


def test_replay_compares_closed_windows() -> None:
    """P1: windows close with the same rows in steps of any length, and other rows are found."""
    subject = Subject(shop.make().plan())
    log = Log(subject, nasty_log(3, 600, subject.shapes))
    nothing = hashlib.sha256().hexdigest()

    assert nothing not in play(log, 50).windows
    assert replay(log, batch_rows=(1, 50, 600), threads=(1,)).equal

    def other_windows(played: Played) -> None:
        played.windows[1] = nothing

    found = replay(log, batch_rows=(7, 50), threads=(1,), doctor=other_windows).first
    assert found is not None
    assert (found.view, found.feature, found.actual) == ("Wave", "closed windows", nothing)


def test_replay_reads_texts_and_lists_whole() -> None:
    """P1: an element more at the end of a list, and a text that goes on, are found where steps end."""
    found = []
    for feature, longer in (("first_n_5m", [None]), ("top_k_5m", ["x"]), ("last_item_lifetime", "x")):

        def doctor(played: Played, feature: str = feature, longer: Any = longer) -> None:
            if 140 in played.looks:
                look = played.looks[140][0]
                at = next(at for at, value in enumerate(look.columns[feature]) if value)
                look.columns[feature][at] += longer

        level = replay(Log(SUBJECT, LOG), batch_rows=(7, 100), threads=(1,), doctor=doctor)
        assert (level.differing, level.first is not None) == (1, True)
        assert level.first is not None
        found.append((level.first.view, level.first.feature, level.first.what))

    what = "read whole after 140 events, in steps of 7 events on 1 thread(s), in 1 bytes of memory"
    assert found == [("Shop", name, what) for name in ("first_n_5m", "top_k_5m", "last_item_lifetime")]


def test_replay_finds_a_list_that_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: a kernel whose lists have the same first elements and one more at the end."""
    made: list[Kernel] = []

    def kernel(subject: Subject) -> Kernel:
        plan = json.loads(subject.text)
        for feature in plan["views"][0]["features"] if made else ():
            if feature["name"] == "first_n_lifetime":
                feature["params"]["n"] += 1
        made.append(Kernel(json.dumps(plan), subject.functions))
        return made[-1]

    monkeypatch.setattr(Subject, "kernel", kernel)
    level = replay(Log(SUBJECT, LOG), batch_rows=(7, 100), threads=(1,))

    assert level.first is not None
    assert level.first.feature == "first_n_lifetime"
    assert isinstance(level.first.expected, list)
    assert isinstance(level.first.actual, list)
    assert level.first.expected == level.first.actual[:-1]


def test_replay_finds_what_sleep_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: a store that gives an entity as it was at first; only runs with little memory can see it."""
    save = Budget.save

    def forgetful(self: Budget) -> None:
        first = dict(self.stored)
        save(self)
        self.stored |= first

    monkeypatch.setattr(Budget, "save", forgetful)
    level = replay(Log(SUBJECT, LOG), batch_rows=(7, 100), threads=(1,))

    assert level.first is not None
    assert "in 1 bytes of memory" in level.first.what
    assert "one hash" not in " ".join(level.notes)


def test_replay_finds_another_state_and_another_verdict() -> None:
    """P1: runs that serve the same and end differently are not equal."""

    def other_state(played: Played) -> None:
        played.state = "0"

    def other_verdict(played: Played) -> None:
        played.verdicts[9] ^= 1

    found = [
        replay(Log(SUBJECT, SHORT), batch_rows=(7, 100), threads=(1,), doctor=doctor).first
        for doctor in (other_state, other_verdict)
    ]

    assert [first.feature for first in found if first is not None] == ["state", "verdict"]


def test_order_finds_the_sign_of_zero() -> None:
    """P2: a value that is equal as a number and not as bits is a difference."""

    def doctor(values: Values) -> None:
        column = values[0][2]["sum_5m"]
        column[0] = 0.0 if values[0][2]["sum_5m"][0] is None else -float(column[0])

    level = order(SUBJECT, LOG, permutations=1, doctor=doctor)

    assert level.differing == 1
    assert level.first is not None
    assert (level.first.view, level.first.feature) == ("Shop", "sum_5m")


def test_oracle_finds_two_units_in_the_last_place() -> None:
    """P3: one unit in the last place is rounding, two are a difference; it is explained by the events."""
    found = {}
    for units in (1, 3):

        def doctor(view: str, feature: str, value: Any, units: int = units) -> Any:
            if (view, feature) != ("Shop", "mean_5m") or not value:
                return value
            return value + units * np.spacing(value)

        found[units] = truth(SUBJECT, SHORT, doctor=doctor)

    assert found[1].differing == 0
    assert found[3].differing > 10
    assert found[3].first is not None
    assert found[3].first.events
    assert "mean_5m" in found[3].first.explained


def test_duckdb_finds_what_the_oracle_finds() -> None:
    """The second judge compares many cells, agrees, and finds a count that is one too many."""
    log = nasty_log(4, 800, SUBJECT.shapes, TAME)

    def doctor(view: int, served: Any) -> None:
        if view == 0:
            served[7, 0] += 1

    right, wrong = judge(SUBJECT, log), judge(SUBJECT, log, doctor=doctor)

    assert (right.first, right.cells > 8_000) == (None, True)
    assert wrong.differing == 1
    assert wrong.first is not None
    assert wrong.first.feature == "count_5m"


def _aggregates(plan: Any) -> list[Any]:
    return [feature for feature in plan["views"][0]["features"] if "agg" in feature]


def _edge(plan: Any) -> None:
    for feature in plan["views"][0]["features"]:
        window = feature.get("window", feature)
        if window.get("over_us"):
            window["over_us"] += 1


def _last(plan: Any) -> None:
    for feature in _aggregates(plan):
        feature["agg"] = {"last": "first"}.get(feature["agg"], feature["agg"])


def _filter(plan: Any) -> None:
    for feature in _aggregates(plan):
        feature["where"] = None


def _lateness(plan: Any) -> None:
    plan["streams"][0]["lateness_us"] += 1


def _duplicates(plan: Any) -> None:
    plan["streams"][0]["dedup_us"] = None


def _partition(plan: Any) -> None:
    plan["streams"][0]["idle_us"] = None


@pytest.mark.parametrize("bug", [_edge, _last, _filter, _lateness, _duplicates, _partition])
def test_oracle_finds_a_kernel_that_is_wrong(bug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel with a window one microsecond too long, and other small bugs, does not pass."""

    def broken(subject: Subject) -> Kernel:
        plan = json.loads(subject.text)
        bug(plan)
        return Kernel(json.dumps(plan), subject.functions)

    monkeypatch.setattr(Subject, "kernel", broken)
    found: list[Level] = []
    for seed in range(12):
        found.append(
            truth(SUBJECT, nasty_log(seed, 400, SUBJECT.shapes), enough=lambda level: not level.equal)
        )
        if not found[-1].equal:
            break

    assert found[-1].differing > 0
