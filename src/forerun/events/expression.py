"""Expressions: what `Departed.dep_delay > 15` is at definition time.

A tree of `Field`, `Constant`, `FeatureRef` and `Call`, each with a type that is known before anything runs.
Python's operators build it; nothing here computes. `canonical()` is the form that is hashed and compiled.

Numbers of mixed types are made alike when the tree is built (an int becomes a float), so whoever runs an
expression meets only operators whose arguments fit.
"""

from collections.abc import Callable, Iterator
from copy import copy
from typing import TypeAlias

from forerun.errors import ExpressionTypeError, user_line
from forerun.events.advice import instead_of_types
from forerun.events.moments import Duration, Time
from forerun.events.types import TypeName, result_type
from forerun.events.valueless import Valueless

Canonical: TypeAlias = dict[str, object]
"""An expression as plain dicts, lists, strings and numbers, ready for canonical JSON."""

INT_MAX = 2**63 - 1
DEPTH_MAX = 48
"""Deepest nesting of an expression, the kernel's too: whoever runs one recurses."""

_SYMBOLS = {
    "add": "+", "and": "&", "div": "/", "eq": "==", "ge": ">=", "gt": ">", "le": "<=", "lt": "<",
    "mod": "%", "mul": "*", "ne": "!=", "or": "|", "pow": "**", "sub": "-",
}  # fmt: skip


class Expr(Valueless):
    """An expression over the fields of an event, features and constants.

    Args:
        type: The type of its value.
        name: The name given with `named`, else None.

    Expressions are compared with `same_as`, since `==` builds another expression.
    """

    def __init__(self, type: TypeName, name: str | None = None) -> None:
        self.type = type
        self.name = name
        self.at = user_line()

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled; a name given with `named` is no part of it."""
        raise AssertionError("every kind of expression has its own")

    def children(self) -> tuple["Expr", ...]:
        """The expressions this one is made of, left to right."""
        return ()

    def rebuild(self, change: "Callable[[Expr], Expr]") -> "Expr":
        """A copy with `change` applied to every part, leaves first."""
        return change(self)

    def walk(self) -> "Iterator[Expr]":
        """This expression and all its parts, outermost first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def same_as(self, other: "Expr") -> bool:
        """Whether both mean the same, whatever their names."""
        return self.canonical() == other.canonical()

    def __repr__(self) -> str:
        raise AssertionError("every kind of expression has its own")

    __hash__ = object.__hash__

    # Python's operators ------------------------------------------------------------------------------

    def __add__(self, other: object) -> "Expr":
        return call("add", self, other)

    def __radd__(self, other: object) -> "Expr":
        return call("add", other, self)

    def __sub__(self, other: object) -> "Expr":
        return call("sub", self, other)

    def __rsub__(self, other: object) -> "Expr":
        return call("sub", other, self)

    def __mul__(self, other: object) -> "Expr":
        return call("mul", self, other)

    def __rmul__(self, other: object) -> "Expr":
        return call("mul", other, self)

    def __truediv__(self, other: object) -> "Expr":
        return call("div", self, other)

    def __rtruediv__(self, other: object) -> "Expr":
        return call("div", other, self)

    def __mod__(self, other: object) -> "Expr":
        return call("mod", self, other)

    def __rmod__(self, other: object) -> "Expr":
        return call("mod", other, self)

    def __pow__(self, other: object) -> "Expr":
        return call("pow", self, other)

    def __rpow__(self, other: object) -> "Expr":
        return call("pow", other, self)

    def __eq__(self, other: object) -> "Expr":  # type: ignore[override]  # it builds a comparison
        return call("eq", self, other)

    def __ne__(self, other: object) -> "Expr":  # type: ignore[override]  # it builds a comparison
        return call("ne", self, other)

    def __lt__(self, other: object) -> "Expr":
        return call("lt", self, other)

    def __le__(self, other: object) -> "Expr":
        return call("le", self, other)

    def __gt__(self, other: object) -> "Expr":
        return call("gt", self, other)

    def __ge__(self, other: object) -> "Expr":
        return call("ge", self, other)

    def __and__(self, other: object) -> "Expr":
        return call("and", self, other)

    def __rand__(self, other: object) -> "Expr":
        return call("and", other, self)

    def __or__(self, other: object) -> "Expr":
        return call("or", self, other)

    def __ror__(self, other: object) -> "Expr":
        return call("or", other, self)

    def __invert__(self) -> "Expr":
        return call("not", self)

    def __neg__(self) -> "Expr":
        return call("neg", self)

    def __abs__(self) -> "Expr":
        return call("abs", self)

    def __round__(self) -> "Expr":
        return whole("round", self)

    def __floor__(self) -> "Expr":
        return whole("floor", self)

    def __ceil__(self) -> "Expr":
        return whole("ceil", self)


