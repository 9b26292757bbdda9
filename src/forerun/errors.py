"""Every error forerun raises, in one tree.

    ForerunError
    +-- DefinitionError          FR-DEF     an app file says something that cannot work
    +-- DataError                FR-DATA    an event, request or file does not fit its declaration
    +-- StateError               FR-STATE   stored state cannot be read or written
    +-- ModelError               FR-MODEL   a model cannot be trained, converted, loaded or run
    +-- AccessError              FR-ACCESS  a caller is not who or what it must be
    +-- UsageError               FR-USE     a command or call was given something it cannot use

Each class has a stable `code` for programs and a message for people: what was wrong, which value,
what to do. Catch `ForerunError` for all of them, or a branch for a group.

>>> try:
...     raise DefinitionError("window '5x' is not a duration; write '5m'")
... except ForerunError as error:
...     print(error)
[FR-DEF] window '5x' is not a duration; write '5m'
"""

from typing import ClassVar


class ForerunError(Exception):
    """Root of the tree; never raised itself.

    Args:
        message: What was wrong, which value, and what to do.
    """

    code: ClassVar[str] = "FR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"


# Definitions ----------------------------------------------------------------


class DefinitionError(ForerunError):
    """An app file says something that cannot work; the message names file and line."""

    code = "FR-DEF"


# Data -----------------------------------------------------------------------


class DataError(ForerunError):
    """An event, request or file does not fit its declaration."""

    code = "FR-DATA"


# State ----------------------------------------------------------------------


class StateError(ForerunError):
    """Stored state cannot be read or written."""

    code = "FR-STATE"


# Models ---------------------------------------------------------------------


class ModelError(ForerunError):
    """A model cannot be trained, converted, loaded or run."""

    code = "FR-MODEL"


# Access ---------------------------------------------------------------------


class AccessError(ForerunError):
    """A caller is not who or what it must be."""

    code = "FR-ACCESS"


# Usage ----------------------------------------------------------------------


class UsageError(ForerunError):
    """A command or call was given something it cannot use."""

    code = "FR-USE"
