"""Explanations replace one input at a time by what it usually is."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from forerun.errors import ScoreInputError
from forerun.models.convert import convert
from forerun.models.explain import contributions, influence
from forerun.models.scorer import Scorer
from forerun.models.statistics import InputStatistics, input_statistics

ROWS = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
NAMES = ("strong", "weak", "none")
STATISTICS = input_statistics(NAMES, ROWS)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """A model in which the first input matters most and the last not at all."""
    model = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
    model.coef_ = np.array([[2.0, -0.5, 0.0]])
    model.intercept_ = np.array([0.0])
    return Scorer(convert(model, NAMES, ROWS).onnx)


def test_contributions_are_what_the_model_says(scorer: Scorer) -> None:
    """Each contribution is the score minus the score with the median in that place; largest first."""
    row = np.array([1.5, 2.0, 3.0], np.float32)
    found = contributions(scorer, row, STATISTICS)
    assert [part.name for part in found] == ["strong", "weak", "none"]
    for part in found:
        place = NAMES.index(part.name)
        replaced = row.copy()
        replaced[place] = STATISTICS[place].median
        assert part.score == scorer.score(row[np.newaxis])[0]
        assert part.score_if_usual == scorer.score(replaced[np.newaxis])[0]
        assert part.contribution == part.score - part.score_if_usual
    assert found[0].contribution > 0.3
    assert found[1].contribution < -0.02
    assert found[2].contribution == 0.0
    assert found[2].share_below == 1.0 or 0.99 <= (found[2].share_below or 0) <= 1


def test_missing_input_is_explained_too() -> None:
    """A missing input has no value and no place among the training values, but an effect."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(SimpleImputer(strategy="constant", fill_value=5.0), LogisticRegression())
    scorer = Scorer(convert(model.fit(ROWS, ROWS[:, 0] > 0), NAMES, ROWS).onnx)
    [first, *_] = contributions(scorer, np.array([np.nan, 0, 0], np.float32), STATISTICS)
    assert (first.name, first.value, first.share_below) == ("strong", None, None)
    assert first.contribution > 0.3
    assert first.to_json()["value"] is None


def test_input_never_seen_stays_as_it_is(scorer: Scorer) -> None:
    """An input that was missing in all of training has no usual value, so nothing is replaced."""
    empty = InputStatistics(name="weak", missing=1.0, low=None, high=None, quantiles=None)
    found = contributions(scorer, ROWS[0], (STATISTICS[0], empty, STATISTICS[2]))
    [weak] = [part for part in found if part.name == "weak"]
    assert (weak.usual, weak.contribution, weak.share_below) == (None, 0.0, None)


def test_influence_ranks_inputs(scorer: Scorer) -> None:
    """Inputs are ranked by how far they move scores over many rows; one that is not used moves none."""
    ranked = influence(scorer, ROWS, STATISTICS)
    assert [name for name, _ in ranked] == ["strong", "weak", "none"]
    assert ranked[0][1] > 3 * ranked[1][1] > 0
    assert ranked[2][1] == 0.0


def test_influence_of_unscored_rows() -> None:
    """Rows that get no score (a missing input, refused) do not spoil the mean of the others."""
    model = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
    scorer = Scorer(convert(model, NAMES, ROWS).onnx)
    holes = ROWS.copy()
    holes[::2, 1] = np.nan
    ranked = dict(influence(scorer, holes, STATISTICS))
    assert np.isfinite(list(ranked.values())).all()
    assert ranked["strong"] > 0.1
    assert dict(influence(scorer, np.full((3, 3), np.nan, np.float32), STATISTICS)) == dict.fromkeys(
        NAMES, 0.0
    )


def test_other_number_of_inputs_is_refused(scorer: Scorer) -> None:
    """A row of another model is not explained."""
    with pytest.raises(ScoreInputError, match="does not go with 3 inputs"):
        contributions(scorer, ROWS[0, :2], STATISTICS)
