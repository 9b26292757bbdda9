"""What a model is, once declared: trigger, inputs, label, training; and the class users derive from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from forerun.errors import LabelError, Location
from forerun.events.duration import parse_duration
from forerun.events.event import Event
from forerun.events.expression import Call, Constant, Expr, Field, as_expr
from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName
from forerun.events.vector import InputSpec, VectorSpec
from forerun.models.table import Table

Risk: TypeAlias = Literal["low", "medium", "high"]
RISKS: tuple[Risk, ...] = ("low", "medium", "high")
SCORE = "score"
"""The name of a model's score in rules."""


class _Score:
    """The score on a model class: an expression for rules."""

    def __get__(self, instance: object, owner: type) -> Field:
        return Field(owner, SCORE, "float")


class Model:
    """Base of every model class. List its `inputs`, write `fit`, register it with `App.model`.

    `inputs` holds fields of the trigger event, features classes (all their features but times), single
    features, and expressions named with `named`. `fit` gets a `Table` and returns a fitted LightGBM or
    scikit-learn classifier.

    >>> import forerun as fr
    >>> app = fr.App("flights")
    >>> @app.stream(key="flight", lateness="1h")
    ... class Departed(fr.Event):
    ...     flight: str
    ...     at: fr.EventTime
    ...     dep_delay: float
    >>> @app.model(on=Departed, label=fr.label(Departed, Departed.dep_delay > 15, within="1d"))
    ... class Late(fr.Model):
    ...     inputs = [Departed.dep_delay]
    ...     def fit(self, table):
    ...         from lightgbm import LGBMClassifier
    ...         return LGBMClassifier().fit(table.features, table.label)
    >>> app.models["Late"].vector.names, Late.score > 0.8
    (('dep_delay',), Late.score > 0.8)
    """

    if TYPE_CHECKING:
        score: ClassVar[float]

        @property
        def inputs(self) -> Sequence[object]:
            """What the model reads; write a list."""

        def fit(self, table: Table) -> object:
            """Train on what was served; return the fitted estimator."""
    else:
        score = _Score()


@dataclass(frozen=True, eq=False)
class LabelSpec:
    """Which later event says what the right answer was.

    Args:
        stream: The stream labels come from; its key is the trigger's key.
        value: The label as an expression over its fields: a condition or a number.
        within_us: Event time after the prediction in which a label counts.
        otherwise: The label when none came in that time; None: the prediction stays unlabelled.
    """

    stream: StreamSpec
    value: Expr
    within_us: int
    otherwise: bool | float | None

    def canonical(self) -> dict[str, object]:
        """The form that is hashed."""
        return {
            "stream": self.stream.name,
            "value": self.value.canonical(),
            "within_us": self.within_us,
            "otherwise": self.otherwise,
        }


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """A model, once declared.

    Args:
        name: The class's name.
        vector: Its trigger and inputs.
        label: How its predictions are judged.
        risk: Tier that sets how strictly it is watched.
        warmup_us: Event time from the first trigger until the first training.
        model: The user's class; `fit` is called on an instance of it.
        source: The text of the class.
        code_version: Hex hash of that text.
        feature_version: Hex hash of all inputs and the views they read: same version, same bits.
        doc: The class's docstring.
        at: File and line of the declaration.
    """

    name: str
    vector: VectorSpec
    label: LabelSpec
    risk: Risk
    warmup_us: int
    model: type[Model]
    source: str
    code_version: str
    feature_version: str
    doc: str
    at: Location

    @property
    def on(self) -> StreamSpec:
        """The stream whose events trigger a prediction."""
        return self.vector.on

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """The inputs, in order."""
        return self.vector.inputs

    @property
    def fit(self) -> Callable[[Table], object]:
        """The user's training function, on a fresh instance of the class."""
        return self.model().fit

    def canonical(self) -> dict[str, object]:
        """The form that is hashed, besides the inputs, which are in the plan."""
        return {
            "name": self.name,
            "label": self.label.canonical(),
            "risk": self.risk,
            "warmup_us": self.warmup_us,
            "code_version": self.code_version,
            "feature_version": self.feature_version,
        }


@dataclass(frozen=True, eq=False)
class Label:
    """What `label` returns: a label before its stream is looked up in an app."""

    event: type[Event]
    value: Expr
    within_us: int
    otherwise: bool | float | None


def label(
    event: type[Event], value: bool | float | None, *, within: str, otherwise: bool | float | None = None
) -> Label:
    """Say which later event holds the right answer, and what it was.

    Predictions and labels are joined by the streams' key. A label counts when its event time is after the
    prediction's and at most `within` later. When the label stream's watermark passes that limit and nothing
    came, the prediction is labelled `otherwise`, or expires without a label when that is None; both are
    counted. A late label event follows the stream's lateness like any other.

    Args:
        event: The class of events that carry labels.
        value: A condition or number over their fields.
        within: Longest time from prediction to label, like '36h'.
        otherwise: The label when none came.

    Returns:
        The label, for `App.model`.

    Raises:
        LabelError: The value is no number or condition, or uses fields of other events.

    >>> from forerun.events.moments import EventTime
    >>> class Arrived(Event):
    ...     at: EventTime
    ...     delay: float
    >>> label(Arrived, Arrived.delay > 15, within="36h", otherwise=True).value
    Arrived.delay > 15.0
    """
    expr = as_expr(value)
    if expr.type not in ("bool", "int", "float"):
        raise LabelError(
            f"a label is a condition or a number; {expr!r} is {expr.type}. Write one like {expr!r} == ..."
        )
    for part in expr.walk():
        if not isinstance(part, Field | Constant | Call) or (
            isinstance(part, Field) and part.owner is not event
        ):
            raise LabelError(f"a label from {event.__name__} can use only its own fields, not {part!r}.")
    if not _fits(otherwise, expr.type):
        raise LabelError(
            f"otherwise={otherwise!r} is no label like {expr!r}, which is {expr.type}; write "
            f"{'otherwise=True or False' if expr.type == 'bool' else 'a number, like otherwise=0.0'}."
        )
    return Label(event, expr, parse_duration(within, "within"), otherwise)


def _fits(otherwise: object, type_name: TypeName) -> bool:
    """Whether a default is of the label's kind; None always is."""
    if otherwise is None:
        return True
    if type_name == "bool":
        return isinstance(otherwise, bool)
    return isinstance(otherwise, int | float) and not isinstance(otherwise, bool) and isfinite(otherwise)
