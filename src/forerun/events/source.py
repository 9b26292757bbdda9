"""The text of the user's code, for versions."""

import inspect
from collections.abc import Callable


def source_text(thing: "type | Callable[..., object]", function: Callable[..., object]) -> str:
    """The text of a class or function; where there is none, what Python made of it.

    Args:
        thing: The class or function.
        function: The function that runs.

    Returns:
        Text that changes when the code does.

    >>> source_text(source_text, source_text).splitlines()[0]
    'def source_text(thing: "type | Callable[..., object]", function: Callable[..., object]) -> str:'
    """
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return repr(thing) if code is None else f"{code.co_code.hex()} {code.co_names} {code.co_consts}"
