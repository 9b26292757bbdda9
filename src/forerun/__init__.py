"""forerun: event streams in; exact features, model scores and governed actions out.

Declare streams, features, models and decisions in one file; see `App`. This package only describes; what is
declared runs with the command `forerun`.
"""

from forerun.actions.definition import emit
from forerun.errors import DefinitionError, ForerunError
from forerun.events.casts import to_float, to_int, to_string
from forerun.events.event import Event
from forerun.events.functions import (
    abs,
    clip,
    coalesce,
    exp,
    given,
    greatest,
    if_else,
    is_in,
    is_null,
    least,
    log,
    named,
    not_,
    one_hot,
    seconds,
    sqrt,
)
from forerun.events.geo import distance_km
from forerun.events.local import local
from forerun.events.moments import Duration, EventTime, Time
from forerun.events.rounding import ceil, floor, round
from forerun.events.text import contains, ends_with, length, lower, starts_with
from forerun.features.aggregates import count, first, last, max, mean, min, rate, skew, std, sum, var
from forerun.features.composed import ratio, share, streak, time_since
from forerun.features.custom import CustomAggregate, custom
from forerun.features.decay import ewm_count, ewm_mean
from forerun.features.distincts import approx_distinct, distinct
from forerun.features.lists import first_n, histogram, last_n, top_k
from forerun.features.on_demand import on_demand
from forerun.features.quantiles import quantile
from forerun.features.view import bind
from forerun.features.windows import calendar, hopping, last_events, session, sliding, tiled, today, tumbling
from forerun.models.definition import Model, label
from forerun.models.table import Table
from forerun.runtime.app import App

__all__ = [
    "App",
    "CustomAggregate",
    "DefinitionError",
    "Duration",
    "Event",
    "EventTime",
    "ForerunError",
    "Model",
    "Table",
    "Time",
    "abs",
    "approx_distinct",
    "bind",
    "calendar",
    "ceil",
    "clip",
    "coalesce",
    "contains",
    "count",
    "custom",
    "distance_km",
    "distinct",
    "emit",
    "ends_with",
    "ewm_count",
    "ewm_mean",
    "exp",
    "first",
    "first_n",
    "floor",
    "given",
    "greatest",
    "histogram",
    "hopping",
    "if_else",
    "is_in",
    "is_null",
    "label",
    "last",
    "last_events",
    "last_n",
    "least",
    "length",
    "local",
    "log",
    "lower",
    "max",
    "mean",
    "min",
    "named",
    "not_",
    "on_demand",
    "one_hot",
    "quantile",
    "rate",
    "ratio",
    "round",
    "seconds",
    "session",
    "share",
    "skew",
    "sliding",
    "sqrt",
    "starts_with",
    "std",
    "streak",
    "sum",
    "tiled",
    "time_since",
    "to_float",
    "to_int",
    "to_string",
    "today",
    "top_k",
    "tumbling",
    "var",
]
