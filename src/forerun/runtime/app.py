"""`App`: the one object an app file makes. It records declarations; it runs nothing and reads nothing."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast, overload

from forerun.actions.definition import EmitSpec, RuleSpec, rule_of
from forerun.errors import (
    CallError,
    DuplicateNameError,
    LabelError,
    ModelDefinitionError,
    RuleError,
    UnknownNameError,
    user_line,
)
from forerun.events.calls import declared
from forerun.events.canonical import digest
from forerun.events.duration import parse_duration
from forerun.events.event import Event
from forerun.events.expression import Expr
from forerun.events.nearest import nearest
from forerun.events.schema import StreamSpec
from forerun.events.stream import key_fields, shared_key, stream_of
from forerun.features.custom import Functions, functions_of
from forerun.features.definition import ViewSpec
from forerun.features.emitter import EmitterSpec, emitter_class, emitter_of
from forerun.features.inputs import vector_of
from forerun.features.latest import latest
from forerun.features.plan import compile_plan, feature_version
from forerun.features.view import view_class, view_of
from forerun.features.window import Hopping, Session
from forerun.models.code import check_fit, source_of
from forerun.models.definition import RISKS, SCORE, Label, LabelSpec, Model, ModelSpec, Risk

if TYPE_CHECKING:
    from forerun.streams.source import Source

E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=Model)
V = TypeVar("V")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")


class App:
    """Streams, features, models and decisions, declared.

    Args:
        name: Small letters, digits, `-` and `_`; names data, metrics and ids.
        source: Where events come from when the app runs; None: from its HTTP endpoint only.

    Attributes:
        streams: By name, in the order of declaration; likewise `views`, `emitters` (windows
            classes) and `models`.
        rules: In the order of declaration.

    Raises:
        DefinitionError: By every method, at the line of the mistake.

    >>> from forerun.events.moments import EventTime
    >>> from forerun.features.aggregates import count
    >>> app = App("shop")
    >>> @app.stream(key="customer", lateness="10m")
    ... class Bought(Event):
    ...     customer: str
    ...     at: EventTime
    >>> @app.features(Bought, by="customer")
    ... class Customer:
    ...     bought_1d = count(over="1d")
    >>> app
    App('shop'): 1 stream, 1 view, 0 models, 0 rules
    >>> app.views["Customer"].features[0].words
    'count over 1d'
    """

    @declared
    def __init__(self, name: str, *, source: "Source | None" = None) -> None:
        _check_name(name)
        self.name = name
        self.source = source
        self.streams: dict[str, StreamSpec] = {}
        self.views: dict[str, ViewSpec] = {}
        self.emitters: dict[str, EmitterSpec] = {}
        self.models: dict[str, ModelSpec] = {}
        self.rules: list[RuleSpec] = []

    def __repr__(self) -> str:
        kinds = {"stream": len(self.streams), "view": len(self.views), "model": len(self.models)}
        kinds["rule"] = len(self.rules)
        counts = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in kinds.items())
        return f"App({self.name!r}): {counts}"

    @overload
    def stream(
        self,
        event: type[E],
        /,
        *,
        key: str | Sequence[str],
        lateness: str,
        freshness: str | None = None,
        max_skew: str = "5m",
        duplicates: str | None = None,
        id: str | Sequence[str] | None = None,
        idle: str | None = None,
        topic: str | None = None,
    ) -> type[E]: ...

    @overload
    def stream(
        self,
        event: None = None,
        /,
        *,
        key: str | Sequence[str],
        lateness: str,
        freshness: str | None = None,
        max_skew: str = "5m",
        duplicates: str | None = None,
        id: str | Sequence[str] | None = None,
        idle: str | None = None,
        topic: str | None = None,
    ) -> Callable[[type[E]], type[E]]: ...

    @declared
    def stream(
        self,
        event: type[E] | None = None,
        /,
        *,
        key: str | Sequence[str],
        lateness: str,
        freshness: str | None = None,
        max_skew: str = "5m",
        duplicates: str | None = None,
        id: str | Sequence[str] | None = None,  # noqa: A002  # the word every log uses
        idle: str | None = None,
        topic: str | None = None,
    ) -> type[E] | Callable[[type[E]], type[E]]:
        """Declare a stream of events: as a decorator, or with the event class as first argument.

        Args:
            event: The event class, when it is made elsewhere.
            key: The field or fields that identify the entity; partitions the stream and joins labels.
            lateness: How far behind the newest event an event may be and still count, like '30m'. Later ones
                are not applied, but kept with the reason and counted.
            freshness: Objective for the age of the newest event; alerts use it, values do not.
            max_skew: How far ahead of its arrival an event's time may be; beyond, it is quarantined.
            duplicates: How long an event's id is remembered; a copy in that time is dropped and counted.
            id: The field or fields that identify one event, for `duplicates`; by default the key.
            idle: Silence after which a partition no longer holds back the watermark.
            topic: Its name in a log; by default the class's name as small letters.

        Returns:
            A decorator for an event class; the class itself when it was given.
        """

        def declare(event: type[E]) -> type[E]:
            spec = stream_of(
                event,
                key=key,
                lateness=lateness,
                freshness=freshness,
                max_skew=max_skew,
                duplicates=duplicates,
                id=id,
                idle=idle,
                topic=topic,
            )
            _refuse_second(self.streams, "stream", spec.name)
            if spec.topic in [other.topic for other in self.streams.values()]:
                raise DuplicateNameError(
                    f"{spec.name}: topic {spec.topic!r} is another stream's; write topic='...'."
                )
            self.streams[spec.name] = spec
            return event

        return declare if event is None else declare(event)

    @declared
    def features(
        self,
        stream: type[Event] | Sequence[type[Event]],
        *,
        by: str | Sequence[str],
        where: bool | None = None,
    ) -> Callable[[type[V]], type[V]]:
        """Declare features of an entity, from the events of one stream or of several.

        Args:
            stream: The event class, or a list of them: then each aggregate runs over the stream that its
                fields are of, and `fr.count(of=...)` says which one it counts.
            by: The field or fields that are the entity's key; of several streams, all have them, of the same
                types. An event without one belongs to no entity.
            where: Only events where this holds are applied; of several streams, write it in the aggregates.

        Returns:
            A decorator for a class of aggregates, like `delay_1h = fr.mean(..., over="1h")`.
        """
        events = list(stream) if isinstance(stream, list | tuple) else [stream]
        specs = [self._declared_stream(event, "features") for event in events]
        parts = shared_key("features", by, specs)

        def declare(cls: type[V]) -> type[V]:
            view = view_of(cls, specs, parts, where)
            _refuse_second(self.views, "features class", view.name)
            _refuse_second(self.streams, "stream", view.name)
            _refuse_second(self.emitters, "windows class", view.name)
            functions_of([*self._aggregating(), view])
            self.views[view.name] = view
            return cast(type[V], view_class(view, (None,) * len(parts)))

        return declare

    @declared
    def windows(
        self,
        stream: type[Event],
        *,
        by: str | Sequence[str],
        over: Hopping | Session,
        where: bool | None = None,
        do: EmitSpec | None = None,
    ) -> Callable[[type[V]], type[V]]:
        """Declare aggregates of an entity over windows, a row for each window when it closes.

        A window closes when the watermark has passed its end: no event that still counts can belong to it.

        Args:
            stream: The event class.
            by: The field or fields that are the entity's key. An event without one is in no window.
            over: Which windows: `fr.tumbling("1h")`, `fr.hopping("1h", every="5m")` or
                `fr.session("30m", max="1d")`.
            where: Only events where this holds are in a window.
            do: Send each row to a topic of its own besides, like `fr.emit("hourly")`, once.

        Returns:
            A decorator for a class of aggregates without `over=`, like `mean_delay = fr.mean(...)`.
        """
        spec = self._declared_stream(stream, "windows")
        parts = key_fields("windows", "by", by, stream)
        topic = self._topic_of_windows(do)

        def declare(cls: type[V]) -> type[V]:
            emitter = emitter_of(cls, spec, by=parts, over=over, where=where, topic=topic)
            _refuse_second(self.emitters, "windows class", emitter.name)
            _refuse_second(self.views, "features class", emitter.name)
            _refuse_second(self.streams, "stream", emitter.name)
            functions_of([*self._aggregating(), emitter.view])
            self.emitters[emitter.name] = emitter
            return cast(type[V], emitter_class(emitter))

        return declare

    @declared
    def model(
        self, *, on: type[Event], label: Label, risk: Risk = "low", warmup: str = "30d"
    ) -> Callable[[type[M]], type[M]]:
        """Declare a model.

        Args:
            on: The event class that triggers a prediction; features know that event too.
            label: What `label` returns.
            risk: Tier that sets how strictly the model is watched.
            warmup: Event time from the first trigger until the first training. Until then vectors are
                recorded and no score is given.

        Returns:
            A decorator for a model class.
        """
        spec = self._declared_stream(on, "model(on=...)")
        wanted = self._label(spec, label)
        if risk not in RISKS:
            raise ModelDefinitionError(f"risk={risk!r} is no tier.{nearest(str(risk), RISKS)}")
        warmup_us = parse_duration(warmup, "warmup")

        def declare(cls: type[M]) -> type[M]:
            model = self._model(cls, spec, wanted, risk, warmup_us)
            self.models[model.name] = model
            return cls

        return declare

    @declared
    def decide(self, model: type[Model], *, when: bool, do: EmitSpec, name: str | None = None) -> None:
        """Declare a decision: what to do when a prediction calls for it.

        Args:
            model: A declared model class.
            when: A condition over its score, the trigger event's fields, and its inputs. Null is false.
            do: What to do, like `fr.emit("rebooking")`.
            name: The rule's name; by default the model's and the topic's.
        """
        spec = next((spec for spec in self.models.values() if spec.model is model), None)
        if spec is None:
            shown = getattr(model, "__name__", repr(model))
            raise UnknownNameError(
                f"decide({shown}, ...): no such model in this app; declare it with @app.model."
                f"{nearest(shown, self.models)}"
            )
        condition: object = when
        if isinstance(condition, Expr):
            condition = latest(condition, spec.on, self.streams.values())
        rule = rule_of(name, condition, do, model=model, vector=spec.vector, at=user_line())
        if rule.do.topic in self._sent().values():
            raise DuplicateNameError(
                f"{rule.name}: topic {rule.do.topic!r} is that of a windows class; write do=fr.emit('other')."
            )
        if rule.name in [other.name for other in self.rules]:
            raise DuplicateNameError(f"there is already a rule called {rule.name!r}; write name='...'.")
        self.rules.append(rule)

    def plan(self) -> str:
        """What the kernel runs, as canonical JSON: the same declarations give the same text."""
        vectors = [model.vector for model in self.models.values()]
        streams, views = tuple(self.streams.values()), tuple(self.views.values())
        return compile_plan(streams, views, vectors, tuple(self.emitters.values()))

    @property
    def functions(self) -> Functions:
        """The functions of custom aggregates that the plan calls, by name."""
        return functions_of(self._aggregating())

    def _aggregating(self) -> list[ViewSpec]:
        return [*self.views.values(), *(emitter.view for emitter in self.emitters.values())]

    @property
    def version(self) -> str:
        """Hex hash of everything declared, training code included."""
        return digest(
            {
                "name": self.name,
                "plan": self.plan(),
                "streams": [[spec.name, spec.topic, spec.freshness_us] for spec in self.streams.values()],
                "models": [model.canonical() for model in self.models.values()],
                "rules": [rule.canonical() for rule in self.rules],
                **({"sent": sent} if (sent := self._sent()) else {}),
            }
        )

    def _declared_stream(self, event: object, what: str) -> StreamSpec:
        for spec in self.streams.values():
            if spec.event is event:
                return spec
        shown = getattr(event, "__name__", repr(event))
        raise UnknownNameError(
            f"{what}: {shown} is no stream of this app; write @app.stream(key=..., lateness=...) above it."
            f"{nearest(shown, self.streams)}"
        )

    def _topic_of_windows(self, do: object) -> str | None:
        if do is None:
            return None
        if not isinstance(do, EmitSpec):
            raise RuleError(f"windows: do={do!r} is no action; write do=fr.emit('topic').")
        taken = [rule.do.topic for rule in self.rules] + list(self._sent().values())
        if do.topic in taken or do.topic in [spec.topic for spec in self.streams.values()]:
            raise DuplicateNameError(
                f"windows: topic {do.topic!r} holds something else already; write do=fr.emit('other')."
            )
        return do.topic

    def _sent(self) -> dict[str, str]:
        """The topics of windows classes that have one."""
        return {name: emitter.topic for name, emitter in self.emitters.items() if emitter.topic is not None}

    def _label(self, on: StreamSpec, label: object) -> LabelSpec:
        if not isinstance(label, Label):
            raise LabelError(
                f"label={label!r} is no label; write label=fr.label(Event, Event.field > 0, within='1d')."
            )
        stream = self._declared_stream(label.event, "label")
        if _typed_key(stream) != _typed_key(on):
            raise LabelError(
                f"labels are joined by key: {stream.name} has key={list(stream.key)} and {on.name} has "
                f"key={list(on.key)}; give both streams the same key fields, of the same types."
            )
        return LabelSpec(stream, label.value, label.within_us, label.otherwise)

    def _model(self, cls: object, on: StreamSpec, label: LabelSpec, risk: Risk, warmup_us: int) -> ModelSpec:
        if not (isinstance(cls, type) and issubclass(cls, Model)):
            name = getattr(cls, "__name__", repr(cls))
            raise ModelDefinitionError(f"{name} is no model class; write `class {name}(fr.Model):`.")
        name = cls.__name__
        _refuse_second(self.models, "model", name)
        if on.field(SCORE) is not None:
            raise DuplicateNameError(
                f"{name}: {on.name} has a field called {SCORE!r}, which rules cannot tell from the model's "
                "score; rename the field."
            )
        items = getattr(cls, "inputs", None)
        if not isinstance(items, list | tuple) or not items:
            raise ModelDefinitionError(
                f"{name} has no list of inputs; write `inputs = [{on.name}.field, ...]`."
            )
        check_fit(cls)
        streams = tuple(self.streams.values())
        vector, self.views = vector_of(name, on, items, streams=streams, views=self.views)
        source = source_of(cls)
        return ModelSpec(
            name=name,
            vector=vector,
            label=label,
            risk=risk,
            warmup_us=warmup_us,
            model=cls,
            source=source,
            code_version=digest(source),
            feature_version=feature_version(vector, tuple(self.views.values())),
            doc=inspect.cleandoc(vars(cls).get("__doc__") or ""),
            at=user_line(),
        )


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CallError(f"App({name!r}): a name is small letters, digits, '-' and '_'; write App('flights').")


def _refuse_second(existing: Mapping[str, object], kind: str, name: str) -> None:
    if name in existing:
        raise DuplicateNameError(f"there is already a {kind} called {name!r}; rename one.")


def _typed_key(stream: StreamSpec) -> list[tuple[str, str]]:
    return [(field.name, field.type) for part in stream.key if (field := stream.field(part)) is not None]
