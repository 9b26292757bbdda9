"""Aggregates of values, lists, text and derived features, beside the oracle and for small numbers by hand."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from tests.kernel.ticks import AT, B, Json, K, N, X, apply, call, literal, plan, rows_of, stream, values, view

from forerun._core import Kernel, PlanError
from forerun.testing.nasty import nasty_log
from forerun.testing.parity.order import order
from forerun.testing.parity.play import Log
from forerun.testing.parity.replay import replay
from forerun.testing.parity.subject import Subject
from forerun.testing.parity.truth import truth

MINUTE_US = 60_000_000
LIFETIME: Json = {"kind": "lifetime"}
SHORT: Json = {"kind": "sliding", "over_us": 100, "ago_us": 0}
WINDOWS: Mapping[str, Json] = {
    "2m": {"kind": "sliding", "over_us": 2 * MINUTE_US, "ago_us": 0},
    "ago": {"kind": "sliding", "over_us": 60 * MINUTE_US, "ago_us": MINUTE_US},
    "hop": {"kind": "hopping", "size_us": 10 * MINUTE_US, "hop_us": 5 * MINUTE_US},
    "session": {"kind": "session", "gap_us": MINUTE_US, "max_us": 30 * MINUTE_US},
    "last": {"kind": "last", "events": 70},
    "lifetime": LIFETIME,
}


def _field(name: str) -> Json:
    return {"op": "field", "name": name}


def _made(agg: str, arg: Json | None = None, **settings: Any) -> Json:
    """A feature in format 2: `name`, `where`, `window` by keyword; the rest are its settings."""
    name, where = settings.pop("name", agg), settings.pop("where", None)
    window = settings.pop("window", SHORT)
    return {"name": name, "agg": agg, "arg": arg, "where": where, "window": window, "params": settings}


def _derived(name: str, expr: Json) -> Json:
    return {"name": name, "expr": expr}


def _own(feature: int) -> Json:
    return {"op": "own", "feature": feature}


def _everything() -> str:
    """Every aggregate of values over every window that it can have, and features made of others."""
    amount, units, item, paid = _field("amount"), _field("units"), _field("item"), _field("paid")
    big = call("gt", amount, literal("float", 10.0))
    among = ["ax", "the longest of names", "b"]
    features: list[Json] = []
    for label, window in WINDOWS.items():
        keeps = label != "lifetime"
        lists: list[Json] = [
            _made("skew", units, name="skew"),
            _made("skew", amount, where=paid, name="skew_amount"),
            _made("distinct", item, **({} if keeps else {"max": 5}), name="distinct"),
            _made("distinct", amount, max=7, name="distinct_max"),
            _made("approx_distinct", units, name="approx"),
            _made("approx_distinct", item, where=paid, name="approx_item"),
            _made("quantile", amount, q=0.5, name="median"),
            _made("quantile", units, q=0.9, where=paid, name="q90"),
            _made("streak", paid, name="streak"),
            _made("streak", big, where=paid, name="streak_big"),
            _made("first_n", amount, n=3, name="first_n"),
            _made("last_n", item, n=4, name="last_n"),
            _made("last_n", units, n=2, where=big, name="last_big"),
            _made("first", item, name="first"),
            _made("last", item, where=paid, name="last"),
            _made("first_n", item, n=2, where=paid, name="first_items"),
            _made("top_k", item, n=2, **({} if keeps else {"among": among}), name="top"),
            _made("top_k", units, n=3, among=[0, 3, -1, 7], name="top_units"),
            _made("histogram", amount, edges=[-5, 0, 2.5, 100], name="bins"),
            _made("histogram", units, edges=[0, 1], where=paid, name="bins_units"),
            _made("mean", amount, name="mean#"),
        ]
        if keeps:
            lists += [_made("top_k", amount, n=3, where=paid, name="top_amount")]
        else:
            half_life = 3 * MINUTE_US
            lists += [
                _made("ewm_count", half_life_us=half_life, name="ewm_count"),
                _made("ewm_mean", amount, half_life_us=half_life, name="ewm_mean"),
                _made("ewm_mean", units, half_life_us=20, where=big, name="ewm_fast"),
                _made("last", _field("at"), name="last_at"),
            ]
        start = len(features)
        features += [{**made, "name": f"{made['name']}_{label}", "window": window} for made in lists]
        features.append(_derived(f"above_{label}", call("sub", _own(start + 6), _own(start + 20))))
    since = call("sub", {"op": "now"}, _own([made["name"] for made in features].index("last_at_lifetime")))
    features.append(_derived("since", since))
    features.append(_derived("seconds", call("seconds", _own(len(features) - 1))))
    fields = {
        "shop": "string",
        "item": "string?",
        "at": "time",
        "amount": "float?",
        "units": "int",
        "paid": "bool",
    }
    listed = [
        {"name": name, "type": kind.rstrip("?"), "nullable": kind.endswith("?")}
        for name, kind in fields.items()
    ]
    sale = {**stream("Sale", lateness=30_000_000), "fields": listed, "key": ["shop"]}
    shop = {"name": "Shop", "stream": 0, "by": ["shop"], "where": None, "features": features}
    return json.dumps({"format": 2, "streams": [sale], "views": [shop], "vectors": []})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
def test_every_value_equals_the_oracle(seed: int) -> None:
    """Each aggregate over each window, as of every event of a nasty stream and read at other times."""
    subject = Subject(_everything())
    level = truth(subject, nasty_log(seed, 300, subject.shapes), seed=seed)
    assert level.first is None, level.first.explained
    assert level.cells > 20_000


@pytest.mark.timeout(300)
def test_steps_threads_and_order_do_not_matter() -> None:
    """One hash of values and state, however the log is cut and in whatever order its events came."""
    subject = Subject(_everything())
    log = nasty_log(7, 1500, subject.shapes)
    levels = [replay(Log(subject, log)), order(subject, log, permutations=4)]
    assert [level.first.explained for level in levels if level.first is not None] == []
    assert min(level.bits for level in levels) > 10_000


def test_lists_and_texts_come_out_as_they_went_in() -> None:
    """Lists hold values oldest first, ties go to the smaller value, and short and long texts are the same."""
    kernel = Kernel(
        plan(
            view(
                _made("last_n", K, n=2, name="names"),
                _made("last", K, name="name"),
                _made("top_k", K, n=2, name="top"),
                _made("top_k", N, n=1, name="top_n"),
                _made("first_n", X, n=5, name="xs"),
                _made("histogram", N, edges=[0, 2], name="bins"),
                by=("b",),
            )
        )
    )
    names = ["ü", "Newark Liberty International", "", "ü", "a name of its own"]
    apply(kernel, *({"at": at, "k": name, "n": at, "x": at / 2} for at, name in enumerate(names)))
    key = pa.record_batch({"b": pa.array([False, True])})
    found, empty = rows_of(kernel.values(0, key, 10))
    assert found == {
        "names": ["ü", "a name of its own"],
        "name": "a name of its own",
        "top": ["ü", ""],
        "top_n": [0],
        "xs": [0.0, 0.5, 1.0, 1.5, 2.0],
        "bins": [0, 2, 3],
    }
    assert empty == {"names": [], "name": None, "top": [], "top_n": [], "xs": [], "bins": [0, 0, 0]}
    shown = rows_of(kernel.events(0, pa.record_batch({"b": pa.array([False])}), 10))
    assert [row["k"] for row in shown] == names


def test_elements_and_texts_in_a_vector() -> None:
    """An input reads one element of a list, null beyond its end, and compares texts."""

    def read(feature: int, at: int | None = None) -> Json:
        found = {"op": "feature", "view": 0, "feature": feature, "key": [B]}
        return found if at is None else {**found, "at": at}

    inputs = {
        "first": read(0, 0),
        "second": read(0, 1),
        "same": call("eq", read(1), literal("string", "a long, long name")),
        "text": call("eq", read(2, 1), literal("string", "a")),
        "bin": read(3, 1),
    }
    views = view(
        _made("last_n", N, n=2),
        _made("last", K),
        _made("last_n", K, n=2, name="names"),
        _made("histogram", N, edges=[5]),
        by=("b",),
    )
    kernel = Kernel(plan(views, inputs=inputs))
    step = apply(kernel, {"at": 1, "n": 7, "k": "a long, long name"}, {"at": 2, "n": 9, "k": "a"})
    shown = [{name: row[name] for name in inputs} for row in rows_of(step.vectors[0])]
    assert shown == [
        {"first": 7.0, "second": None, "same": 1.0, "text": None, "bin": 1.0},
        {"first": 7.0, "second": 9.0, "same": 0.0, "text": 1.0, "bin": 2.0},
    ]


def test_features_made_of_others() -> None:
    """They are computed at the read, also of each other, and what is hidden does not show."""
    views = view(
        _made("sum", X, name="#a"),
        _made("sum", N, name="#b"),
        _derived("ratio", call("div", _own(0), call("to_float", _own(1)))),
        _made("max", AT, window=LIFETIME, name="last"),
        _derived("since", call("sub", {"op": "now"}, _own(3))),
        _derived("double", call("mul", _own(2), literal("float", 2.0))),
    )
    read = {"op": "feature", "view": 0, "feature": 5, "key": [K]}
    since = call("seconds", {"op": "feature", "view": 0, "feature": 4, "key": [K]})
    kernel = Kernel(plan(views, inputs={"double": read, "since": since}))
    step = apply(kernel, {"at": 1, "x": 3.0, "n": 2}, {"at": 2, "x": 3.0, "n": 0})
    assert rows_of(step.vectors[0])[1] == {"batch": 0, "row": 1, "time": 2, "double": 6.0, "since": 0.0}
    found = values(kernel, 42)
    assert list(found) == ["ratio", "last", "since", "double"]
    assert (found["ratio"], found["since"].microseconds, found["double"]) == (3.0, 40, 6.0)
    assert values(kernel, 42, "z")["since"] is None


def test_texts_that_are_gone_are_forgotten() -> None:
    """Ten thousand names through a window of fifty leave about fifty."""
    kernel = Kernel(plan(view(_made("last", K), by=("b",)), lateness=0))
    for start in range(0, 10_000, 1000):
        apply(
            kernel,
            *({"at": at, "k": f"name number {at:06}" * 10} for at in range(start, start + 1000)),
            offset=start,
        )
    assert kernel.bytes_per_entity()[0] < 150_000
    found = rows_of(kernel.values(0, pa.record_batch({"b": pa.array([False])}), 9999))
    assert found == [{"last": "name number 009999" * 10}]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            _made("distinct", K, window=LIFETIME),
            "distinct: the distinct values of a lifetime have no bound; set max",
        ),
        (_made("distinct", N, max=10_001), "max is 10001; it must be a whole number from 1 to 10000"),
        (
            _made("top_k", K, n=2, window=LIFETIME),
            "top_k: the most frequent values of a lifetime have no bound",
        ),
        (
            _made("top_k", N, n=2, among=["x"]),
            r'among is \["x"\]; it must be a list of 1 to 1000 values of type int',
        ),
        (_made("top_k", N), "n is missing; it must be a whole number from 1 to 100"),
        (
            _made("custom", X, window=LIFETIME, function="f"),
            "custom: all values of a lifetime, or of tiles, have no bound; give a window",
        ),
        (_made("custom", X), "function is missing; it must be a name"),
        (_made("ewm_mean", X, half_life_us=5), "ewm_mean: weights that fade need no window"),
        (_made("ewm_count", window=LIFETIME), "half_life_us is missing"),
        (_made("quantile", X, q=1.5), "q is 1.5; it must be from 0 to 1"),
        (_made("quantile", K, q=0.5), "quantile: cannot aggregate a string"),
        (
            _made("histogram", X, edges=[2, 1]),
            r"edges is \[2,1\]; it must be a list of 1 to 1000 numbers, ascending",
        ),
        (_made("streak", N), "streak: takes a condition, not a int"),
        (_made("skew", X, q=1), "unknown setting 'q'"),
        (_derived("d", _own(0)), "there is no feature 0 before it"),
        (_derived("d", X), "field 'x': a feature made of others sees no event"),
    ],
)
def test_what_cannot_be_kept_is_refused(made: Json, message: str) -> None:
    """The message names view and feature, and says what to do."""
    with pytest.raises(PlanError, match=f"^view 'Now', feature '{made['name']}': {message}"):
        Kernel(plan(view(made)))


def test_a_whole_list_is_no_number() -> None:
    """Where an input computes with a list, it must say which element."""
    whole = call("neg", {"op": "feature", "view": 0, "feature": 0, "key": [K]})
    with pytest.raises(PlanError, match=r"input 'n': Now.last_n is a list; read one of its elements"):
        Kernel(plan(view(_made("last_n", N, n=2)), inputs={"n": whole}))
