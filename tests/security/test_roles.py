"""Roles grant what is written down, and nothing can be asked for that no role names."""

import pytest

from forerun.errors import KeyNameError
from forerun.security.roles import ROLES, ROLES_WITH, Permission, permissions_of


def test_roles_add_up() -> None:
    """Several roles grant the union; none grants nothing."""
    assert permissions_of(["caller", "feeder"]) == {Permission.APPEND, Permission.PREDICT, Permission.READ}
    assert permissions_of([]) == frozenset()


def test_an_unknown_role_is_an_error() -> None:
    """It is not silently worth nothing, since its owner meant something by it."""
    with pytest.raises(KeyNameError, match="no role 'admin'; choose from"):
        permissions_of(["owner", "admin"])


def test_only_the_owner_may_everything() -> None:
    """Every permission is covered by the owner and by exactly one role besides."""
    assert ROLES["owner"] == frozenset(Permission)
    assert all(len(roles) == 2 and "owner" in roles for roles in ROLES_WITH.values())
