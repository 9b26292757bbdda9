"""What a view is, once declared: the features of one entity, from the events of one stream or of several.

Built by `App.features`; everything is explicit here, defaults included.
"""

from dataclasses import dataclass

from forerun.errors import Location
from forerun.events.canonical import digest
from forerun.events.expression import Expr
from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName


@dataclass(frozen=True, eq=False)
class FeatureSpec:
    """One feature: an aggregate over the events of an entity.

    Args:
        name: Its name in the view.
        agg: count, sum, mean, min, max, var, std, rate, first or last.
        arg: What is aggregated; None: the events themselves.
        where: Which events count; None: all.
        over_us: Length of the window that ends at the reading; None: the entity's lifetime.
        per_us: For rate, the unit of time; else None.
        type: The type of its value.
    """

    name: str
    agg: str
    arg: Expr | None
    where: Expr | None
    over_us: int | None
    per_us: int | None
    type: TypeName

    def canonical(self) -> dict[str, object]:
        """The form that is hashed and compiled."""
        return {
            "name": self.name,
            "agg": self.agg,
            "arg": None if self.arg is None else self.arg.canonical(),
            "where": None if self.where is None else self.where.canonical(),
            "over_us": self.over_us,
            "per_us": self.per_us,
        }


@dataclass(frozen=True, eq=False)
class ViewSpec:
    """The features of one kind of entity, from one stream, or from several.

    Args:
        name: The class's name.
        stream: Where its events come from; of several streams the first.
        by: The fields that are the entity's key.
        where: Which events are applied; None: all.
        features: In the order of declaration.
        doc: The class's docstring.
        at: File and line of the declaration.
        parts: Of several streams, a view of each; empty when there is one.
    """

    name: str
    stream: StreamSpec
    by: tuple[str, ...]
    where: Expr | None
    features: tuple[FeatureSpec, ...]
    doc: str
    at: Location
    parts: tuple["ViewSpec", ...] = ()

    @property
    def compiled(self) -> tuple["ViewSpec", ...]:
        """The views of one stream each that the kernel keeps for it."""
        return self.parts or (self,)

    @property
    def streams(self) -> tuple[StreamSpec, ...]:
        """Where its events come from."""
        return tuple(part.stream for part in self.compiled)

    def part(self, feature: str) -> "ViewSpec":
        """The view of one stream that a feature is in."""
        return next(part for part in self.compiled if part.feature(feature) is not None)

    def over(self, stream: str) -> "ViewSpec":
        """The view of one stream, by the stream's name."""
        return next(part for part in self.compiled if part.stream.name == stream)

    def feature(self, name: str) -> FeatureSpec | None:
        """The feature of that name, or None."""
        return next((feature for feature in self.features if feature.name == name), None)

    def canonical(self) -> dict[str, object]:
        """The form that is hashed; the plan has the stream's index in place of its canonical form."""
        if self.parts:
            return {"name": self.name, "parts": [part.canonical() for part in self.parts]}
        return {
            "name": self.name,
            "stream": self.stream.canonical(),
            "by": list(self.by),
            "where": None if self.where is None else self.where.canonical(),
            "features": [feature.canonical() for feature in self.features],
        }

    @property
    def version(self) -> str:
        """Hex hash of the canonical form: same version, same bits."""
        return digest(self.canonical())
