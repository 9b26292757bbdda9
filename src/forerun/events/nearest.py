"""The nearest name to a misspelt one, for messages that say what was meant."""

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """What to add to a message about an unknown name: the closest known one, or all of them.

    Args:
        name: The name that is not known.
        names: The names that are.

    Returns:
        A sentence that begins with a space, or "" when nothing is known.

    >>> nearest("dep_dely", ["flight", "dep_delay"])
    " Did you mean 'dep_delay'?"
    >>> nearest("x", ["flight", "dep_delay"])
    ' There are: dep_delay, flight.'
    """
    import difflib  # only ever needed for an error, and `import forerun` must stay cheap

    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" There are: {', '.join(known)}." if known else ""
