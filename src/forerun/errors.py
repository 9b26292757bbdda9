"""Every error forerun raises, in one tree.

    ForerunError
    +-- DefinitionError          FR-DEF     an app file says something that cannot work
    |   +-- AggregateError, AppNotFoundError, BindingError, CallError, DuplicateNameError,
    |   +-- DurationError, ExpressionTypeError, FieldError, InputError, LabelError,
    |   +-- ModelDefinitionError, RuleError, TruthValueError, UnknownNameError
    +-- DataError                FR-DATA    an event, request or file does not fit its declaration
    |   +-- EventError, RequestError, SourceOrderError, StaleRequestError
    +-- StateError               FR-STATE   stored state cannot be read or written
    |   +-- AppChangedError, CommitError, ConservationError, DirectoryBusyError, DiskError,
    |   +-- LogRangeError
    +-- ModelError               FR-MODEL   a model cannot be trained, converted, loaded or run
    |   +-- ConversionError, EqualityError, FitError, ModelFileError, ScoreInputError, TrainingTableError
    +-- AccessError              FR-ACCESS  a caller is not who or what it must be
    |   +-- AddressNotLocalError, KeyFileError, KeyNameError, KeyRefusedError, OriginRefusedError,
    |   +-- RoleMissingError
    +-- UsageError               FR-USE     a command or call was given something it cannot use
        +-- AddressInUseError, ArgumentError, NotConfirmedError, NotFoundError, NothingYetError,
        +-- PathTakenError

Each class has a stable `code` for programs and a message for people: what was wrong, which value,
what to do. Catch `ForerunError` for all of them, or a branch for a group.

>>> try:
...     raise DurationError("'5x' is not a duration; write '5m'", at=("app.py", 12))
... except ForerunError as error:
...     print(error)
[FR-DEF-DURATION] app.py:12: '5x' is not a duration; write '5m'
"""

import sys
from types import FrameType
from typing import ClassVar, TypeAlias

Location: TypeAlias = tuple[str | None, int | None]
"""File and line, where known."""

_PACKAGE = __file__[: -len("errors.py")]


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


def user_line() -> Location:
    """File and line of the innermost caller outside this package: the user's own line."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return (None, None) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


class DefinitionError(ForerunError):
    """An app file says something that cannot work; the message names file and line.

    Args:
        message: What is wrong, which value, and what to write instead.
        at: File and line to blame; by default the user's line that led here.
    """

    code = "FR-DEF"

    def __init__(self, message: str, *, at: Location | None = None) -> None:
        super().__init__(message)
        self.file, self.line = at or user_line()

    def __str__(self) -> str:
        return f"[{self.code}] {self.place}{self.message}"

    @property
    def place(self) -> str:
        """File and line as far as they are known, for the beginning of a message."""
        known = [str(part) for part in (self.file, self.line) if part is not None]
        return f"{':'.join(known)}: " if self.file else ""


class AggregateError(DefinitionError):
    """An aggregate cannot be kept: wrong type of argument, or memory without a bound."""

    code = "FR-DEF-AGGREGATE"


class AppNotFoundError(DefinitionError):
    """A path holds no app, more than one, or an app file that cannot be imported."""

    code = "FR-DEF-APP"


class BindingError(DefinitionError):
    """A feature is read where its key is not known."""

    code = "FR-DEF-BINDING"


class CallError(DefinitionError):
    """A declaration is called with arguments it does not have, or without those it needs."""

    code = "FR-DEF-CALL"


class DuplicateNameError(DefinitionError):
    """Two things of one kind have the same name."""

    code = "FR-DEF-DUPLICATE"


class DurationError(DefinitionError):
    """A length of time is not written like '30m', is not positive, or is out of range."""

    code = "FR-DEF-DURATION"


class ExpressionTypeError(DefinitionError):
    """An operator or function is given types it does not take."""

    code = "FR-DEF-TYPE"


class FieldError(DefinitionError):
    """An event class declares a field, key or time that cannot be kept."""

    code = "FR-DEF-FIELD"


class InputError(DefinitionError):
    """A model's input has no name, no numeric type, or is not known when the model predicts."""

    code = "FR-DEF-INPUT"


class LabelError(DefinitionError):
    """A label cannot be joined to the predictions it should judge."""

    code = "FR-DEF-LABEL"


class ModelDefinitionError(DefinitionError):
    """A model class lacks a part or has one of the wrong shape."""

    code = "FR-DEF-MODEL"


class RuleError(DefinitionError):
    """A decision rule uses something that is not known when it is decided."""

    code = "FR-DEF-RULE"


class TruthValueError(DefinitionError):
    """An expression is used as a Python truth value: `and`, `or`, `not`, `in`, `if`."""

    code = "FR-DEF-TRUTH"


class UnknownNameError(DefinitionError, AttributeError):
    """A field, feature, stream or model of that name is not declared."""

    code = "FR-DEF-NAME"


# Data -----------------------------------------------------------------------


class DataError(ForerunError):
    """An event, request or file does not fit its declaration."""

    code = "FR-DATA"


