"""Calls the user's `fit`, repeatably, and says where it went wrong when it did."""

import traceback

from forerun.errors import FitError, ForerunError
from forerun.models.definition import ModelSpec
from forerun.models.repeatable import repeatable
from forerun.models.table import Table


def fitted(spec: ModelSpec, table: Table) -> object:
    """Fit a fresh instance of the user's class.

    Args:
        spec: The model.
        table: Labelled rows; fewer inputs than the model declares make a smaller model.

    Returns:
        What `fit` returned.

    Raises:
        FitError: `fit` raised.
    """
    try:
        with repeatable():
            return spec.fit(table)
    except ForerunError:
        raise
    except Exception as exc:  # it is the user's code: anything can come out of it
        advice = ""
        if isinstance(exc, ModuleNotFoundError):
            advice = "; install it (pip install 'forerun[train]' has LightGBM and scikit-learn)"
        raise FitError(
            f"{spec.name}.fit raised {type(exc).__name__}{_where(spec, exc)}: {exc}{advice}"
        ) from exc


def _where(spec: ModelSpec, exc: Exception) -> str:
    """The innermost line of the file that declares the model, where the user can look."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == spec.at[0]
    ]
    return f" at {spec.at[0]}:{lines[-1]}" if lines else ""
