"""The plan: everything the kernel needs to know, as canonical JSON.

The format is part of the contract with the kernel; `tests/features/plan.json` is one in full.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from forerun.events.canonical import canonical_json, digest
from forerun.events.expression import Canonical, Expr
from forerun.events.schema import StreamSpec
from forerun.events.vector import VectorSpec
from forerun.features.definition import DerivedSpec, FeatureSpec, ViewSpec
from forerun.features.emitter import EmitterSpec, windowless
from forerun.features.on_demand import OnDemand

PLAN_FORMAT = 2


def compile_plan(
    streams: Sequence[StreamSpec],
    views: Sequence[ViewSpec],
    vectors: Sequence[VectorSpec],
    emitters: Sequence[EmitterSpec] = (),
) -> str:
    """Compile definitions to the kernel's plan.

    Args:
        streams: In the order their indices are to have.
        views: Likewise.
        vectors: Likewise.
        emitters: Likewise.

    Returns:
        Canonical JSON: the same definitions give the same text.
    """
    stream_index = {stream.name: index for index, stream in enumerate(streams)}
    view_of = {view.name: view for view in views}
    compiled = [part for view in views for part in view.compiled]
    view_index = {part.name: index for index, part in enumerate(compiled)}

    def by_index(feature: Canonical) -> Canonical:
        name = str(feature["feature"])
        part = view_of[str(feature["view"])].part(name)
        names = [item.name for item in part.features]
        return {**feature, "view": view_index[part.name], "feature": names.index(name)}

    closing = [
        {
            **emitter.canonical(),
            "stream": stream_index[emitter.stream.name],
            "features": [
                windowless(_own_by_index(feature, emitter.view)) for feature in emitter.view.features
            ],
        }
        for emitter in emitters
    ]
    return canonical_json(
        {
            "format": PLAN_FORMAT,
            "streams": [stream.canonical() for stream in streams],
            "views": [
                {
                    **part.canonical(),
                    "stream": stream_index[part.stream.name],
                    "features": [_own_by_index(feature, part) for feature in part.features],
                }
                for part in compiled
            ],
            "vectors": [
                {
                    "name": vector.name,
                    "on": stream_index[vector.on.name],
                    "inputs": [
                        {"name": name, "expr": _map_features(expr.canonical(), by_index)}
                        for name, expr in _read(vector)
                    ],
                }
                for vector in vectors
            ],
            **({"emitters": closing} if closing else {}),
        }
    )


def _read(vector: VectorSpec) -> Iterator[tuple[str, Expr]]:
    """What the kernel reads of a vector: of an input that a function computes, what that is given."""
    for item in vector.inputs:
        if isinstance(item.expr, OnDemand):
            for argument, expr in item.expr.args.items():
                yield f"{item.name}#{argument}", expr
        else:
            yield item.name, item.expr


def feature_version(vector: VectorSpec, views: Sequence[ViewSpec]) -> str:
    """Hex hash of a vector: its trigger, its inputs, and the version of every view they read."""
    versions = {view.name: view.version for view in views}

    def by_version(feature: Canonical) -> Canonical:
        return {**feature, "view": versions[str(feature["view"])]}

    return digest(
        {
            "on": vector.on.canonical(),
            "inputs": [
                {"name": item.name, "expr": _map_features(item.expr.canonical(), by_version)}
                for item in vector.inputs
            ],
        }
    )


def _own_by_index(feature: FeatureSpec | DerivedSpec, view: ViewSpec) -> Canonical:
    """The canonical form of a feature, with indices for the others of its view that it reads."""
    names = [item.name for item in view.features]
    mapped = _map_op(
        feature.canonical(), "own", lambda own: {**own, "feature": names.index(str(own["feature"]))}
    )
    assert isinstance(mapped, dict)
    return mapped


def _map_features(canonical: object, change: Callable[[Canonical], Canonical]) -> object:
    """A canonical form with `change` applied to each feature in it, keys first."""
    return _map_op(canonical, "feature", change)


def _map_op(canonical: object, op: str, change: Callable[[Canonical], Canonical]) -> object:
    """A canonical form with `change` applied to each part of one kind, innermost first."""
    if isinstance(canonical, list):
        return [_map_op(item, op, change) for item in canonical]
    if not isinstance(canonical, Mapping):
        return canonical
    mapped = {name: _map_op(item, op, change) for name, item in canonical.items()}
    return change(mapped) if mapped.get("op") == op else mapped
