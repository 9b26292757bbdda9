"""Expressions: every operation by example, with nulls, overflow and types."""

import math
from typing import Any

import pytest
from tests.kernel.ticks import AT, B, Json, K, N, X, apply, call, literal, plan, rows_of

from forerun._core import Kernel, PlanError

NULL = literal("float", None)


def _eval(expr: Json, **row: object) -> Any:
    kernel = Kernel(plan(inputs={"y": expr}))
    step = apply(kernel, {"at": 5, "x": 2.0, "n": 3, "b": True, **row})
    return rows_of(step.vectors[0])[0]["y"]


def _int(value: int) -> Json:
    return literal("int", value)


def _float(value: float) -> Json:
    return literal("float", value)


def _bool(value: bool | None) -> Json:
    return literal("bool", value)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (X, 2.0),
        (N, 3.0),
        (B, 1.0),
        (call("add", N, _int(4)), 7.0),
        (call("sub", X, N), -1.0),
        (call("mul", X, N), 6.0),
        (call("div", N, _int(2)), 1.5),
        (call("div", N, _int(0)), None),
        (call("div", X, _float(0.0)), None),
        (call("add", N, _int(2**63 - 1)), None),
        (call("mul", N, _int(2**62)), None),
        (call("neg", call("sub", call("neg", _int(2**63 - 1)), _int(1))), None),
        (call("neg", X), -2.0),
        (call("abs", call("neg", N)), 3.0),
        (call("mul", _float(1e308), _float(10.0)), None),
        (call("log", X), math.log(2.0)),
        (call("log", _float(0.0)), None),
        (call("log", _int(-1)), None),
        (call("exp", N), math.exp(3.0)),
        (call("exp", _float(1000.0)), None),
        (call("min2", X, N), 2.0),
        (call("max2", N, _int(9)), 9.0),
        (call("clip", X, _float(3.0), _float(4.0)), 3.0),
        (call("clip", N, _int(-1), _int(1)), 1.0),
        (call("to_float", B), 1.0),
        (call("seconds", call("sub", AT, literal("time", 2))), 3e-6),
        (call("seconds", call("add", call("sub", AT, AT), literal("duration", 10**6))), 1.0),
        (call("seconds", call("mul", literal("duration", 500_000), N)), 1.5),
        (call("div", literal("duration", 9), literal("duration", 6)), 1.5),
        (call("eq", K, literal("string", "a")), 1.0),
        (call("ne", K, literal("string", "a")), 0.0),
        (call("lt", K, literal("string", "b")), 1.0),
        (call("eq", X, _int(2)), 1.0),
        (call("ge", AT, literal("time", 5)), 1.0),
        (call("gt", AT, literal("time", 5)), 0.0),
        (call("le", N, _float(2.5)), 0.0),
        (call("in", K, literal("string", "z"), literal("string", "a")), 1.0),
        (call("in", X, _int(1), _int(3)), 0.0),
        (call("if", B, X, N), 2.0),
        (call("if", call("not", B), X, N), 3.0),
        (call("if", _bool(None), X, N), 3.0),
        (call("coalesce", NULL, N, X), 3.0),
        (call("mod", N, _int(-2)), -1.0),
        (call("mod", N, _int(0)), None),
        (call("mod", call("neg", X), _float(1.5)), 1.0),
        (call("pow", N, _int(2)), 9.0),
        (call("pow", call("neg", X), _float(0.5)), None),
        (call("pow", _float(0.0), _int(-1)), None),
        (call("sqrt", _int(9)), 3.0),
        (call("sqrt", _int(-9)), None),
        (call("floor", _float(-1.5)), -2.0),
        (call("ceil", _float(-1.5)), -1.0),
        (call("round", _float(-1.5)), -2.0),
        (call("round", _float(1e19)), None),
        (call("to_int", _float(-1.5)), -1.0),
        (call("to_int", B), 1.0),
        (call("to_int", literal("string", "-12")), -12.0),
        (call("to_int", literal("string", "1.0")), None),
        (call("to_float", literal("string", "-1.5e1")), -15.0),
        (call("to_float", literal("string", "inf")), None),
        (call("eq", call("to_string", N), literal("string", "3")), 1.0),
        (call("eq", call("to_string", B), literal("string", "true")), 1.0),
        (call("starts_with", literal("string", "JFK"), literal("string", "JF")), 1.0),
        (call("ends_with", literal("string", "JFK"), literal("string", "JF")), 0.0),
        (call("contains", literal("string", "JFK"), literal("string", "F")), 1.0),
        (call("contains", literal("string", ""), literal("string", "")), 1.0),
        (call("length", literal("string", "né")), 2.0),
        (call("eq", call("lower", literal("string", "NÉ")), literal("string", "né")), 1.0),
        (call("round", call("distance_km", _int(0), _int(0), _int(0), _int(180))), 20015.0),
        (call("distance_km", _int(91), _int(0), _int(0), _int(0)), None),
        (call("hour", AT, literal("string", "Asia/Tokyo")), 9.0),
        (call("year", AT, literal("string", "America/New_York")), 1969.0),
        (call("day_of_week", AT, literal("string", "UTC")), 3.0),
        (call("seconds_of_day", AT, literal("string", "UTC")), 5e-6),
        (call("year", literal("time", 2**62), literal("string", "UTC")), None),
        (call("is_null", NULL), 1.0),
        (call("is_null", X), 0.0),
    ],
)
def test_operations(expr: Json, expected: float | None) -> None:
    """An operation gives what its name says; what has no value is null."""
    assert _eval(expr) == expected


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "mod", "pow", "eq", "lt", "min2", "max2"])
def test_null_in_null_out(op: str) -> None:
    """An operation on a null is null, on either side."""
    assert (_eval(call(op, X, _float(1.0)), x=None), _eval(call(op, _float(1.0), X), x=None)) == (None, None)


