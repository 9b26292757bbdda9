"""`forerun keys`."""

from pathlib import Path

import pytest
from tests.cli.command import forerun


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A starter project that has never been run."""
    assert forerun("new", tmp_path / "shop").code == 0
    return tmp_path / "shop"


def test_key_is_shown_once(project: Path) -> None:
    """A new key is printed when it is made and appears in no listing, file or second call."""
    made = forerun("keys", "create", "ci", "--role", "feeder", "--app", project, "--json").json
    assert made["created"] == "ci"
    listed = forerun("keys", "--app", project, "--json")
    assert [(row["name"], row["roles"]) for row in listed.rows] == [("ci", ["feeder"])]
    assert made["key"] not in listed.out
    assert made["key"] not in (project / ".forerun" / "keys.json").read_text()


def test_revoked_key_is_gone(project: Path) -> None:
    """A revoked key is not listed any more."""
    forerun("keys", "create", "ci", "--app", project)
    assert forerun("keys", "revoke", "ci", "--app", project).code == 0
    assert forerun("keys", "--app", project, "--json").rows == []


def test_create_without_a_name(project: Path) -> None:
    """The name that is missing is asked for."""
    said = forerun("keys", "create", "--app", project)
    assert said.code == 2
    assert "forerun keys create NAME" in said.err


def test_unknown_role_names_the_roles(project: Path) -> None:
    """A role that does not exist is answered with those that do."""
    said = forerun("keys", "create", "ci", "--role", "admin", "--app", project)
    assert said.code == 1
    assert "owner" in said.err
