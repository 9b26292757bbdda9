"""Training gives a model, an honest baseline and facts that can be checked."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from tests.models.specimen import HOUR_US, NAMES, SPEC, START_US, Late, table

import forerun as fr
from forerun.errors import EqualityError, FitError, TrainingTableError
from forerun.models.definition import ModelSpec
from forerun.models.fitting import fitted
from forerun.models.holdout import SHARE
from forerun.models.scorer import Scorer
from forerun.models.table import Table
from forerun.models.training import Trained, static_inputs, train
from forerun.monitoring.quality import quality


def clock() -> Callable[[], int]:
    """A clock that goes on by a second whenever it is looked at."""
    seconds = count()
    return lambda: next(seconds) * 1_000_000


def trained(
    spec: ModelSpec = SPEC, rows: Table | None = None, *, steps: tuple[int, int] | None = None
) -> Trained:
    """A training with the measures that the runtime hands in."""
    return train(
        spec,
        table() if rows is None else rows,
        measure=lambda label, score: quality(label, score).to_json(),
        clock_us=clock(),
        steps=steps,
    )


def fitting(fit: Callable[[Late, Table], object]) -> ModelSpec:
    """The specimen's model with another `fit`."""
    return dataclasses.replace(SPEC, model=type("Late", (Late,), {"fit": fit}))


@pytest.fixture(scope="module")
def made() -> Trained:
    """The specimen, trained once."""
    return trained(steps=(3, 41))


def test_model_has_learnt(made: Trained) -> None:
    """The file takes the declared inputs and tells late from punctual."""
    scorer = Scorer(made.onnx)
    assert scorer.names == NAMES
    rows = table()
    assert roc_auc_score(rows.label, scorer.score(rows.features)) > 0.8


def test_static_inputs_are_facts_of_the_trigger() -> None:
    """A feature anywhere in an expression makes the input streaming."""
    assert NAMES == ("OriginNow.count", "OriginNow.delay", "OriginNow.share", "distance", "speed", "hour")
    assert static_inputs(SPEC) == ("distance", "hour")


def test_baseline_is_the_same_fit_without_streams(made: Trained) -> None:
    """The baseline is what the user's own `fit` makes of the static inputs, bit for bit."""
    assert made.baseline is not None
    assert made.baseline_reason is None
    assert Scorer(made.baseline).names == ("distance", "hour")
    rows = table()
    direct = SPEC.model().fit(rows.select(["distance", "hour"]))
    native = direct.predict_proba(rows.select(["distance", "hour"]).features)[:, 1]  # type: ignore[attr-defined]  # an LGBMClassifier
    scores = Scorer(made.baseline, among=NAMES).score(rows.features)
    assert np.abs(scores - native).max() < 1e-6


def test_measures_are_of_rows_not_seen(made: Trained) -> None:
    """The hold-out measures equal fitting on the earlier rows and scoring the latest, done by hand."""
    rows = table()
    cut = int(len(rows) * (1 - SHARE))
    settled = rows.settled(int(rows.times[cut]), within_us=SPEC.label.within_us)
    known = len(settled)
    assert known < cut
    early = SPEC.model().fit(settled)
    holdout = made.facts["holdout"]
    assert isinstance(holdout, dict)
    scores = early.predict_proba(rows.features[cut:])[:, 1]  # type: ignore[attr-defined]  # an LGBMClassifier
    assert (holdout["rows"], holdout["learnt_rows"]) == (len(rows) - cut, known)
    assert (holdout["from_us"], holdout["to_us"]) == (int(rows.times[cut]), int(rows.times[-1]))
    assert holdout["model"]["auc"] == pytest.approx(roc_auc_score(rows.label[cut:], scores), abs=1e-12)
    assert holdout["base"]["auc"] == 0.5
    assert holdout["model"]["auc"] > holdout["static"]["auc"] > 0.5


