"""scikit-learn: what a fitted classifier or pipeline answers, and its ONNX form."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from forerun.errors import ConversionError, FitError

_ADVICE = "an LGBMClassifier, or a scikit-learn classifier or Pipeline with predict_proba"

# The converters fail in as many ways as there are estimators.
_FAILURES = (
    AttributeError,
    IndexError,
    KeyError,
    MissingConverter,
    MissingShapeCalculator,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class ScikitLearn:
    """A fitted classifier or pipeline, once it is certain that it answers with the probability of label 1.

    Args:
        estimator: What `fit` returned.
        names: The inputs it was to be fitted on, in order.

    Raises:
        FitError: It is not fitted, or not a binary classifier on exactly these inputs.

    >>> from sklearn.linear_model import LogisticRegression
    >>> ScikitLearn(LogisticRegression(), ["distance"])
    Traceback (most recent call last):
    forerun.errors.FitError: [FR-MODEL-FIT] fit returned a LogisticRegression that is not fitted; ...
    """

    def __init__(self, estimator: object, names: Sequence[str]) -> None:
        kind = type(estimator).__name__
        if not isinstance(estimator, BaseEstimator) or not hasattr(estimator, "fit"):
            raise FitError(f"fit returned a {kind}, which is no estimator; return {_ADVICE}")
        try:
            check_is_fitted(estimator)
        except NotFittedError as exc:
            raise FitError(
                f"fit returned a {kind} that is not fitted; call its fit before returning it"
            ) from exc
        if not hasattr(estimator, "predict_proba"):
            raise FitError(f"fit returned a {kind}, which gives no probabilities; return {_ADVICE}")
        classes = list(getattr(estimator, "classes_", ()))
        if classes != [0, 1]:
            raise FitError(
                f"fit returned a {kind} of the labels {classes}, not 0 and 1; train it on table.label"
            )
        columns = getattr(estimator, "n_features_in_", len(names))
        found = list(getattr(estimator, "feature_names_in_", names))
        if columns != len(names) or found != list(names):
            raise FitError(
                f"fit returned a {kind} on {columns} inputs ({', '.join(map(str, found))}), not on the "
                f"{len(names)} of the table; train it on all columns of table.features, in their order"
            )
        self.columns = len(names)
        # scikit-learn ships no types.
        self._estimator: Any = estimator

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Probability of label 1 as scikit-learn computes it.

        Args:
            features: One row per prediction.

        Raises:
            ValueError: The estimator does not take these values: many refuse NaN.
        """
        given: object = features
        if hasattr(self._estimator, "feature_names_in_"):
            import pandas as pd  # it was fitted on a frame, so pandas is there

            given = pd.DataFrame(features, columns=list(self._estimator.feature_names_in_))
        return np.asarray(self._estimator.predict_proba(given)[:, 1], np.float64)

    def to_proto(self) -> onnx.ModelProto:
        """What the converter makes of it: label and probabilities.

        Raises:
            ConversionError: It, or a step of it, has no conversion.
        """
        _know_lightgbm(self._estimator)
        try:
            proto: onnx.ModelProto = convert_sklearn(
                self._estimator,
                name="score",
                initial_types=[("input", FloatTensorType([None, self.columns]))],
                target_opset={"": 15, "ai.onnx.ml": 3},
            )
        except _FAILURES as exc:
            raise ConversionError(
                f"{type(self._estimator).__name__} has no conversion to ONNX: {_first_line(exc)} "
                "LGBMClassifier, GradientBoostingClassifier and LogisticRegression have one; "
                "what a step of a Pipeline computes can be an input of the model instead"
            ) from exc
        return proto


def _know_lightgbm(classifier: object) -> None:
    """Tell the converter about LightGBM where a pipeline ends in it."""
    steps = [step for _, step in getattr(classifier, "steps", ())]
    if not any(type(step).__module__.startswith("lightgbm") for step in steps):
        return
    from lightgbm import LGBMClassifier
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )


def _first_line(exc: Exception) -> str:
    text = str(exc).strip().split("\n")[0].split(" with name=")[0][:200].rstrip(".")
    return f"{text}." if text else f"{type(exc).__name__}."
