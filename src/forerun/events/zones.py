"""Names of time zones."""

from forerun.errors import UnknownNameError


def check_zone(zone: str) -> None:
    """Refuse what is no time zone.

    Args:
        zone: A name of the tz database, like "Europe/Paris".

    Raises:
        UnknownNameError: There is no such zone.

    >>> check_zone("Paris")
    Traceback (most recent call last):
    forerun.errors.UnknownNameError: [FR-DEF-NAME] ...: there is no time zone 'Paris'. Did you mean ...
    """
    # Only a definition that names a zone needs the kernel's list of them; `import forerun` must stay cheap.
    from forerun._core import zone_names

    names = zone_names()
    if zone not in names:
        raise UnknownNameError(f"there is no time zone {zone!r}.{_instead(str(zone), names)}")


def _instead(zone: str, names: list[str]) -> str:
    """What was meant by a name that is none: another spelling, or a place without its continent."""
    from difflib import get_close_matches  # only ever needed for an error

    wanted = zone.lower().replace(" ", "_")
    spelled = {name.lower(): name for name in names}
    places = {name.rpartition("/")[2].lower(): name for name in reversed(names)}
    for known in (spelled, places):
        if close := get_close_matches(wanted, known, n=1, cutoff=0.8):
            return f" Did you mean {known[close[0]]!r}?"
    return " Write a name of the tz database, like 'Europe/Paris', 'America/New_York' or 'UTC'."
