"""Values that cannot be computed: served null, named in the predictions made from them, and counted.

They are beyond the range of their type, or a custom aggregate's function failed. An event that makes a sum
overflow is applied like any other. What cannot be told is null until the event has left the window; a run
never stops for it, and a restart does not meet it again.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

import pyarrow as pa

from forerun._core import Batch

Overflow: TypeAlias = "pa.RecordBatch | None"
"""What the kernel tells: `vector`, `emitter`, `row`, `feature`, `why`; None when there is nothing."""


def overflow_of(told: Batch) -> Overflow:
    """What of a step, or of vectors that were read, is null because it cannot be computed.

    Args:
        told: `StepResult.overflow`, or the second part of `Kernel.vector`.
    """
    # Nearly always empty: that must cost nothing.
    return pa.record_batch(told) if len(told) else None


def unserved(overflow: Overflow, vector: int) -> dict[int, str]:
    """By row of a vector's batch, which features could not be computed, with what kind of exception.

    Not with what the exception says: that differs between versions of Python, may hold an address, and would
    make a prediction differ that is computed again.

    Args:
        overflow: What the kernel told.
        vector: Which vector of the plan.

    >>> told = pa.record_batch({"vector": [0, 0, None], "emitter": [None, None, 0], "row": [3, 3, 1],
    ...                         "feature": ["Now.total", "Now.own", "Hourly.total"],
    ...                         "why": [None, "KeyError: 7", None]})
    >>> unserved(told, 0)
    {3: 'cannot be computed: Now.total, Now.own (KeyError)'}
    """
    names: dict[int, list[str]] = {}
    if overflow is not None:
        for told in overflow.to_pylist():
            if told["vector"] == vector:
                why = "" if told["why"] is None else f" ({told['why'].partition(':')[0]})"
                names.setdefault(told["row"], []).append(told["feature"] + why)
    return {row: f"cannot be computed: {', '.join(features)}" for row, features in names.items()}


def counted(overflow: Overflow) -> Mapping[str, int]:
    """By feature, how many values were served null.

    Args:
        overflow: What the kernel told.

    >>> counted(None)
    {}
    """
    return {} if overflow is None else Counter(str(name) for name in overflow["feature"].to_pylist())


def said(overflow: Overflow) -> Mapping[str, str]:
    """By feature whose function failed, what it said last.

    Args:
        overflow: What the kernel told.

    >>> said(None)
    {}
    """
    if overflow is None:
        return {}
    told = zip(overflow["feature"].to_pylist(), overflow["why"].to_pylist(), strict=True)
    return {str(feature): str(why) for feature, why in told if why is not None}
