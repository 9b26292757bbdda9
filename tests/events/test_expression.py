"""Python's operators build typed, canonical expressions."""

import math
import sys
from typing import Any

import pytest
from tests.events.flights import Flown

import forerun as fr
from forerun.errors import ExpressionTypeError
from forerun.events.canonical import canonical_json
from forerun.events.expression import DEPTH_MAX, Expr, as_expr

# To the checker these are values, some of them nullable; here they are taken as the expressions they are.
delay: Any = Flown.delay
gate: Any = Flown.gate
towed: Any = Flown.towed
tailnum: Any = Flown.tailnum
at: Any = Flown.at
planned: Any = Flown.planned


@pytest.mark.parametrize(
    ("expr", "type", "text"),
    [
        (delay > 15, "bool", "Flown.delay > 15.0"),
        (gate > 15, "bool", "Flown.gate > 15"),
        (gate > 1.5, "bool", "Flown.gate > 1.5"),
        (gate + 1, "int", "Flown.gate + 1"),
        (1 + gate, "int", "1 + Flown.gate"),
        (gate - delay, "float", "Flown.gate - Flown.delay"),
        (1 - delay, "float", "1.0 - Flown.delay"),
        (2 * gate * gate, "int", "(2 * Flown.gate) * Flown.gate"),
        (gate / 2, "float", "Flown.gate / 2.0"),
        (1 / gate, "float", "1.0 / Flown.gate"),
        (-gate, "int", "-Flown.gate"),
        (delay / (gate - gate), "float", "Flown.delay / (Flown.gate - Flown.gate)"),
        ((-delay) ** 2, "float", "(-Flown.delay) ** 2.0"),
        ((-gate) ** 2, "float", "(-Flown.gate) ** 2.0"),
        ((-2.0) ** delay, "float", "(-2.0) ** Flown.delay"),
        (delay - -2.0, "float", "Flown.delay - -2.0"),
        (abs(delay - 1), "float", "abs(Flown.delay - 1.0)"),
        (at - planned, "duration", "Flown.at - Flown.planned"),
        (at + fr.Duration("5m"), "time", "Flown.at + Duration('5m')"),
        (at > fr.Time("2013-01-01T00:00:00Z"), "bool", "Flown.at > Time('2013-01-01T00:00:00Z')"),
        ((at - planned) / fr.Duration("1m"), "float", "(Flown.at - Flown.planned) / Duration('1m')"),
        ((at - planned) * 2, "duration", "(Flown.at - Flown.planned) * 2"),
        (towed & (delay > 1), "bool", "Flown.towed & (Flown.delay > 1.0)"),
        (True & towed, "bool", "True & Flown.towed"),
        (towed | False, "bool", "Flown.towed | False"),
        (~towed, "bool", "~Flown.towed"),
        (~(towed & towed), "bool", "~(Flown.towed & Flown.towed)"),
        (tailnum == "N1", "bool", "Flown.tailnum == 'N1'"),
        (tailnum != Flown.flight, "bool", "Flown.tailnum != Flown.flight"),
        (towed == True, "bool", "Flown.towed == True"),  # noqa: E712  # an expression, not a truth value
        (fr.abs(delay), "float", "abs(Flown.delay)"),
        (fr.clip(gate, 0, 10), "int", "clip(Flown.gate, 0, 10)"),
        (fr.clip(delay, 0, 10), "float", "clip(Flown.delay, 0.0, 10.0)"),
        (fr.coalesce(delay, 0), "float", "coalesce(Flown.delay, 0.0)"),
        (fr.coalesce(tailnum, Flown.flight, ""), "string", "coalesce(Flown.tailnum, Flown.flight, '')"),
        (fr.exp(gate), "float", "exp(Flown.gate)"),
        (fr.log(delay), "float", "log(Flown.delay)"),
        (fr.least(gate, delay), "float", "least(Flown.gate, Flown.delay)"),
        (fr.greatest(at, planned), "time", "greatest(Flown.at, Flown.planned)"),
        (fr.if_else(towed, 1, 0), "int", "if_else(Flown.towed, 1, 0)"),
        (fr.if_else(towed, 1, 0.5), "float", "if_else(Flown.towed, 1.0, 0.5)"),
        (fr.if_else(towed, gate, None), "int", "if_else(Flown.towed, Flown.gate, None)"),
        (fr.is_in(tailnum, ["a", "b"]), "bool", "is_in(Flown.tailnum, 'a', 'b')"),
        (fr.is_in(gate, [1, 2]), "bool", "is_in(Flown.gate, 1, 2)"),
        (fr.is_null(tailnum), "bool", "is_null(Flown.tailnum)"),
        (fr.not_(towed), "bool", "~Flown.towed"),
        (fr.seconds(at - planned), "float", "seconds(Flown.at - Flown.planned)"),
        (gate % 2, "int", "Flown.gate % 2"),
        (7 % delay, "float", "7.0 % Flown.delay"),
        ((at - planned) % fr.Duration("1h"), "duration", "(Flown.at - Flown.planned) % Duration('1h')"),
        (gate**2, "float", "Flown.gate ** 2.0"),
        (2**delay, "float", "2.0 ** Flown.delay"),
        (fr.sqrt(gate), "float", "sqrt(Flown.gate)"),
        (fr.floor(delay), "int", "floor(Flown.delay)"),
        (fr.ceil(gate), "int", "Flown.gate"),
        (round(delay), "int", "round(Flown.delay)"),
        (math.floor(delay / 2), "int", "floor(Flown.delay / 2.0)"),
        (math.ceil(delay), "int", "ceil(Flown.delay)"),
        (fr.to_int(towed), "int", "to_int(Flown.towed)"),
        (fr.to_int(gate), "int", "Flown.gate"),
        (fr.to_float(tailnum), "float", "to_float(Flown.tailnum)"),
        (fr.to_float(gate), "float", "Flown.gate"),
        (fr.to_string(gate), "string", "to_string(Flown.gate)"),
        (fr.starts_with(tailnum, "N"), "bool", "starts_with(Flown.tailnum, 'N')"),
        (fr.ends_with(tailnum, Flown.flight), "bool", "ends_with(Flown.tailnum, Flown.flight)"),
        (fr.contains(fr.lower(tailnum), "n"), "bool", "contains(lower(Flown.tailnum), 'n')"),
        (fr.length(tailnum) > 5, "bool", "length(Flown.tailnum) > 5"),
        (fr.distance_km(0, 0, delay, gate), "float", "distance_km(0.0, 0.0, Flown.delay, Flown.gate)"),
        (fr.local(at, "UTC").hour, "int", "hour(Flown.at, 'UTC')"),
        (fr.local(planned, "UTC").is_weekend, "bool", "day_of_week(Flown.planned, 'UTC') >= 5"),
        (fr.local(at, "UTC").seconds_of_day, "float", "seconds_of_day(Flown.at, 'UTC')"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_operators_have_types(expr: Expr, type: str, text: str) -> None:
    """Each reads back as it was written, with numbers made alike."""
    assert (expr.type, repr(expr)) == (type, text)


def test_canonical_form() -> None:
    """Operators, constants and conversions are spelled out, in one way."""
    assert canonical_json(((gate / 2 > delay) & ~(tailnum == "é")).canonical()) == (
        '{"args":[{"args":[{"args":[{"args":[{"name":"gate","op":"field"}],"op":"to_float"},'
        '{"op":"lit","type":"float","value":2.0}],"op":"div"},{"name":"delay","op":"field"}],"op":"gt"},'
        '{"args":[{"args":[{"name":"tailnum","op":"field"},{"op":"lit","type":"string","value":"\\u00e9"}],'
        '"op":"eq"}],"op":"not"}],"op":"and"}'
    )


def test_names_are_no_part_of_the_meaning() -> None:
    """Naming an expression makes another with the same canonical form, and leaves the first alone."""
    named: Any = fr.named("x", delay > 15)

    assert named.same_as(delay > 15)
    assert (named.name, (delay > 15).name) == ("x", None)
    assert not named.same_as(delay > 16)


def test_expressions_know_their_line() -> None:
    """For messages about what is found out later."""
    line = sys._getframe().f_lineno + 1
    expr = delay > 15

    assert expr.at == (__file__, line)


def test_parts_are_walked_outermost_first() -> None:
    """And rebuilt leaves first."""
    expr = (delay + 1) * delay

    assert [repr(part) for part in expr.walk()] == [
        "(Flown.delay + 1.0) * Flown.delay", "Flown.delay + 1.0", "Flown.delay", "1.0", "Flown.delay",
    ]  # fmt: skip
    assert repr(expr.rebuild(lambda part: as_expr(2.0) if part.same_as(as_expr(1.0)) else part)) == (
        "(Flown.delay + 2.0) * Flown.delay"
    )


def test_depth_is_bounded() -> None:
    """What the kernel would refuse is refused where it is written."""
    expr = delay
    for _ in range(DEPTH_MAX):
        expr = expr + 1
    with pytest.raises(ExpressionTypeError, match="49 deep"):
        expr + 1
