"""What Python would do with a value, and an expression cannot: each says what to write instead."""

from typing import NoReturn

from forerun.errors import ExpressionTypeError, TruthValueError, UnknownNameError, user_line
from forerun.events.advice import instead_of_attribute, instead_of_truth
from forerun.events.types import TypeName


class Valueless:
    """Something of a known type that has no value while the app is defined."""

    type: TypeName

    def __bool__(self) -> NoReturn:
        raise TruthValueError(
            f"{self!r} is not true or false while the app is defined, so Python cannot decide by it; "
            f"{instead_of_truth(user_line())}."
        )

    def __float__(self) -> NoReturn:
        raise ExpressionTypeError(
            f"{self!r} has no value while the app is defined, so float() and the math module cannot take it; "
            "write fr.log, fr.exp, fr.sqrt, fr.floor or arithmetic."
        )

    def __int__(self) -> NoReturn:
        raise ExpressionTypeError(
            f"{self!r} has no value while the app is defined, so int() cannot take it; write fr.to_int(...)."
        )

    def __contains__(self, part: object) -> NoReturn:
        raise TruthValueError(
            f"{self!r} has no value while the app is defined, so `in` cannot look into it; "
            f"write fr.contains({self!r}, {part!r})."
        )

    def __iter__(self) -> NoReturn:
        raise ExpressionTypeError(
            f"{self!r} is one {self.type}, not a list; for an aggregate write fr.sum, fr.min, fr.max, ..."
        )

    def __floordiv__(self, other: object) -> NoReturn:
        raise ExpressionTypeError(f"{self!r} // {other!r}: write fr.floor(a / b).")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownNameError(
            f"{self!r} is an expression of type {self.type}; it has no attribute {name!r}; "
            f"{instead_of_attribute(name)}."
        )
