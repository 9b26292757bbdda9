"""A converted model answers what the fitted one answers, or is refused with advice."""

import subprocess
import sys
from hashlib import sha256
from typing import Any

import lightgbm
import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from tests.models.data import NAMES, features, labels

from forerun.errors import ConversionError, EqualityError, FitError, ModelError
from forerun.models import convert as conversion
from forerun.models.convert import DIFFERENCE_MAX, convert, recognise
from forerun.models.scorer import Scorer

HOLES = features()
WHOLE = features(missing=0)


def lgbm(**settings: Any) -> LGBMClassifier:
    """A small LightGBM model."""
    return LGBMClassifier(n_estimators=25, num_leaves=15, n_jobs=1, verbose=-1, **settings)


TAKES_MISSING = [
    lgbm(),
    lgbm(use_missing=False),
    lgbm(zero_as_missing=False, min_child_samples=200),
    make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(strategy="median"), GradientBoostingClassifier(n_estimators=10)),
    make_pipeline(SimpleImputer(), lgbm()),
]
REFUSES_MISSING = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    GradientBoostingClassifier(n_estimators=10),
    RandomForestClassifier(10, random_state=0),
    ExtraTreesClassifier(10, random_state=0),
    CalibratedClassifierCV(GaussianNB()),
    make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
]


def name_of(estimator: object) -> str:
    """How a case is called."""
    steps = getattr(estimator, "steps", None)
    return "+".join(type(step).__name__ for _, step in steps) if steps else type(estimator).__name__


@pytest.mark.parametrize("estimator", TAKES_MISSING, ids=name_of)
def test_file_answers_like_the_estimator(estimator: BaseEstimator) -> None:
    """On training rows, on rows with any input missing, and on rows never seen, the scores agree to 1e-5."""
    estimator.fit(HOLES, labels(HOLES))
    converted = convert(estimator, NAMES, HOLES)
    scorer = Scorer(converted.onnx)
    fresh = features(500, missing=0.3, seed=9)
    fresh[:50, 5] = np.nan  # never missing in training
    expected = estimator.predict_proba(fresh)[:, 1]
    assert np.abs(scorer.score(fresh) - expected).max() < DIFFERENCE_MAX
    assert converted.equality.rows == len(HOLES)
    assert 0 <= converted.equality.difference_max < 1e-6
    assert converted.equality.missing_rows > 1_000
    assert scorer.takes_missing
    assert scorer.names == NAMES


@pytest.mark.parametrize("estimator", REFUSES_MISSING, ids=name_of)
def test_estimator_without_missing_gets_no_missing(estimator: BaseEstimator) -> None:
    """Where the estimator refuses NaN, or its file treats it otherwise, a row with NaN gets no score."""
    estimator.fit(WHOLE, labels(WHOLE))
    converted = convert(estimator, NAMES, WHOLE)
    scorer = Scorer(converted.onnx)
    assert not scorer.takes_missing
    assert converted.equality.missing_rows == 0
    rows = WHOLE[:3].copy()
    rows[1, 2] = np.nan
    scores = scorer.score(rows)
    assert np.isnan(scores).tolist() == [False, True, False]
    assert scores[[0, 2]] == pytest.approx(estimator.predict_proba(rows[[0, 2]])[:, 1], abs=1e-5)
    assert np.isnan(scorer.score(rows[1:2])).all()


def test_thresholds_between_neighbouring_floats() -> None:
    """Splits between adjacent float32 values, where rounding to the nearest errs, are kept."""
    rng = np.random.default_rng(3)
    base = np.float32(16_777_210) + np.arange(12, dtype=np.float32)
    values = base[rng.integers(0, len(base), 4_000), np.newaxis]
    label = (values[:, 0].astype(np.int64) % 2 == 0).astype(float)
    model = LGBMClassifier(
        n_estimators=20, num_leaves=15, n_jobs=1, max_bin=64, min_child_samples=5, verbose=-1
    )
    model.fit(values, label)
    native = np.asarray(model.predict_proba(values))[:, 1]
    assert native[label == 1].min() - native[label == 0].max() > 0.5, (
        "the case needs a model that tells them apart"
    )
    assert convert(model, ["x"], values).equality.difference_max < 1e-6


def test_booster_and_early_stopping() -> None:
    """A bare booster is taken, up to its best iteration."""
    data = lightgbm.Dataset(HOLES[:800], labels(HOLES)[:800], feature_name=list(NAMES))
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "learning_rate": 0.5},
        data,
        num_boost_round=100,
        valid_sets=[lightgbm.Dataset(HOLES[800:], labels(HOLES)[800:])],
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )
    assert booster.best_iteration < 90
    converted = convert(booster, NAMES, HOLES)
    assert converted.equality.difference_max < 1e-6


def test_fitted_on_a_frame() -> None:
    """Estimators fitted on a pandas frame of the inputs are taken, and named columns are checked."""
    import pandas as pd

    frame = pd.DataFrame(WHOLE, columns=list(NAMES))
    for estimator in (lgbm(), LogisticRegression(max_iter=2_000)):
        fitted = estimator.fit(frame, labels(WHOLE))
        assert convert(fitted, NAMES, WHOLE).equality.difference_max < 1e-5
        with pytest.raises(FitError, match="in their order"):
            convert(estimator.fit(frame[list(reversed(NAMES))], labels(WHOLE)), NAMES, WHOLE)


