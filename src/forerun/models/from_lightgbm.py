"""LightGBM: what a fitted classifier answers, and its ONNX form, equal on every float32 input.

LightGBM splits at float64 thresholds, ONNX's trees at float32 ones. Rounding a threshold to the nearest
float32 can move it onto or past a value that occurs, and send its rows down the other branch. Rounded
towards minus infinity it cannot: for float32 x, x <= t exactly when x <= floor32(t).
"""

from collections.abc import Sequence

import lightgbm
import numpy as np
import numpy.typing as npt
import onnx
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.exceptions import NotFittedError

from forerun.errors import FitError


class LightGBM:
    """A fitted booster, once it is certain that it answers with the probability of label 1.

    Args:
        estimator: What `fit` returned: an `LGBMClassifier` or a `Booster`.
        names: The inputs it was to be fitted on, in order.

    Raises:
        FitError: It is not fitted, or not a binary classifier on exactly these inputs.

    >>> LightGBM(lightgbm.LGBMClassifier(), ["distance"])
    Traceback (most recent call last):
    forerun.errors.FitError: [FR-MODEL-FIT] fit returned an LGBMClassifier that is not fitted; ...
    """

    def __init__(self, estimator: object, names: Sequence[str]) -> None:
        self.columns = len(names)
        self._booster = _booster(estimator)
        kind = type(estimator).__name__
        objective = _line(self._booster.model_to_string(num_iteration=1), "objective").split(" ")[0]
        if objective != "binary":
            raise FitError(f"fit returned {_a(kind)} of objective {objective!r}; write objective='binary'")
        found = self._booster.feature_name()
        expected = ["_".join(name.split()) for name in names]  # LightGBM keeps no blanks in names
        if found not in (expected, [f"Column_{i}" for i in range(self.columns)]):
            raise FitError(
                f"fit returned {_a(kind)} on {len(found)} inputs ({', '.join(found)}), not on the "
                f"{self.columns} of the table; train it on all columns of table.features, in their order"
            )

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Probability of label 1 as LightGBM computes it.

        Args:
            features: One row per prediction.
        """
        return np.asarray(self._booster.predict(features), np.float64)

    def to_proto(self) -> onnx.ModelProto:
        """What the converter makes of it: label and probabilities."""
        proto: onnx.ModelProto = convert_lightgbm(
            lightgbm.Booster(model_str=floor_thresholds(self._booster.model_to_string())),
            initial_types=[("input", FloatTensorType([None, self.columns]))],
            target_opset=15,
        )
        return proto


def floor_thresholds(model: str) -> str:
    r"""Move every threshold of a LightGBM model text down to a float32: no float32 input notices.

    Args:
        model: The text, as from `Booster.model_to_string`.

    >>> floor_thresholds("num_leaves=3\nthreshold=0.5 16777217\nleaf_value=1 2 3")
    'num_leaves=3\nthreshold=0.5 16777216.0\nleaf_value=1 2 3'
    """
    lines = []
    for line in model.split("\n"):
        name, _, values = line.partition("=")
        if name == "threshold" and values:
            lines.append("threshold=" + " ".join(_floor32(value) for value in values.split(" ")))
        elif name != "tree_sizes":  # lengths of the parts of this text, which change; LightGBM reads without
            lines.append(line)
    return "\n".join(lines)


def _floor32(text: str) -> str:
    exact = float(text)
    with np.errstate(over="ignore"):
        near = np.float32(exact)
    down = near if float(near) <= exact else np.nextafter(near, np.float32(-np.inf))
    return text if float(down) == exact else repr(float(down))


def _line(model: str, name: str) -> str:
    """Value of the first line `name=value` of a model text."""
    return next(line.partition("=")[2] for line in model.split("\n") if line.startswith(f"{name}="))


def _booster(estimator: object) -> lightgbm.Booster:
    if isinstance(estimator, lightgbm.Booster):
        return estimator
    kind = _a(type(estimator).__name__)
    if not isinstance(estimator, lightgbm.LGBMClassifier):
        raise FitError(f"fit returned {kind}, which is no classifier; return an LGBMClassifier")
    try:
        booster = estimator.booster_
    except NotFittedError as exc:
        raise FitError(f"fit returned {kind} that is not fitted; call its fit before returning it") from exc
    classes = [float(label) for label in estimator.classes_]
    if classes != [0.0, 1.0]:
        raise FitError(f"fit returned {kind} of the labels {classes}, not 0 and 1; train it on table.label")
    return booster


def _a(kind: str) -> str:
    return f"an {kind}" if kind.startswith("L") else f"a {kind}"
