"""From what `fit` returned to a file that answers the same: converted, then compared row by row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from forerun.errors import EqualityError, FitError, ModelError
from forerun.models.scorer import Scorer

if TYPE_CHECKING:
    import onnx

DIFFERENCE_MAX = 1e-5
"""Largest difference of a probability that is put down to float32; converters stay below 1e-6."""

PROBE_ROWS = 256
"""Rows that are asked again with each input missing in turn."""

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """How closely the file and the fitted estimator agree.

    >>> Equality(rows=66_000, difference_max=2.3e-7, missing_rows=6_000, missing_difference_max=1.9e-7).rows
    66000
    """

    rows: int
    """All training rows."""
    difference_max: float
    """Largest difference of the two probabilities over them."""
    missing_rows: int
    """Training rows asked again with one input missing; 0 when no such row gets a score."""
    missing_difference_max: float

    def to_json(self) -> dict[str, float | int]:
        """The numbers by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A model file and the proof that it is the model.

    >>> Converted(onnx=b"", equality=Equality(
    ...     rows=1, difference_max=0.0, missing_rows=0, missing_difference_max=0.0)).sha256[:8]
    'e3b0c442'
    """

    onnx: bytes
    equality: Equality

    @property
    def sha256(self) -> str:
        """Content address of the file."""
        return sha256(self.onnx).hexdigest()


def convert(estimator: object, names: Sequence[str], features: Features) -> Converted:
    """Convert a fitted classifier and check it against the estimator on every training row.

    Beyond the training rows, some are asked again with each input missing in turn, whether or not it ever
    was missing in training: a model that refuses such rows, or answers them otherwise than its file does,
    gives no score when an input is missing.

    Args:
        estimator: A fitted LightGBM or scikit-learn classifier of labels 0 and 1.
        names: Names of the inputs, in order.
        features: The training rows.

    Returns:
        The file, with the differences found.

    Raises:
        FitError: It is no fitted binary classifier on these inputs, or refuses the training rows.
        ConversionError: It, or a step of it, has no ONNX form.
        EqualityError: The file answers differently from the estimator by more than `DIFFERENCE_MAX`.

    >>> from sklearn.linear_model import LogisticRegression
    >>> rows = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)
    >>> converted = convert(LogisticRegression().fit(rows, [0, 0, 1, 1]), ["x"], rows)
    >>> converted.equality.rows, converted.equality.difference_max < 1e-6
    (4, True)
    """
    classifier = recognise(estimator, names)
    from forerun.models.graph import score_only  # needs onnx, which only training has; `recognise` says so

    expected = native_scores(classifier, features)
    proto = classifier.to_proto()
    onnx = score_only(proto, names, takes_missing=True)
    scorer = Scorer(onnx)
    missing = np.isnan(features).any(axis=1)
    difference = _difference(scorer.score(features[~missing]), expected[~missing])
    if difference > DIFFERENCE_MAX:
        raise EqualityError(
            f"{type(estimator).__name__} in ONNX differs from the fitted one by {difference:.2g}, more than "
            f"{DIFFERENCE_MAX:g}: it computes in float32, which moved rows across a split or lost digits of "
            "large inputs. Trees need no scaling: take scalers out; make large inputs small"
        )
    difference = _difference(scorer.score(features), expected)
    if difference > DIFFERENCE_MAX:
        raise EqualityError(
            f"{type(estimator).__name__} in ONNX differs from the fitted one by {difference:.2g} on rows "
            "with a missing input; use LightGBM, or put SimpleImputer first in a Pipeline"
        )
    missing_rows, missing_difference = _probe(classifier, scorer, features)
    if not missing_rows:
        onnx = score_only(proto, names, takes_missing=False)
    equality = Equality(
        rows=len(features),
        difference_max=difference,
        missing_rows=missing_rows,
        missing_difference_max=missing_difference,
    )
    return Converted(onnx=onnx, equality=equality)


def _probe(classifier: "Classifier", scorer: Scorer, features: Features) -> tuple[int, float]:
    """Ask both again with inputs missing: rows and largest difference; no rows if they do not agree."""
    probes = _with_missing(features)
    try:
        expected = classifier.scores(probes)
    except ValueError:  # it refuses NaN
        return 0, 0.0
    difference = _difference(scorer.score(probes), expected)
    return (len(probes), difference) if difference <= DIFFERENCE_MAX else (0, 0.0)


class Classifier(Protocol):
    """A fitted binary classifier of some library."""

    def scores(self, features: Features) -> Scores:
        """Probability of label 1; ValueError where it does not take the values."""

    def to_proto(self) -> "onnx.ModelProto":
        """What the library's converter makes of it: label and probabilities."""


def recognise(estimator: object, names: Sequence[str]) -> Classifier:
    """See a fitted estimator as a binary classifier; imports the libraries it needs, and no other.

    Args:
        estimator: What `fit` returned.
        names: Names of the inputs, in order.

    Raises:
        FitError: It is no fitted binary classifier on these inputs.
        ModelError: A library that training needs is not installed.
    """
    if estimator is None:
        raise FitError("fit returned None; end it with `return model`")
    try:
        if type(estimator).__module__.startswith("lightgbm."):
            from forerun.models.from_lightgbm import LightGBM

            return LightGBM(estimator, names)
        from forerun.models.from_sklearn import ScikitLearn

        return ScikitLearn(estimator, names)
    except ImportError as exc:
        raise ModelError(f"training needs {exc.name}: pip install 'forerun[train]'") from exc


def native_scores(classifier: Classifier, features: Features) -> Scores:
    """Probability of label 1 as the classifier's own library computes it.

    Args:
        classifier: From `recognise`.
        features: One row per prediction.

    Raises:
        FitError: It does not take these values.
    """
    try:
        return classifier.scores(features)
    except ValueError as exc:
        raise FitError(
            f"the fitted model does not take the rows of the table: {str(exc).splitlines()[0]} "
            "An input that is missing is NaN: use LightGBM, or put SimpleImputer first in a Pipeline"
        ) from exc


def _with_missing(features: Features) -> Features:
    """Rows from all over the table, each once per input with that input missing, and one with none at all."""
    step = max(1, len(features) // PROBE_ROWS)
    rows = features[::step][:PROBE_ROWS]
    probes = np.repeat(rows[np.newaxis], rows.shape[1], axis=0)
    for column in range(rows.shape[1]):
        probes[column, :, column] = np.nan
    return np.vstack([*probes, np.full((1, rows.shape[1]), np.nan, np.float32)])


def _difference(scores: Scores, expected: Scores) -> float:
    """Largest difference; infinite where one of them is no number."""
    differences = np.abs(scores - expected)
    return float(np.where(np.isnan(differences), np.inf, differences).max(initial=0.0))