def test_membership_of_a_null_is_null() -> None:
    """Whether an unknown value is one of some is unknown."""
    assert _eval(call("in", K, literal("string", "a")), k=None) is None


def test_and_and_or_have_three_values() -> None:
    """False wins in `and`, true in `or`; otherwise null makes null."""
    table = {
        (op, a, b): _eval(call(op, _bool(a), _bool(b)))
        for op in ("and", "or")
        for a in (True, False, None)
        for b in (True, False, None)
    }
    for (op, a, b), got in table.items():
        if op == "and":
            expected = 0.0 if False in (a, b) else None if None in (a, b) else 1.0
        else:
            expected = 1.0 if True in (a, b) else None if None in (a, b) else 0.0
        assert got == expected, (op, a, b)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (call("add", X, B), r"'add' cannot take \(float, bool\); to_float\(x\)"),
        (call("add", X, call("sub", AT, AT)), r"'add' cannot take \(float, duration\); seconds\(x\)"),
        (call("eq", K, X), r"'eq' cannot take \(string, float\)"),
        (call("lt", B, B), r"'lt' cannot take \(bool, bool\)"),
        (call("and", B, N), r"'and' cannot take \(bool, int\)"),
        (call("if", N, X, X), r"'if' cannot take \(int\)"),
        (call("seconds", X), r"'seconds' cannot take \(float\)"),
        (call("log", K), r"'log' cannot take \(string\)"),
        (call("in", X, N), "takes literals"),
        (call("clip", X), "'clip' does not take 1 operands"),
        (call("cot", X), "unknown operation 'cot'"),
        (call("pow", X, K), r"'pow' cannot take \(float, string\)"),
        (call("floor", N), r"'floor' cannot take \(int\)"),
        (call("to_int", AT), r"'to_int' cannot take \(time\)"),
        (call("to_string", X), r"'to_string' cannot take \(float\)"),
        (call("starts_with", K, N), r"'starts_with' cannot take \(string, int\)"),
        (call("distance_km", X, X), "'distance_km' does not take 2 operands"),
        (call("hour", AT), "'hour' takes a time and a zone"),
        (call("hour", AT, K), "'hour' takes a time and the name of a zone as a literal"),
        (call("hour", X, literal("string", "UTC")), "'hour' takes a time and the name"),
        (call("hour", AT, literal("string", "Mars/Base")), "unknown time zone 'Mars/Base'"),
        (literal("int", 1.5), "literal 1.5 is not of type int"),
        (literal("dollar", 1), "unknown type"),
        ({"op": "field", "name": "y"}, "unknown field 'y'; it has: k, at, x, n, b"),
        (AT, "not a time; subtract another time"),
        (K, "not a string; compare it"),
        (call("sub", AT, AT), r"not a duration; use seconds\(x\)"),
        ({"op": "feature", "view": 0, "feature": 0, "key": []}, "there is no view 0"),
        ([], "an expression is an object"),
    ],
)
def test_mistakes_are_named_with_their_place(expr: Json, message: str) -> None:
    """A mistake says which vector and input, what was wrong, and where it helps what to do."""
    with pytest.raises(PlanError, match=rf"^vector 'M', input 'y': .*{message}"):
        Kernel(plan(inputs={"y": expr}))


def test_nesting_has_a_limit() -> None:
    """An expression too deep for the stack is refused, not crashed on."""
    expr = X
    for _ in range(55):
        expr = call("neg", expr)
    with pytest.raises(PlanError, match="deeper than 48"):
        Kernel(plan(inputs={"y": expr}))