def test_later_labels_teach_the_measured_model_nothing() -> None:
    """Turning round every label that came after the hold-out began changes no hold-out score."""
    rows = table()
    cut = int(len(rows) * (1 - SHARE))
    assert rows.label_times is not None
    label = np.where(
        (rows.label_times > rows.times[cut]) & (rows.times < rows.times[cut]), 1 - rows.label, rows.label
    )
    assert (label != rows.label).sum() == 2
    seen: list[np.ndarray] = []

    def measure(_: np.ndarray, score: np.ndarray) -> dict[str, float]:
        seen.append(score)
        return {}

    for each in (rows, dataclasses.replace(rows, label=label)):
        train(SPEC, each, measure=measure, clock_us=clock())
    assert len(seen) == 6
    assert all((one == two).all() for one, two in zip(seen[:3], seen[3:], strict=True))


def test_facts_are_plain_json_and_complete(made: Trained) -> None:
    """Where the rows are from, what they were, what was used and how long it took is all written down."""
    facts = json.loads(json.dumps(made.facts, allow_nan=False))
    rows = table()
    assert (facts["rows"], facts["positives"]) == (len(rows), int(rows.label.sum()))
    assert facts["table_sha256"] == rows.hash()
    assert facts["range"] == {
        "event_time_from_us": START_US,
        "event_time_to_us": START_US + 1_199 * HOUR_US,
        "label_time_to_us": START_US + 1_202 * HOUR_US,
        "stream": "Scheduled",
        "steps": [3, 41],
        "offsets": {"0": [0, 2_398]},
    }
    assert facts["equality"]["rows"] == 1_200
    assert facts["equality"]["difference_max"] < 1e-6
    assert [one["name"] for one in facts["inputs"]] == list(NAMES)
    assert facts["libraries"].keys() >= {"python", "forerun", "lightgbm", "numpy", "onnx", "onnxruntime"}
    assert facts["durations_us"] == {"measure": 1_000_000, "fit": 1_000_000, "total": 3_000_000}
    assert "n_estimators=20" in facts["estimator"]
    assert "LGBMClassifier" in facts["source"]
    assert max(facts["influence"], key=facts["influence"].get) == "OriginNow.count"


def test_same_table_same_bytes(made: Trained) -> None:
    """Trained again, model and baseline are the same files."""
    again = trained(steps=(3, 41))
    assert (again.onnx, again.baseline, again.sha256) == (made.onnx, made.baseline, made.sha256)
    assert again.facts == made.facts


