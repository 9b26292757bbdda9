"""What a view is, once declared: the features of one entity, from the events of one stream or of several.

Built by `App.features`; everything is explicit here, defaults included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forerun.errors import Location
from forerun.events.canonical import digest
from forerun.events.expression import Canonical, Expr
from forerun.events.schema import StreamSpec
from forerun.events.types import TypeName
from forerun.features.aggregate import named
from forerun.features.window import Window

if TYPE_CHECKING:
    from forerun.features.custom import CustomAggregate

HIDDEN = "#"
"""In the names of features that exist only for others of their view, like "refunds#1"."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureSpec:
    """One feature: an aggregate over the events of an entity.

    Args:
        name: Its name in the view.
        agg: The aggregate's name in the plan, like count or top_k.
        arg: What is aggregated; None: the events themselves.
        where: Which events count; None: all.
        window: Which events are inside when it is read.
        params: The aggregate's parameters, as in the plan.
        type: The type of its value; "list" for a list.
        element: For a list, the type of its elements; else the same as `type`.
        length: For a list, the most elements it has; else None.
        function: What computes it, when that is a function of the user's; a plan has its name.
    """

    name: str
    agg: str
    arg: Expr | None
    where: Expr | None
    window: Window
    params: Mapping[str, object]
    type: TypeName
    element: TypeName
    length: int | None = None
    function: "CustomAggregate | None" = None

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {
            "name": self.name,
            "agg": self.agg,
            "arg": None if self.arg is None else self.arg.canonical(),
            "where": None if self.where is None else self.where.canonical(),
            "window": self.window.canonical(),
            "params": dict(self.params),
        }

    @property
    def words(self) -> str:
        """What it is, for people: "mean of Sale.amount over 1h"."""
        agg = named(self.agg, self.params)
        what = agg if self.arg is None else f"{agg} of {self.arg!r}"
        where = "" if self.where is None else f" where {self.where!r}"
        return f"{what} {self.window.words}{where}"


@dataclass(frozen=True, eq=False, kw_only=True)
class DerivedSpec:
    """A feature made of others of its view when it is read.

    Args:
        name: Its name in the view.
        expr: Over `Own` features and the time of the reading.
    """

    name: str
    expr: Expr

    @property
    def type(self) -> TypeName:
        """The type of its value."""
        return self.expr.type

    @property
    def element(self) -> TypeName:
        """The same: it is no list."""
        return self.expr.type

    @property
    def length(self) -> int | None:
        """None: it is no list."""
        return None

    def canonical(self) -> Canonical:
        """The form that is hashed; the plan has indices in place of the features' names."""
        return {"name": self.name, "expr": self.expr.canonical()}

    @property
    def words(self) -> str:
        """What it is, for people."""
        return repr(self.expr)


@dataclass(frozen=True, eq=False)
class ViewSpec:
    """The features of one kind of entity, from one stream, or from several.

    Args:
        name: The class's name.
        stream: Where its events come from; of several streams the first.
        by: The fields that are the entity's key.
        where: Which events are applied; None: all.
        features: In the order of declaration, each derived one behind the hidden ones it is made of.
        doc: The class's docstring.
        at: File and line of the declaration.
        parts: Of several streams, a view of each; empty when there is one.
    """

    name: str
    stream: StreamSpec
    by: tuple[str, ...]
    where: Expr | None
    features: tuple[FeatureSpec | DerivedSpec, ...]
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

    @property
    def shown(self) -> tuple[FeatureSpec | DerivedSpec, ...]:
        """The features that have a name of their own."""
        return tuple(feature for feature in self.features if HIDDEN not in feature.name)

    @property
    def aggregates(self) -> tuple[FeatureSpec, ...]:
        """The aggregates, hidden ones included: what state is kept for."""
        return tuple(feature for feature in self.features if isinstance(feature, FeatureSpec))

    def feature(self, name: str) -> FeatureSpec | DerivedSpec | None:
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
