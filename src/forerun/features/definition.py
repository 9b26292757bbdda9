"""What a view is, once declared: the features of one entity, from the events of one stream.

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
    """The features of one kind of entity, from one stream.

    Args:
        name: The class's name.
        stream: Where its events come from.
        by: The fields that are the entity's key.
        where: Which events are applied; None: all.
        features: In the order of declaration.
        doc: The class's docstring.
        at: File and line of the declaration.
    """

    name: str
    stream: StreamSpec
    by: tuple[str, ...]
    where: Expr | None
    features: tuple[FeatureSpec, ...]
    doc: str
    at: Location

    def feature(self, name: str) -> FeatureSpec | None:
        """The feature of that name, or None."""
        return next((feature for feature in self.features if feature.name == name), None)

    def canonical(self) -> dict[str, object]:
        """The form that is hashed; the plan has the stream's index in place of its canonical form."""
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
