"""Quality measures agree with scikit-learn's and with counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from forerun.monitoring.quality import auc, brier, by_month, log_loss, quality

DAY_US = 86_400_000_000
APRIL_2013_US = 1364774400_000000

labelled = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.5000001, 0.9, 1.0])),
    min_size=1,
    max_size=60,
)


def columns(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of drawn rows."""
    return np.array([float(y) for y, _ in rows]), np.array([p for _, p in rows])


@given(labelled)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, float]]) -> None:
    """AUC equals counting every pair of a positive and a negative, ties as half."""
    label, score = columns(rows)
    pairs = [(p > q) + 0.5 * (p == q) for p in score[label == 1] for q in score[label == 0]]
    expected = sum(pairs) / len(pairs) if pairs else None
    assert auc(label, score) == expected


@given(labelled)
def test_measures_equal_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    """AUC, log loss and Brier score are scikit-learn's, ties and sure scores included."""
    label, score = columns(rows)
    assert log_loss(label, score) == pytest.approx(metrics.log_loss(label, score, labels=[0, 1]), abs=1e-12)
    assert brier(label, score) == pytest.approx(
        metrics.brier_score_loss(label, score, pos_label=1), abs=1e-15
    )
    if 0 < label.sum() < len(label):
        assert auc(label, score) == pytest.approx(metrics.roc_auc_score(label, score), abs=1e-15)


def test_auc_does_not_overflow() -> None:
    """Pairs are counted exactly where their number exceeds 32 bits."""
    label = np.repeat([0.0, 1.0], 100_000)
    assert auc(label, label) == 1.0


def test_undefined_measures_are_none() -> None:
    """Nothing is made up where a measure is not defined."""
    empty = quality(np.array([]), np.array([]))
    assert (empty.n, empty.base_rate, empty.auc, empty.log_loss, empty.brier) == (0, None, None, None, None)
    assert empty.calibration_error is None
    one_kind = quality(np.array([1.0, 1.0]), np.array([0.2, 0.4]))
    assert one_kind.auc is None
    assert one_kind.log_loss is not None


def test_rows_without_score_or_label_are_left_out() -> None:
    """A prediction nobody scored, or without a label, changes no measure."""
    label, score = np.array([0.0, 1.0]), np.array([0.3, 0.6])
    expected = quality(label, score)
    actual = quality(np.append(label, [1.0, np.nan]), np.append(score, [np.nan, 0.9]))
    assert expected == actual


def test_months_are_calendar_months_in_utc() -> None:
    """The last microsecond of March is March, the next one April."""
    time_us = np.array([APRIL_2013_US, APRIL_2013_US - 1, APRIL_2013_US + DAY_US])
    months = by_month(time_us, np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.9, 0.8]))
    assert [(m.month, m.quality.n, m.quality.auc) for m in months] == [
        ("2013-03", 1, None),
        ("2013-04", 2, 1.0),
    ]


def test_quality_is_json() -> None:
    """The record names each measure once, for files and answers."""
    assert quality(np.array([0.0, 1.0]), np.array([0.25, 0.75])).to_json() == {
        "n": 2,
        "positives": 1,
        "base_rate": 0.5,
        "auc": 1.0,
        "log_loss": pytest.approx(0.2876820724517809),
        "brier": 0.0625,
        "calibration_error": 0.25,
    }