class EventError(DataError):
    """An event does not fit its class; the message names the field.

    Args:
        message: What is wrong, which value, and what to send instead.
        field: The field to blame, or None when the event as a whole cannot be read.
    """

    code = "FR-DATA-EVENT"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class RequestError(DataError):
    """An HTTP request that cannot be answered as it is.

    Args:
        message: What is wrong, and what to send instead.
        status: The HTTP status to answer, 400 to 599.
        reason: A stable word for programs, like "unknown_field".
        field: The field to blame, or None.
    """

    code = "FR-DATA-REQUEST"

    def __init__(self, message: str, *, status: int, reason: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.field = field


class SourceOrderError(DataError):
    """A source gives no slices, or slices or arrivals out of order; a replay of it would differ."""

    code = "FR-DATA-SOURCE"


class StaleRequestError(DataError):
    """A prediction or reading is asked for at a time whose events are no longer kept."""

    code = "FR-DATA-STALE"


# State ----------------------------------------------------------------------


class StateError(ForerunError):
    """Stored state cannot be read or written."""

    code = "FR-STATE"


class AppChangedError(StateError):
    """The data directory was written by an app whose events, features or models were others."""

    code = "FR-STATE-APP"


class CommitError(StateError):
    """The disk refused a commit; nothing of it left the process, and the process must stop."""

    code = "FR-STATE-COMMIT"


class ConservationError(StateError):
    """Counts that must add up do not: events would have been lost or doubled."""

    code = "FR-STATE-COUNT"


class DiskError(StateError):
    """The disk refused a file; what was acknowledged is kept, and the process must stop."""

    code = "FR-STATE-DISK"


class DirectoryBusyError(StateError):
    """Another process holds the data directory."""

    code = "FR-STATE-BUSY"


class LogRangeError(StateError):
    """Records are asked of the log, or added to it, at offsets where they cannot be."""

    code = "FR-STATE-RANGE"


# Models ---------------------------------------------------------------------


class ModelError(ForerunError):
    """A model cannot be trained, converted, loaded or run."""

    code = "FR-MODEL"


class ConversionError(ModelError):
    """A fitted estimator has no ONNX form, so it cannot be served."""

    code = "FR-MODEL-CONVERT"


class EqualityError(ModelError):
    """A converted model does not answer what the fitted estimator answers."""

    code = "FR-MODEL-EQUAL"


class FitError(ModelError):
    """The user's `fit` failed, or returned something that is no fitted classifier."""

    code = "FR-MODEL-FIT"


class ModelFileError(ModelError):
    """A model's bytes are not what was registered, or not a model that forerun can run."""

    code = "FR-MODEL-FILE"


class ScoreInputError(ModelError):
    """Inputs handed to a model do not have its shape."""

    code = "FR-MODEL-INPUT"


class TrainingTableError(ModelError):
    """There is nothing to learn from: too few rows, one kind of label, or labels that are not 0 and 1."""

    code = "FR-MODEL-TABLE"


# Access ---------------------------------------------------------------------


class AccessError(ForerunError):
    """A caller is not who or what it must be."""

    code = "FR-ACCESS"


class AddressNotLocalError(AccessError):
    """The endpoint would be reachable from other machines and nobody has said that it may be."""

    code = "FR-ACCESS-ADDRESS"


class KeyFileError(AccessError):
    """The file of API keys cannot be read or trusted."""

    code = "FR-ACCESS-FILE"


class KeyNameError(AccessError):
    """A name of an API key, or of a role, that cannot be used."""

    code = "FR-ACCESS-NAME"


class KeyRefusedError(AccessError):
    """A request carries no API key, or one that is not valid (any more)."""

    code = "FR-ACCESS-KEY"


class OriginRefusedError(AccessError):
    """A web page, or a name that is not ours, is behind a request."""

    code = "FR-ACCESS-ORIGIN"


class RoleMissingError(AccessError):
    """An API key is valid and its roles do not cover what it asks for."""

    code = "FR-ACCESS-ROLE"


# Usage ----------------------------------------------------------------------


class UsageError(ForerunError):
    """A command or call was given something it cannot use."""

    code = "FR-USE"


class AddressInUseError(UsageError):
    """The HTTP endpoint cannot listen where it is told to."""

    code = "FR-USE-ADDRESS"


class ArgumentError(UsageError):
    """A command line argument cannot be read as what it stands for: a time, a speed, key=value."""

    code = "FR-USE-ARGUMENT"


class NotConfirmedError(UsageError):
    """A command that deletes data was not told to do so."""

    code = "FR-USE-CONFIRM"


class NotFoundError(UsageError):
    """No model, view, stream or prediction has the name that was asked for."""

    code = "FR-USE-NAME"


class NothingYetError(UsageError):
    """A command asks about a run, and the app has not been run in this data directory."""

    code = "FR-USE-EMPTY"


class PathTakenError(UsageError):
    """A new project would be written over files that exist."""

    code = "FR-USE-TAKEN"