def test_same_table_same_bytes_in_another_process(made: Trained) -> None:
    """A process with another hash seed trains the same files."""
    script = (
        "from tests.models.test_training import trained; made = trained(steps=(3, 41)); "
        "import hashlib; print(made.sha256, hashlib.sha256(made.baseline).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.baseline is not None
    assert found.stdout.split() == [
        made.sha256,
        Trained(onnx=made.baseline, baseline=None, baseline_reason="", facts={}).sha256,
    ]


def test_seedless_estimators_are_repeatable() -> None:
    """An estimator that draws from numpy's global generator trains the same model twice."""

    def fit(self: Late, rows: Table) -> object:
        return RandomForestClassifier(5, max_depth=4).fit(np.nan_to_num(rows.features), rows.label)

    rows = table(missing=0)
    np.random.seed(123)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # the legacy tuple
    one = trained(fitting(fit), rows)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # the legacy tuple
    np.random.seed(456)
    assert trained(fitting(fit), rows).onnx == one.onnx


def test_fit_that_names_its_inputs_has_no_baseline() -> None:
    """A `fit` that needs a streaming input by name still trains; why there is no baseline is said."""

    def fit(self: Late, rows: Table) -> object:
        assert rows.select(["OriginNow.delay"])
        return Late.fit(self, rows)

    made = trained(fitting(fit))
    assert made.baseline is None
    assert made.baseline_reason is not None
    assert "no input 'OriginNow.delay'" in made.baseline_reason
    assert made.facts["baseline"] == made.baseline_reason
    assert isinstance(made.facts["holdout"], dict)
    assert made.facts["holdout"]["static"] is None


@pytest.mark.parametrize(
    ("static", "reason"),
    [((), "every input is a feature"), (NAMES, "no input is a feature")],
)
def test_no_baseline_to_compare_with(
    static: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all inputs are of one kind there is nothing to compare, and the facts say so."""
    monkeypatch.setattr("forerun.models.training.static_inputs", lambda _: static)
    made = trained()
    assert made.baseline is None
    assert made.baseline_reason is not None
    assert reason in made.baseline_reason


def test_one_kind_in_the_holdout_is_said() -> None:
    """Without both labels on both sides nothing is measured, and the model is trained all the same."""
    rows = table()
    label = rows.label.copy()
    label[int(len(label) * 0.7) :] = 0
    made = trained(rows=dataclasses.replace(rows, label=label))
    assert isinstance(made.facts["holdout"], dict)
    assert "one kind of label only" in made.facts["holdout"]["reason"]
    assert len(made.onnx) > 1_000


def raises(self: Late, rows: Table) -> object:
    """A `fit` with a mistake."""
    return rows.features @ rows.label


def imports(self: Late, rows: Table) -> object:
    """A `fit` that needs what is not installed."""
    import not_installed_anywhere  # type: ignore[import-not-found]  # on purpose

    return not_installed_anywhere


def forgets(self: Late, rows: Table) -> object:
    """A `fit` without a return."""
    Late.fit(self, rows)
    return None


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (raises, "Late.fit raised ValueError"),
        (imports, r"No module named 'not_installed_anywhere'; install it .*forerun\[train\]"),
        (forgets, "return model"),
    ],
)
def test_mistakes_in_fit(fit: Callable[[Late, Table], object], message: str) -> None:
    """What goes wrong in the user's `fit` is reported as theirs."""
    with pytest.raises(FitError, match=message):
        trained(fitting(fit))


def test_mistakes_in_fit_name_their_line() -> None:
    """The message points into the file that declares the model."""
    spec = dataclasses.replace(fitting(raises), at=(__file__, 1))
    lines = Path(__file__).read_text().split("\n")
    line = lines.index("    return rows.features @ rows.label") + 1
    with pytest.raises(FitError, match=f"test_training.py:{line}: "):
        trained(spec)


def test_unfaithful_conversion_stops_training() -> None:
    """A model whose file answers differently is never handed out."""

    def fit(self: Late, rows: Table) -> object:
        return RandomForestClassifier(5, random_state=0).fit(rows.features, rows.label)

    with pytest.raises(EqualityError):
        trained(fitting(fit))


def tables() -> list[tuple[Table, str]]:
    """Tables nothing can be learnt from, and what is said of them."""
    rows = table(200)
    return [
        (table(99), "99 labelled predictions are too few"),
        (table(200, names=NAMES[:5]), "Late declares OriginNow.count"),
        (dataclasses.replace(rows, label=np.ones(200)), "all 200 labels of Late are 1"),
        (dataclasses.replace(rows, label=rows.label * 17.5), r"is a number \(17.5"),
    ]


@pytest.mark.parametrize(("rows", "message"), tables())
def test_tables_that_teach_nothing(rows: Table, message: str) -> None:
    """Too few rows, other inputs, one kind of label or numbers are refused before anything is fitted."""
    with pytest.raises(TrainingTableError, match=message):
        trained(rows=rows)


def test_progress_is_told() -> None:
    """Whoever waits is told what for."""
    told: list[str] = []
    train(SPEC, table(), measure=lambda *_: {}, clock_us=clock(), on_progress=told.append)
    assert told == [
        "measuring on the latest 20% of 1,200 rows",
        "fitting on 1,200 rows",
        "converting, and comparing 1,200 rows",
    ]


def test_fit_gets_the_public_table() -> None:
    """What `fit` is given is `forerun.Table`."""
    assert fr.Table is Table


@pytest.mark.parametrize(("before", "during"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep(before: str | None, during: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While `fit` loads its library, OpenMP is asked not to spin; what the user asked for stays."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if before:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    seen = []

    def fit(self: Late, rows: Table) -> object:
        seen.append(os.environ["OMP_WAIT_POLICY"])
        return Late.fit(self, rows)

    fitted(fitting(fit), table())
    assert seen == [during]
