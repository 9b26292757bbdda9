"""Every aggregate over windows that close: tumbling, hopping, hopping often, and sessions."""

from typing import Any

import pyarrow as pa
import pytest
from tests.parity.everything import CLOSING, declare

from forerun._core import Kernel
from forerun.testing.nasty import nasty_log
from forerun.testing.parity import truth as truth_module
from forerun.testing.parity.play import Log, rows_of
from forerun.testing.parity.replay import replay
from forerun.testing.parity.subject import Subject
from forerun.testing.parity.truth import truth

APP = declare({"30s": "30s"}, CLOSING)
SUBJECT = Subject(APP.plan(), APP.functions)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
def test_every_value_is_the_oracles(seed: int) -> None:
    """P3: each aggregate of each window of a nasty stream, and not a window more or less."""
    closed: dict[str, set[str]] = {}

    def seen(view: str, feature: str, value: Any) -> Any:
        if value not in (None, []):
            closed.setdefault(view, set()).add(feature)
        return value

    level = truth(SUBJECT, nasty_log(seed, 300, SUBJECT.shapes), seed=seed, doctor=seen)

    assert level.first is None, level.first.explained
    declared = {
        emitter["name"]: {feature["name"] for feature in emitter["features"] if "#" not in feature["name"]}
        for emitter in SUBJECT.spec["emitters"]
    }
    for name, features in declared.items():
        assert len(features) >= 38
        assert len(features - closed[name]) <= 6, "few windows, and some aggregates need many values"
    assert set.union(*closed.values()) >= set.union(*declared.values())


def test_a_wrong_window_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: a value that is one too many, a window that is missing, and one that comes twice."""
    log = nasty_log(5, 60, SUBJECT.shapes)

    def doctor(view: str, feature: str, value: Any) -> Any:
        return value + 1 if (view, feature) == ("Tumbling", "count") else value

    found = truth(SUBJECT, log, doctor=doctor).first
    assert found is not None
    assert (found.what, found.view, found.feature) == ("a closed window", "Tumbling", "count")
    for times, what in ((0, "a window not closed"), (2, "not to be closed, or twice")):
        monkeypatch.setattr(truth_module, "rows_of", lambda batch, times=times: rows_of(batch) * times)
        found = truth(SUBJECT, log).first
        assert found is not None
        assert (found.what, found.view, found.feature) == (what, "Tumbling", "row")


def test_steps_threads_and_restarts_do_not_matter() -> None:
    """P1 with emitters: one hash, however the log is cut; and a kernel from stored bytes goes on alike."""
    log = Log(SUBJECT, nasty_log(7, 600, SUBJECT.shapes))
    level = replay(log, batch_rows=(7, 600), threads=(1,))
    assert level.first is None, level.first.explained
    steady, kernel = SUBJECT.kernel(), SUBJECT.kernel()
    stored: dict[tuple[int, bytes], bytes] = {}
    closed = 0
    for step in log.steps(40):
        ours, theirs = kernel.apply(step), steady.apply(step)
        for one, other in zip(ours.emitted, theirs.emitted, strict=True):
            assert repr(rows_of(one)) == repr(rows_of(other))
            closed += len(one)
        kernel = _restarted(kernel, stored)
        assert kernel.state_hash() == steady.state_hash()
    assert closed > 1000


def _restarted(kernel: Kernel, stored: dict[tuple[int, bytes], bytes]) -> Kernel:
    """A kernel from what is stored: the differences to the last time, put over what was there."""
    for row in pa.record_batch(kernel.take_changed()).to_pylist():
        place = (row["view"], row["key"])
        if row["state"] is None:
            stored.pop(place, None)
        else:
            stored[place] = row["state"]
    kinds: dict[str, pa.DataType] = {"view": pa.int32(), "key": pa.binary(), "state": pa.binary()}
    rows = [{"view": view, "key": key, "state": state} for (view, key), state in stored.items()]
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema(kinds))
    return Kernel.restore(SUBJECT.text, kernel.header(), batch, SUBJECT.functions)