class Field(Expr):
    """A field of an event, or a model's score.

    Args:
        owner: The class it belongs to.
        field: Its name there.
        type: Its type.
    """

    def __init__(self, owner: type, field: str, type: TypeName) -> None:
        super().__init__(type)
        self.owner = owner
        self.field = field

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"op": "field", "name": self.field}

    def __repr__(self) -> str:
        return f"{self.owner.__name__}.{self.field}"


class Constant(Expr):
    """A constant; `value` is None for null, and microseconds for times and durations."""

    def __init__(self, value: bool | int | float | str | None, type: TypeName) -> None:
        super().__init__(type)
        self.value = value

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"op": "lit", "type": self.type, "value": self.value}

    def __repr__(self) -> str:
        if self.value is None or self.type not in ("time", "duration"):
            return repr(self.value)
        return repr(Time(int(self.value)) if self.type == "time" else Duration(int(self.value)))


class FeatureRef(Expr):
    """A feature of a view, read for a key.

    Args:
        view: The view's name.
        feature: The feature's name there.
        type: Its type.
        by: Names of the key's parts.
        by_types: Their types.
        key: The expression for each part, or None for the trigger's field named like the part.
        element: For a list, the type of its elements.
        length: For a list, the most elements it has.
        index: Which element of a list is meant; None: the feature itself.
    """

    def __init__(
        self,
        view: str,
        feature: str,
        type: TypeName,
        by: tuple[str, ...],
        by_types: tuple[TypeName, ...],
        key: tuple[Expr | None, ...],
        *,
        element: TypeName | None = None,
        length: int | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(type)
        self.view = view
        self.feature = feature
        self.by = by
        self.by_types = by_types
        self.key = key
        self.element = element
        self.length = length
        self.index = index

    def __getitem__(self, index: int) -> "FeatureRef":
        """One element of a list feature, null beyond its end."""
        if self.element is None or self.length is None:
            raise ExpressionTypeError(f"{self!r} is one {self.type}, not a list; write {self!r} alone.")
        wanted: object = index
        if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 <= wanted < self.length:
            raise ExpressionTypeError(
                f"{self!r}[{index!r}]: it has up to {self.length} elements; write an index from 0 to "
                f"{self.length - 1}."
            )
        return FeatureRef(
            self.view, self.feature, self.element, self.by, self.by_types, self.key, index=index
        )

    def keyed(self, key: "tuple[Expr | None, ...]") -> "FeatureRef":
        """The same feature, for another entity."""
        made = copy(self)
        made.key = key
        return made

    def children(self) -> tuple[Expr, ...]:
        """The expressions this one is made of, left to right."""
        return tuple(part for part in self.key if part is not None)

    def rebuild(self, change: Callable[[Expr], Expr]) -> Expr:
        """A copy with `change` applied to every part, leaves first."""
        key = tuple(None if part is None else part.rebuild(change) for part in self.key)
        return change(self.keyed(key))

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        key = [None if part is None else part.canonical() for part in self.key]
        read: Canonical = {"op": "feature", "view": self.view, "feature": self.feature, "key": key}
        return read if self.index is None else {**read, "at": self.index}

    def __repr__(self) -> str:
        bound = [f"{by}={part!r}" for by, part in zip(self.by, self.key, strict=True) if part is not None]
        owner = f"fr.bind({self.view}, {', '.join(bound)})" if bound else self.view
        element = "" if self.index is None else f"[{self.index}]"
        return f"{owner}.{self.feature}{element}"


class Call(Expr):
    """An operator or function and its arguments. Build it with `call`, which checks types."""

    def __init__(self, op: str, args: tuple[Expr, ...], type: TypeName) -> None:
        super().__init__(type)
        self.op = op
        self.args = args
        self.depth: int = 1 + max((getattr(arg, "depth", 0) for arg in args), default=0)

    def children(self) -> tuple[Expr, ...]:
        """The expressions this one is made of, left to right."""
        return self.args

    def rebuild(self, change: Callable[[Expr], Expr]) -> Expr:
        """A copy with `change` applied to every part, leaves first."""
        args = tuple(arg.rebuild(change) for arg in self.args)
        return change(_alike(Call(self.op, args, self.type), self))

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"op": self.op, "args": [arg.canonical() for arg in self.args]}

    def __repr__(self) -> str:
        if _is_silent(self):
            return repr(self.args[0])
        shown = [f"({arg!r})" if _is_infix(arg) else repr(arg) for arg in self.args]
        if self.op == "pow" and shown[0].startswith("-"):
            shown[0] = f"({shown[0]})"  # -2 ** x is -(2 ** x)
        if self.op in _SYMBOLS:
            return f"{shown[0]} {_SYMBOLS[self.op]} {shown[1]}"
        if self.op in ("neg", "not"):
            return f"{'-' if self.op == 'neg' else '~'}{shown[0]}"
        return f"{_FUNCTIONS.get(self.op, self.op)}({', '.join(map(repr, self.args))})"


