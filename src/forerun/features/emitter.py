"""Windows classes: aggregates of an entity over windows that give a row each when they close.

Built by `App.windows`. A features class is read at any time and knows the window so far; a windows class says
what was in each window, once, when nothing can be added to it any more.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from forerun.errors import AggregateError
from forerun.events.canonical import digest
from forerun.events.duration import spell_duration
from forerun.events.expression import Canonical
from forerun.events.place import line_of
from forerun.events.schema import StreamSpec
from forerun.features.definition import HIDDEN, DerivedSpec, FeatureSpec, ViewSpec
from forerun.features.view import view_of
from forerun.features.window import Hopping, Lifetime, Session

FADING = ("ewm_count", "ewm_mean")
"""Aggregates whose weights end no window."""

COLUMNS = ("start", "end")
"""Columns beside the key and the features."""


class EmitterMeta(type):
    """The class of windows classes, once declared: what they say comes when a window closes."""

    __forerun_emitter__: "EmitterSpec"

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            stream = cls.__forerun_emitter__.stream.name
            raise AggregateError(
                f"{cls.__name__}.{name} is known only when a window closes; to read it any time, declare it "
                f"with @app.features({stream}, by=...) and an over= of its own."
            )


@dataclass(frozen=True, eq=False)
class EmitterSpec:
    """A windows class, once declared.

    Args:
        view: Its name, stream, key, condition and aggregates.
        window: Which windows there are.
        topic: Where each row is sent besides, once; None: nowhere. No part of the plan.
    """

    view: ViewSpec
    window: Hopping | Session
    topic: str | None = None

    @property
    def name(self) -> str:
        """The class's name."""
        return self.view.name

    @property
    def stream(self) -> StreamSpec:
        """Where its events come from."""
        return self.view.stream

    @property
    def features(self) -> tuple[FeatureSpec | DerivedSpec, ...]:
        """The features that have a name of their own, in the order of declaration."""
        return self.view.shown

    @property
    def words(self) -> str:
        """Which windows, as people say it: "1h every 5m"."""
        if isinstance(self.window, Session):
            longest = spell_duration(self.window.max_us)
            return f"sessions with gaps up to {spell_duration(self.window.gap_us)}, {longest} at most"
        size, hop = spell_duration(self.window.size_us), spell_duration(self.window.hop_us)
        return size if size == hop else f"{size} every {hop}"

    def canonical(self) -> dict[str, object]:
        """The form that is hashed; the plan has the stream's index in place of its canonical form."""
        features = [windowless(feature.canonical()) for feature in self.view.features]
        return {**self.view.canonical(), "window": self.window.canonical(), "features": features}

    @property
    def version(self) -> str:
        """Hex hash of the canonical form: same version, same bits."""
        return digest(self.canonical())


def windowless(feature: Canonical) -> Canonical:
    """The canonical form of a feature whose window is that of its class.

    >>> windowless({"name": "n", "window": {"kind": "lifetime"}})
    {'name': 'n'}
    """
    return {name: value for name, value in feature.items() if name != "window"}


def emitter_of(
    cls: type,
    stream: StreamSpec,
    *,
    by: tuple[str, ...],
    over: object,
    where: object,
    topic: str | None = None,
) -> EmitterSpec:
    """Read the body of a windows class.

    Args:
        cls: The user's class.
        stream: The stream its aggregates run over.
        by: Names of the key's fields.
        over: What `hopping`, `tumbling` or `session` returned.
        where: A condition on the stream's events, or None.
        topic: Where each row is sent besides, or None.

    Returns:
        The emitter.

    Raises:
        AggregateError: Windows that never close; an aggregate with a window of its own, or one that needs
            another.
    """
    name = cls.__name__
    if not isinstance(over, Hopping | Session):
        raise AggregateError(
            f"{name}: over={over!r} never closes; write over=fr.tumbling('1h'), fr.hopping('1h', every='5m') "
            "or fr.session('30m', max='1d')."
        )
    view = view_of(cls, (stream,), by, where, closing=True)
    for feature in view.features:
        shown = feature.name.partition(HIDDEN)[0]
        place = line_of(shown, name, view.at)
        if isinstance(feature, FeatureSpec):
            if feature.agg in FADING:
                raise AggregateError(
                    f"{name}.{shown}: weights that fade know no closed window; write fr.mean or fr.count.",
                    at=place,
                )
            if not isinstance(feature.window, Lifetime):
                raise AggregateError(
                    f"{name}.{shown} has a window of its own; leave out its over=, all of {name} is over "
                    "the same windows.",
                    at=place,
                )
            if feature.agg == "rate" and isinstance(over, Session):
                raise AggregateError(
                    f"{name}.{shown}: a session has no fixed length of time; write fr.count or fr.sum.",
                    at=place,
                )
        if feature.name in (*by, *COLUMNS):
            raise AggregateError(
                f"{name}.{feature.name}: {feature.name!r} is a column of its own beside the aggregates; "
                "rename it.",
                at=place,
            )
    for part in by:
        if part in COLUMNS:
            raise AggregateError(f"{name}: by={part!r} has the name of a column beside the key; rename it.")
    return EmitterSpec(view, over, topic)


def emitter_class(emitter: EmitterSpec) -> EmitterMeta:
    """The class the user goes on with.

    Args:
        emitter: The emitter.
    """
    cls = EmitterMeta(emitter.name, (), {"__doc__": emitter.view.doc})
    cls.__forerun_emitter__ = emitter
    return cls
