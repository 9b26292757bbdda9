"""When two values are the same: number for number, bit for bit."""

import struct


def bits_of(value: object) -> object:
    """A value such that equal means the same bits, and of lists and texts the same length.

    Args:
        value: A number, a text, a list of them, or None.

    >>> bits_of(0.0) == bits_of(-0.0), bits_of([1.5]) == bits_of([1.5, None]), bits_of("a") == bits_of("a")
    (False, False, True)
    """
    if isinstance(value, float):
        return struct.pack("d", value)
    return [bits_of(item) for item in value] if isinstance(value, list) else value