_OF_FLOATS = ("ceil", "distance_km", "exp", "floor", "log", "pow", "round", "sqrt")
_FUNCTIONS = {"if": "if_else", "in": "is_in", "min2": "least", "max2": "greatest"}


def call(op: str, *values: object) -> Expr:
    """Apply an operator to expressions and constants, after making numbers alike and checking types.

    Args:
        op: An operator of the plan, like "add".
        values: Expressions or constants.

    Returns:
        The expression.

    Raises:
        ExpressionTypeError: The operator does not take these types, or a value is no constant.
    """
    args = _made_alike(op, values)
    result = result_type(op, tuple(arg.type for arg in args))
    if result is None:
        raise ExpressionTypeError(_refusal(op, args))
    made = Call(op, args, result)
    if made.depth > DEPTH_MAX:
        raise ExpressionTypeError(
            f"nested {DEPTH_MAX + 1} deep; put parentheses around halves of a long chain, or "
            "make several features of it."
        )
    return made


def whole(op: str, value: object) -> Expr:
    """Round to a whole number; one that is whole already stays as it is.

    Args:
        op: "floor", "ceil" or "round".
        value: An expression or constant.

    Returns:
        An int expression.
    """
    expr = as_expr(value)
    return expr if expr.type == "int" else call(op, expr)


def as_expr(value: object, like: TypeName | None = None) -> Expr:
    """An expression for a value: itself, or a constant.

    Args:
        value: An expression, bool, int, float, str, `Time`, `Duration`, or None when `like` is given.
        like: The type a null or a whole number should take.

    Returns:
        The expression.

    Raises:
        ExpressionTypeError: No constant can hold it: NaN, an infinity, an int beyond 64 bits, another class.

    >>> as_expr(15, like="float")
    15.0
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool):
        return Constant(value, "bool")
    if isinstance(value, int):
        if not -INT_MAX - 1 <= value <= INT_MAX:
            raise ExpressionTypeError(
                f"{value} does not fit into 64 bits; write it as a float: {float(value)!r}."
            )
        return Constant(float(value), "float") if like == "float" else Constant(value, "int")
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ExpressionTypeError(
                f"{value} is not a number that events can hold; use None for 'not known'."
            )
        return Constant(value, "float")
    if isinstance(value, str):
        return Constant(value, "string")
    if isinstance(value, Time):
        return Constant(value.us, "time")
    if isinstance(value, Duration):
        return Constant(value.us, "duration")
    if (advice := getattr(value, "instead_of_itself", None)) is not None:
        raise ExpressionTypeError(f"{value!r} is no value; {advice}.")
    if value is None and like is not None:
        return Constant(None, like)
    raise ExpressionTypeError(
        f"{value!r} ({type(value).__name__}) cannot be part of an expression; write a field like "
        "Event.field, a feature like View.feature, or a bool, int, float, str, fr.Time or fr.Duration."
    )


def _alike(copy: Expr, original: Expr) -> Expr:
    copy.name, copy.at = original.name, original.at
    return copy


def _is_infix(expr: Expr) -> bool:
    shown = expr.args[0] if isinstance(expr, Call) and _is_silent(expr) else expr
    return isinstance(shown, Call) and (shown.op in _SYMBOLS or shown.op == "neg")


def _is_silent(expr: Call) -> bool:
    return expr.op == "to_float" and expr.args[0].type == "int"  # as Python converts, without a word


def _made_alike(op: str, values: tuple[object, ...]) -> tuple[Expr, ...]:
    """Arguments with constants and ints turned into the type of the others, where that loses nothing."""
    known = {value.type for value in values if isinstance(value, Expr)}
    floats = "float" in known or any(isinstance(value, float) for value in values)
    floats = floats or op in _OF_FLOATS or (op == "div" and "duration" not in known)
    like: TypeName | None = "float" if floats else None
    null_like = like
    if op == "if":
        known = {as_expr(value).type for value in values[1:] if value is not None}
        null_like = "float" if "float" in known else next(iter(known), None)
    elif op != "coalesce" and None in [value for value in values if not isinstance(value, Expr)]:
        shown = next(value for value in values if isinstance(value, Expr))
        raise ExpressionTypeError(
            f"{shown!r} and None together are null, as in SQL, whatever the operator; to ask whether it is "
            f"missing write fr.is_null({shown!r})."
        )
    args = tuple(as_expr(value, null_like if value is None else like) for value in values)
    return tuple(_to_float(arg) for arg in args) if like == "float" else args


def _to_float(arg: Expr) -> Expr:
    return Call("to_float", (arg,), "float") if arg.type == "int" else arg


def _refusal(op: str, args: tuple[Expr, ...]) -> str:
    """What is wrong with these types, and what to write instead."""
    parts = " and ".join(dict.fromkeys(f"{arg!r} is {arg.type}" for arg in args))
    return f"{Call(op, args, 'bool')!r}: {parts}; {instead_of_types(op, {arg.type for arg in args})}."
