"""Plans that cannot be compiled say why, and where."""

import json
from collections.abc import Callable

import pytest
from tests.kernel.ticks import AT, B, Json, K, N, X, call, feature, plan, read_of, view

from forerun._core import Kernel, PlanError

COUNT = feature("count", over=100)


def _changed(change: Callable[[Json], object]) -> str:
    made: Json = json.loads(plan(view(COUNT), inputs={"n": read_of(0)}))
    change(made)
    return json.dumps(made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("views"), "plan: missing field `views` at line 1"),
        (lambda p: p.update(colour=1), "plan: unknown field `colour`"),
        (lambda p: p.update(hold_back_us=-1), "plan: hold_back_us is -1"),
        (lambda p: p["streams"].append(p["streams"][0]), "stream 'Tick' is there twice"),
        (lambda p: p["streams"][0].update(time="when"), "stream 'Tick': unknown field 'when'; it has: k, at"),
        (lambda p: p["streams"][0].update(time="x"), "stream 'Tick': its time field 'x' must have type time"),
        (lambda p: p["streams"][0].update(dedup_us=5, id=["x"]), "stream 'Tick': field 'x' is a float"),
        (lambda p: p["streams"][0].update(lateness_us=-5), "stream 'Tick': lateness_us is -5"),
        (lambda p: p["streams"][0].update(dedup_us=5, key=[]), "stream 'Tick': dedup_us needs an id"),
        (
            lambda p: p["streams"][0]["fields"][2].update(type="money"),
            r"stream .*, field 'x': unknown type 'money'",
        ),
        (lambda p: p["views"].append(p["views"][0]), "view 'Now' is there twice"),
        (lambda p: p["views"][0].update(stream=3), "view 'Now': there is no stream 3"),
        (lambda p: p["views"][0].update(by=["x"]), "view 'Now': stream 'Tick': field 'x' is a float"),
        (lambda p: p["views"][0].update(by=["k", "k"]), "view 'Now': .* key field 'k' is there twice"),
        (lambda p: p["views"][0].update(where=N), "view 'Now', where: a condition is a bool, 'n' is int"),
        (lambda p: p["views"][0]["features"].append(COUNT), "view 'Now': feature 'count' is there twice"),
        (lambda p: p["vectors"][0].update(on=1), "vector 'M': there is no stream 1"),
        (
            lambda p: p["vectors"][0]["inputs"][0]["expr"].update(feature=7),
            "vector 'M', input 'n': view 'Now' has no feature 7",
        ),
        (
            lambda p: p["vectors"][0]["inputs"][0]["expr"].update(key=[N]),
            r"vector 'M', input 'n': Now.count: the key is \(string\), got \(int\)",
        ),
    ],
)
def test_mistakes_in_a_plan(change: Callable[[Json], object], message: str) -> None:
    """The message names the part of the plan and the value."""
    with pytest.raises(PlanError, match=f"^{message}"):
        Kernel(_changed(change))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (feature("median", X, over=1), "unknown aggregate 'median'"),
        (feature("sum", over=1), "sum: needs an argument"),
        (feature("max", K, over=1), "max: cannot aggregate a string; compare it first"),
        (feature("mean", call("sub", AT, AT), over=1), "mean: cannot aggregate a duration; use"),
        (feature("sum", AT, over=1), "sum: cannot aggregate a time"),
        (feature("count", over=0), "window 'sliding': over_us is 0"),
        (feature("rate"), "a rate needs a window"),
        (feature("rate", over=1, per=-1), "per_us is -1"),
        (feature("count", over=1, where=X), "where: a condition is a bool, 'x' is float"),
        (feature("sum", call("add", X, B), over=1), "operation 'add' cannot take"),
        (feature("sum", read_of(0), over=1), "a feature can only be read by a vector's input"),
    ],
)
def test_mistakes_in_a_feature(made: Json, message: str) -> None:
    """The message names view, feature and what is wrong with it."""
    with pytest.raises(PlanError, match=f"^view 'Now', feature '{made['agg']}': {message}"):
        Kernel(plan(view(made)))


def test_a_plan_of_another_format_is_refused_by_name() -> None:
    """Older or newer, whatever else is in it."""
    for made in (plan(view(COUNT)), plan(view({**COUNT, "over_us": 100, "per_us": None}))):
        for other in (1, 3):
            with pytest.raises(PlanError, match=f"^plan: format {other}, this kernel reads format 2$"):
                Kernel(made.replace('"format": 2', f'"format": {other}'))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format":2}', "null", '"\\ud800"'])
def test_what_is_no_plan(text: str) -> None:
    """Anything but a plan is refused as one."""
    with pytest.raises(PlanError, match=r"^plan: "):
        Kernel(text)


def test_a_key_is_by_default_the_fields_of_that_name() -> None:
    """A feature reference without a key reads the entity of the trigger's own fields."""
    Kernel(_changed(lambda p: p["vectors"][0]["inputs"][0]["expr"].pop("key")))
