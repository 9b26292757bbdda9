"""The user's training code: that it can be called, and what it says."""

import inspect

from forerun.errors import ModelDefinitionError
from forerun.events.source import source_text
from forerun.models.definition import Model


def check_fit(cls: type[Model]) -> None:
    """Refuse a model class whose `fit` cannot be called with one table.

    Args:
        cls: The user's class.

    Raises:
        ModelDefinitionError: No `fit`, or one with other parameters.
    """
    fit = getattr(cls, "fit", None)
    if fit is None:
        raise ModelDefinitionError(
            f"{cls.__name__} has no fit; write `def fit(self, table: fr.Table) -> object:` that returns a "
            "fitted LightGBM or scikit-learn classifier."
        )
    try:
        inspect.signature(fit).bind(cls, None)
    except TypeError as error:
        raise ModelDefinitionError(
            f"{cls.__name__}.fit is called with one table; write `def fit(self, table: fr.Table) -> object:`."
        ) from error


def source_of(cls: type[Model]) -> str:
    """The text of a model class; where there is none, what Python made of its `fit`.

    Args:
        cls: The user's class.

    Returns:
        Text that changes when the class does.
    """
    return source_text(cls, cls.fit)