def test_model_that_learnt_nothing() -> None:
    """Trees without a split, from inputs that are all missing, answer the base rate."""
    nothing = np.full((200, 2), np.nan, np.float32)
    label = np.array([1.0, 0, 0, 0] * 50)
    converted = convert(lgbm().fit(nothing, label), ["a", "b"], nothing)
    assert Scorer(converted.onnx).score(nothing[:2]) == pytest.approx([0.25, 0.25], abs=1e-6)


@pytest.mark.parametrize("estimator", [TAKES_MISSING[0], TAKES_MISSING[3], TAKES_MISSING[5]], ids=name_of)
def test_same_estimator_same_bytes(estimator: BaseEstimator) -> None:
    """Converting twice gives one file, named by its content."""
    estimator.fit(HOLES, labels(HOLES))
    one, two = (convert(estimator, NAMES, HOLES) for _ in range(2))
    assert one.onnx == two.onnx
    assert one.sha256 == sha256(two.onnx).hexdigest()


def test_same_bytes_in_every_process() -> None:
    """Another process, with another hash seed, writes the same file."""
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=2_000)).fit(HOLES, labels(HOLES))
    script = """
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.models.data import NAMES, features, labels
from forerun.models.convert import convert
x = features()
model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=2_000)).fit(x, labels(x))
print(convert(model, NAMES, x).sha256)
"""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == convert(model, NAMES, HOLES).sha256


class NoConversion(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier nobody wrote a converter for."""

    def fit(self, _rows: np.ndarray, label: np.ndarray) -> "NoConversion":
        self.classes_ = np.unique(label)
        return self

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return np.full((len(rows), 2), 0.5)


@pytest.mark.parametrize(
    ("estimator", "advice"),
    [
        (HistGradientBoostingClassifier(max_iter=5), "LGBMClassifier.* have one"),
        (NoConversion(), "NoConversion has no conversion"),
        (KNeighborsClassifier(), "does not keep its training rows"),
    ],
    ids=name_of,
)
def test_what_cannot_be_converted_says_what_can(estimator: BaseEstimator, advice: str) -> None:
    """An estimator without an ONNX form is refused with one that has."""
    with pytest.raises(ConversionError, match=advice):
        convert(estimator.fit(WHOLE[:200], labels(WHOLE)[:200]), NAMES, WHOLE[:200])


@pytest.mark.parametrize(
    ("estimator", "advice"),
    [
        (None, "return model"),
        (3.5, "returned a float"),
        (LGBMClassifier(), "an LGBMClassifier that is not fitted"),
        (LogisticRegression(), "not fitted"),
        (lgbm().fit(WHOLE, labels(WHOLE) + 1), r"labels \[1.0, 2.0\]"),
        (LogisticRegression(max_iter=2_000).fit(WHOLE, labels(WHOLE) * 3), "not 0 and 1"),
        (lgbm().fit(WHOLE[:, :4], labels(WHOLE)), "4 inputs"),
        (LogisticRegression(max_iter=2_000).fit(WHOLE[:, :4], labels(WHOLE)), "on 4 inputs"),
        (LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1).fit(WHOLE, labels(WHOLE)), "no classifier"),
        (lgbm(objective="cross_entropy").fit(WHOLE, labels(WHOLE)), "objective 'cross_entropy'"),
        (LinearSVC().fit(WHOLE[:, :3], labels(WHOLE)), "no probabilities"),
    ],
)
def test_fit_must_return_a_fitted_classifier(estimator: object, advice: str) -> None:
    """Whatever else `fit` returns is refused, with what it was."""
    with pytest.raises(FitError, match=advice):
        recognise(estimator, NAMES)


def test_converter_that_errs_is_caught() -> None:
    """scikit-learn's forests send NaN elsewhere than their conversion does: refused, with what to do."""
    forest = RandomForestClassifier(10, random_state=0).fit(HOLES, labels(HOLES))
    with pytest.raises(EqualityError, match="SimpleImputer first"):
        convert(forest, NAMES, HOLES)


def test_arithmetic_that_float32_cannot_do_is_caught() -> None:
    """A scaler that subtracts two large numbers loses digits in float32, and is refused."""
    large = WHOLE.copy()
    large[:, 1] = large[:, 1] + np.float32(1_000_000)
    model = make_pipeline(MinMaxScaler(), LogisticRegression(C=1e6)).fit(
        large.astype(np.float64), labels(WHOLE)
    )
    with pytest.raises(EqualityError, match="make large inputs small"):
        convert(model, NAMES, large)


def test_rows_the_estimator_refuses() -> None:
    """A model that never saw NaN and is given it by the table says how to cope."""
    model = LogisticRegression(max_iter=2_000).fit(WHOLE, labels(WHOLE))
    with pytest.raises(FitError, match="put SimpleImputer first"):
        convert(model, NAMES, HOLES)


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the training libraries the error is the command that installs them."""
    monkeypatch.setitem(sys.modules, "forerun.models.from_sklearn", None)
    with pytest.raises(ModelError, match=r"pip install 'forerun\[train\]'"):
        recognise(LogisticRegression(), NAMES)


def test_planted_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check compares with the estimator, not the file with itself."""
    model = lgbm().fit(HOLES, labels(HOLES))
    other = lgbm(reg_lambda=5.0).fit(HOLES, labels(HOLES))
    real = recognise(other, NAMES)

    class Swapped:
        scores = staticmethod(recognise(model, NAMES).scores)
        to_proto = staticmethod(real.to_proto)

    monkeypatch.setattr(conversion, "recognise", lambda *_: Swapped())
    with pytest.raises(EqualityError, match="differs from the fitted one"):
        convert(model, NAMES, HOLES)
