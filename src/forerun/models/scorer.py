"""Scores rows with a model file, on one thread, the same bits for a row alone and in any batch."""

import json
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from forerun.errors import ModelFileError, ScoreInputError
from forerun.models.file import INPUT, INPUTS_KEY, MISSING_KEY, OUTPUT, ROWS_KEY

BATCH_ROWS = 4_096
"""Rows per call of the runtime; larger batches are cut, which bounds its memory and changes no bit."""

INPUTS_MAX = 10_000

_WARM_UP_ROWS = 64

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]


class Scorer:
    """A loaded model. Threads may share it; it has been warmed up when the constructor returns.

    A single row takes the short way: a buffer bound once, no dictionary, no allocation. Beside it, batches
    go to the runtime whole, or row by row for models whose arithmetic would depend on the number of rows.

    Args:
        onnx: A file as written by `models.convert.convert`.
        among: Names of the columns that will be handed in, when these are more than, or ordered unlike,
            the model's own: it then picks its inputs by name.

    Raises:
        ModelFileError: The bytes are not such a file.
        ScoreInputError: The model has an input that is not `among` the columns.
    """

    def __init__(self, onnx: bytes, *, among: Sequence[str] | None = None) -> None:
        self._session = _session(onnx)
        facts = self._session.get_modelmeta().custom_metadata_map
        try:
            self.names = tuple(str(name) for name in json.loads(facts[INPUTS_KEY]))
            self.takes_missing = facts[MISSING_KEY] == "taken"
            self._together = facts[ROWS_KEY] == "together"
        except (KeyError, ValueError, TypeError) as exc:
            raise ModelFileError(f"the model lacks forerun's own metadata ({exc!r}); train it again") from exc
        self._check_shape()
        self._columns = None if among is None else _columns(self.names, among)
        self.width = len(self.names) if among is None else len(among)
        """Columns that `score` expects."""
        self._lock = threading.Lock()
        self._row = np.zeros((1, len(self.names)), np.float32)
        self._score = np.zeros((1, 1), np.float32)
        self._binding = self._bound()
        self._warm_up()

    def score(self, features: Features) -> Scores:
        """Probability of label 1 for each row.

        Args:
            features: float32, one row per prediction, `width` columns; NaN where an input is missing.

        Returns:
            One score per row. NaN where the model does not take missing inputs and the row has one.

        Raises:
            ScoreInputError: Another shape or type.
        """
        if features.dtype != np.float32 or features.ndim != 2 or features.shape[1] != self.width:
            raise ScoreInputError(
                f"the model takes float32 rows of {self.width} inputs, not {features.dtype} "
                f"of shape {features.shape}"
            )
        if self._columns is not None:
            features = features[:, self._columns]
        if len(features) == 1:
            scores = np.array([self._single(features)])
        elif self._together:
            scores = self._batch(features)
        else:
            scores = np.array([self._single(row[np.newaxis]) for row in features], np.float64)
        if not self.takes_missing:
            scores[np.isnan(features).any(axis=1)] = np.nan
        return scores

    def _single(self, row: Features) -> float:
        with self._lock:
            self._row[:] = row
            self._session.run_with_iobinding(self._binding)
            return float(self._score[0, 0])

    def _batch(self, features: Features) -> Scores:
        scores = np.empty(len(features), np.float64)
        for start in range(0, len(features), BATCH_ROWS):
            part = np.ascontiguousarray(features[start : start + BATCH_ROWS])
            scores[start : start + BATCH_ROWS] = self._session.run([OUTPUT], {INPUT: part})[0][:, 0]
        return scores

    def _bound(self) -> object:
        binding = self._session.io_binding()
        for bind, name, buffer in (
            (binding.bind_input, INPUT, self._row),
            (binding.bind_output, OUTPUT, self._score),
        ):
            bind(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
        return binding

    def _warm_up(self) -> None:
        """Pay for first calls here, and find out here if the model does not run."""
        rows = np.zeros((_WARM_UP_ROWS, self.width), np.float32)
        rows[1::2] = np.nan
        try:
            for row in rows:
                self.score(row[np.newaxis])
            self.score(rows)
        except _FAILURES as exc:
            raise ModelFileError(f"the model does not run: {exc}; train it again") from exc

    def _check_shape(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = [(x.name, x.type, len(x.shape)) for x in (*inputs, *outputs)]
        expected = [(INPUT, "tensor(float)", 2), (OUTPUT, "tensor(float)", 2)]
        columns = inputs[0].shape[1] if inputs and len(inputs[0].shape) == 2 else None
        if found != expected or columns != len(self.names) or not 0 < len(self.names) <= INPUTS_MAX:
            raise ModelFileError(
                f"the model computes {found}, not {expected} on {len(self.names)} named inputs; "
                "train it again"
            )


_FAILURES = (
    runtime.EPFail,
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)


def _session(onnx: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One row takes ten microseconds: handing parts of it to other threads costs more, and threads that
    # spin for the next row take whole cores from the rest of the process.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except _FAILURES as exc:
        raise ModelFileError(f"these bytes are no ONNX model that can run: {exc}; train it again") from exc


def _columns(names: Sequence[str], among: Sequence[str]) -> npt.NDArray[np.intp] | None:
    """Places of the model's inputs among the columns; None when these are the same."""
    missing = [name for name in names if name not in among]
    if missing:
        raise ScoreInputError(
            f"the model reads {missing[0]!r}, which is not among {', '.join(among)}; "
            "it was trained on other inputs: train it again"
        )
    return (
        None if list(names) == list(among) else np.array([list(among).index(name) for name in names], np.intp)
    )
