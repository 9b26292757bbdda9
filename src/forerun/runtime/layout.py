"""An app as the runtime sees it: numbers for names, and what belongs together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from forerun.errors import NotFoundError
from forerun.events.canonical import digest
from forerun.events.expression import FeatureRef
from forerun.events.nearest import nearest
from forerun.features.on_demand import OnDemand

if TYPE_CHECKING:
    from forerun.actions.definition import RuleSpec
    from forerun.events.schema import StreamSpec
    from forerun.features.definition import ViewSpec
    from forerun.features.emitter import EmitterSpec
    from forerun.models.definition import ModelSpec
    from forerun.runtime.app import App

T = TypeVar("T")


@dataclass(frozen=True)
class ModelLayout:
    """One model and everything a step needs for it.

    Args:
        spec: The declaration.
        vector: Its vector's number in the plan.
        trigger: Its trigger stream's number.
        label: Its label stream's number.
        reads: Numbers of the streams its features come from.
        watched: Numbers of the streams whose age grades its answers, with their objectives (microseconds).
        rules: The rules on its predictions.
    """

    spec: "ModelSpec"
    vector: int
    trigger: int
    label: int
    reads: tuple[int, ...]
    watched: tuple[tuple[int, int], ...]
    rules: "tuple[RuleSpec, ...]"


class Layout:
    """Names and numbers of one app.

    Args:
        app: The app.
    """

    def __init__(self, app: "App") -> None:
        self.app = app.name
        self.version = app.version
        self.plan = app.plan()
        self.functions = app.functions
        plan = json.loads(self.plan)
        self.streams: Sequence[StreamSpec] = [app.streams[stream["name"]] for stream in plan["streams"]]
        self.fingerprint = _fingerprint(self.plan, app)
        self.declared: Mapping[str, ViewSpec] = app.views
        compiled = {part.name: part for view in app.views.values() for part in view.compiled}
        self.views: Sequence[ViewSpec] = [compiled[view["name"]] for view in plan["views"]]
        self.emitters: Sequence[EmitterSpec] = [
            app.emitters[emitter["name"]] for emitter in plan.get("emitters", ())
        ]
        self._streams = {spec.name: number for number, spec in enumerate(self.streams)}
        self._topics = {spec.topic: number for number, spec in enumerate(self.streams)}
        self._views = {spec.name: number for number, spec in enumerate(self.views)}
        self.models: Mapping[str, ModelLayout] = {
            vector["name"]: self._model(app, app.models[vector["name"]], number)
            for number, vector in enumerate(plan["vectors"])
        }

    def stream(self, name: str) -> int:
        """Number of a stream.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of that name.
        """
        return _named("stream", name, self._streams)

    def topic(self, topic: str) -> int:
        """Number of the stream that has a topic."""
        return self._topics[topic]

    def view(self, name: str) -> "ViewSpec":
        """A features class.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of that name.
        """
        return _named("view", name, self.declared)

    def parts(self, name: str) -> list[int]:
        """Numbers of the views that the kernel keeps for a features class, one per stream.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of that name.
        """
        return [self._views[part.name] for part in self.view(name).compiled]

    def part(self, feature: FeatureRef) -> int:
        """Number of the view that a feature is in.

        Args:
            feature: A feature of this app.
        """
        return self._views[self.view(feature.view).part(feature.feature).name]

    def emitter(self, name: str) -> "EmitterSpec":
        """A windows class.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of that name.
        """
        return _named("windows class", name, {emitter.name: emitter for emitter in self.emitters})

    def model(self, name: str) -> ModelLayout:
        """Everything about a model.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of that name.
        """
        return _named("model", name, self.models)

    def _model(self, app: "App", spec: "ModelSpec", vector: int) -> ModelLayout:
        streams = {spec.on.name} | {
            app.views[part.view].part(part.feature).stream.name
            for item in spec.inputs
            for part in item.expr.walk()
            if isinstance(part, FeatureRef)
        }
        reads = [number for number, stream in enumerate(self.streams) if stream.name in streams]
        objectives = [(number, self.streams[number].freshness_us) for number in reads]
        return ModelLayout(
            spec=spec,
            vector=vector,
            trigger=self.stream(spec.on.name),
            label=self.stream(spec.label.stream.name),
            reads=tuple(reads),
            watched=tuple((number, limit_us) for number, limit_us in objectives if limit_us is not None),
            rules=tuple(rule for rule in app.rules if rule.model == spec.name),
        )


def _fingerprint(plan: str, app: "App") -> str:
    """Hash of all that decides what vectors hold: the plan, and the functions that are not in it."""
    functions = [
        [name, item.name, item.expr.canonical()]
        for name, model in app.models.items()
        for item in model.inputs
        if isinstance(item.expr, OnDemand)
    ]
    return digest([plan, functions] if functions else plan)


def _named(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise NotFoundError(f"this app has no {kind} {name!r}.{nearest(name, known)}")
    return known[name]
