"""Permissions, and the roles that bundle them. Whatever no role names is refused."""

from collections.abc import Iterable
from enum import StrEnum

from forerun.errors import KeyNameError


class Permission(StrEnum):
    """One thing that a caller may do at the HTTP doors.

    >>> Permission("predict")
    <Permission.PREDICT: 'predict'>
    """

    APPEND = "append"
    """Add events to streams."""
    OBSERVE = "observe"
    """Read metrics and status."""
    PREDICT = "predict"
    """Ask models for predictions, list models."""
    READ = "read"
    """Read the features of entities."""


ROLES: dict[str, frozenset[Permission]] = {
    "caller": frozenset({Permission.PREDICT, Permission.READ}),
    "feeder": frozenset({Permission.APPEND}),
    "observer": frozenset({Permission.OBSERVE}),
    "owner": frozenset(Permission),
}
"""Every role and all it may do."""


ROLES_WITH: dict[Permission, frozenset[str]] = {
    permission: frozenset(role for role, granted in ROLES.items() if permission in granted)
    for permission in Permission
}
"""The same the other way round: the roles that cover a permission."""


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Join what some roles may do.

    Args:
        roles: Names from `ROLES`.

    Returns:
        The union of their permissions; none for no roles.

    Raises:
        KeyNameError: A name is no role.

    >>> sorted(permissions_of(["feeder", "observer"]))
    [<Permission.APPEND: 'append'>, <Permission.OBSERVE: 'observe'>]
    """
    granted: frozenset[Permission] = frozenset()
    for role in roles:
        if role not in ROLES:
            raise KeyNameError(f"no role {role!r}; choose from {', '.join(ROLES)}.")
        granted |= ROLES[role]
    return granted
