"""The scorer gives the same bits for a row alone, in any batch and from any thread."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from lightgbm import LGBMClassifier
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.models.data import NAMES, features, labels

from forerun.errors import ModelFileError, ScoreInputError
from forerun.models import scorer as scoring
from forerun.models.convert import convert
from forerun.models.scorer import Scorer

ROWS = features(3_000)


@pytest.fixture(scope="module")
def trees() -> bytes:
    """A model of a hundred trees."""
    model = LGBMClassifier(n_estimators=100, n_jobs=1, verbose=-1).fit(ROWS, labels(ROWS))
    return convert(model, NAMES, ROWS).onnx


def files() -> list[BaseEstimator]:
    """Models of different arithmetic: trees, sums of products, layers."""
    return [
        LGBMClassifier(n_estimators=100, n_jobs=1, verbose=-1),
        make_pipeline(SimpleImputer(), GradientBoostingClassifier(n_estimators=20)),
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        make_pipeline(
            SimpleImputer(),
            StandardScaler(),
            MLPClassifier((9,), max_iter=15, early_stopping=True, n_iter_no_change=20, random_state=0),
        ),
    ]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "estimator", files(), ids=lambda e: type(getattr(e, "steps", [("", e)])[-1][1]).__name__
)
def test_batch_equals_single_rows(estimator: BaseEstimator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row scores the same bits alone, in batches of any size, and across the scorer's own cuts."""
    scorer = Scorer(convert(estimator.fit(ROWS, labels(ROWS)), NAMES, ROWS).onnx)
    rows = features(500, seed=5)
    single = np.array([scorer.score(rows[i : i + 1])[0] for i in range(len(rows))])
    monkeypatch.setattr(scoring, "BATCH_ROWS", 100)
    for size in (2, 3, 7, 8, 16, 33, 64, 127, 500):
        batches = np.concatenate([scorer.score(rows[i : i + size]) for i in range(0, len(rows), size)])
        assert (batches.view(np.int64) == single.view(np.int64)).all(), size


def test_threads_do_not_mix_rows(trees: bytes) -> None:
    """Threads that share a scorer get the score of their own row."""
    scorer = Scorer(trees)
    rows = features(2_000, seed=6)
    expected = scorer.score(rows)
    with ThreadPoolExecutor(8) as pool:
        actual = list(pool.map(lambda i: scorer.score(rows[i : i + 1])[0], range(len(rows))))
    assert actual == expected.tolist()


def test_no_rows(trees: bytes) -> None:
    """An empty batch has an empty answer."""
    assert Scorer(trees).score(np.zeros((0, 6), np.float32)).shape == (0,)


def test_rows_in_any_memory_layout(trees: bytes) -> None:
    """Columns-first, strided and read-only arrays score like plain ones."""
    scorer = Scorer(trees)
    expected = scorer.score(ROWS[:100])
    fortran = np.asfortranarray(ROWS[:100])
    fortran.flags.writeable = False
    assert (scorer.score(fortran) == expected).all()
    assert (scorer.score(np.repeat(ROWS[:100], 2, axis=0)[::2]) == expected).all()
    assert scorer.score(fortran[3:4])[0] == expected[3]


def test_columns_are_found_by_name(trees: bytes) -> None:
    """Handed more columns in another order, the model picks its own."""
    among = ["extra", *reversed(NAMES)]
    wide = np.hstack([np.full((len(ROWS), 1), 99, np.float32), ROWS[:, ::-1]])
    scorer = Scorer(trees, among=among)
    assert (scorer.width, scorer.names) == (7, NAMES)
    assert (scorer.score(wide) == Scorer(trees).score(ROWS)).all()
    with pytest.raises(ScoreInputError, match="reads 'hour', which is not among"):
        Scorer(trees, among=NAMES[:5])


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((3, 5), np.float32),
        np.zeros((3, 7), np.float32),
        np.zeros(6, np.float32),
        np.zeros((1, 1, 6), np.float32),
        np.zeros((3, 6)),
        np.zeros((3, 6), np.int64),
    ],
    ids=str,
)
def test_other_shapes_are_refused(trees: bytes, rows: np.ndarray) -> None:
    """Too few or many inputs, and numbers that would have to be rounded, are refused with what came."""
    with pytest.raises(ScoreInputError, match="float32 rows of 6 inputs, not"):
        Scorer(trees).score(rows)


def model_of(node: onnx.NodeProto, *, columns: int = 6, facts: dict[str, str] | None = None) -> bytes:
    """A model file of one operation."""
    model = helper.make_model(
        helper.make_graph(
            [node],
            "made",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, columns])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        ),
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=8,
    )
    helper.set_model_props(model, facts or {})
    return bytes(model.SerializeToString())


FACTS = {"forerun.inputs": '["a", "b"]', "forerun.missing": "taken", "forerun.rows": "together"}
MEAN = helper.make_node("ReduceMean", ["input"], ["score"], axes=[1])


def test_made_file_runs() -> None:
    """The cases below differ from a file that works in one thing each."""
    assert Scorer(model_of(MEAN, columns=2, facts=FACTS)).score(np.array([[1, 3]], np.float32)) == [2.0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no ONNX model"),
        (b"not a model", "no ONNX model"),
        (model_of(helper.make_node("Nonsense", ["input"], ["score"])), "no ONNX model"),
        (model_of(MEAN), "lacks forerun's own metadata"),
        (model_of(MEAN, facts={**FACTS, "forerun.inputs": "{"}), "lacks forerun's own metadata"),
        (model_of(MEAN, columns=3, facts=FACTS), "on 2 named inputs"),
        (model_of(MEAN, columns=0, facts={**FACTS, "forerun.inputs": "[]"}), "on 0 named inputs"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    """Bytes that are no model of ours never score anything."""
    with pytest.raises(ModelFileError, match=reason):
        Scorer(content)


def test_cut_off_file_is_refused(trees: bytes) -> None:
    """A file cut anywhere in its last half does not load."""
    for cut in range(len(trees) // 2, len(trees) - 1, len(trees) // 40):
        with pytest.raises(ModelFileError):
            Scorer(trees[:cut])


def test_serving_needs_no_training_library() -> None:
    """Loading the scorer loads neither LightGBM nor scikit-learn nor converters, nor pandas."""
    script = (
        "import sys, forerun.models.scorer; "
        "print({'lightgbm', 'sklearn', 'onnx', 'onnxmltools', 'skl2onnx', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
