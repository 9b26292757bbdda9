"""API keys are shown once, kept as digests, and refused unless everything about them is right."""

import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forerun.errors import KeyFileError, KeyNameError
from forerun.security.keys import KEYS_MAX, ApiKey, KeyRing
from forerun.security.roles import ROLES, Permission


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an app's keys lie; its folder does not exist yet."""
    return tmp_path / "app" / "keys.json"


def test_a_created_key_is_found_and_no_other_is(path: Path) -> None:
    """The key itself opens the door; every near miss does not."""
    ring = KeyRing(path)
    key = ring.create("laptop", roles=["caller"], now_us=7)
    found = ring.find(key)
    assert found is not None
    assert (found.name, found.roles, found.created_us) == ("laptop", ("caller",), 7)
    flipped = key[:-1] + ("A" if key[-1] != "A" else "B")
    misses = [
        "",
        "null",
        "fr_",
        key[:-1],
        key + "A",
        key.upper(),
        " " + key,
        key + "\n",
        flipped,
        found.digest,
    ]
    assert [ring.find(miss) for miss in misses] == [None] * len(misses)
    assert [ring.find(miss.encode()) for miss in misses] == [None] * len(misses)


def test_keys_are_long_random_and_recognisable(path: Path) -> None:
    """32 random bytes in URL-safe base64 behind a prefix that secret scanners can look for."""
    ring = KeyRing(path)
    keys = {ring.create(f"k{i}", roles=["owner"], now_us=0) for i in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(r"fr_[A-Za-z0-9_-]{43}", key) for key in keys)


def test_the_file_does_not_hold_the_key_and_only_its_owner_reads_it(path: Path) -> None:
    """What lies on disk cannot be used as a key, and others cannot even read that."""
    key = KeyRing(path).create("laptop", roles=["owner"], now_us=0)
    content = path.read_text()
    assert key not in content
    assert key.removeprefix("fr_") not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    """A mode looser than 0600 is an error that says how to repair it, not a warning."""
    KeyRing(path).create("laptop", roles=["owner"], now_us=0)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"mode 640.*chmod 600"):
        KeyRing(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"format":2,"keys":[]}',
        b'{"format":1,"keys":[],"admin":true}',
        b'{"format":1,"keys":[{"name":"x","digest":"zz","roles":["owner"],"created_us":0}]}',
        b'{"format":1,"keys":[{"name":"x","digest":"00","roles":["god"],"created_us":0}]}',
        b'{"format":1,"keys":[{"name":"x","digest":"00","roles":["owner"]}]}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_refused(path: Path, content: bytes) -> None:
    """No key is accepted from a file that is not exactly as we write it."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="damaged"):
        KeyRing(path)


def test_the_first_key_is_made_once(path: Path) -> None:
    """A first run makes the owner's key; a later one does not, even when every key was revoked."""
    ring = KeyRing(path)
    key = ring.create_first(now_us=3)
    assert key is not None
    assert [known.name for known in ring.list()] == ["owner"]
    assert ring.create_first(now_us=4) is None
    ring.revoke("owner")
    assert KeyRing(path).create_first(now_us=5) is None
    assert KeyRing(path).find(key) is None


def test_another_process_s_changes_are_followed(path: Path) -> None:
    """A server sees keys that the command line makes or revokes, and does not lose any of them."""
    server, command = KeyRing(path), KeyRing(path)
    key = command.create("late", roles=["caller"], now_us=0)
    assert server.find(key) is None
    assert server.reload_if_changed()
    assert server.find(key) is not None
    assert not server.reload_if_changed()
    other = server.create("own", roles=["caller"], now_us=0)
    command.revoke("late")
    assert server.reload_if_changed()
    assert server.find(key) is None
    assert server.find(other) is not None
    path.unlink()
    assert server.reload_if_changed()
    assert server.find(other) is None


def test_no_key_is_valid_while_the_file_is_damaged(path: Path) -> None:
    """A server that finds a damaged file lets nobody in; a change does not overwrite what may be repaired."""
    ring = KeyRing(path)
    key = ring.create("laptop", roles=["owner"], now_us=0)
    good = path.read_bytes()
    path.write_bytes(good[:-3])
    with pytest.raises(KeyFileError, match="damaged"):
        ring.reload_if_changed()
    assert ring.find(key) is None
    with pytest.raises(KeyFileError, match="damaged"):
        ring.create("other", roles=["owner"], now_us=0)
    assert path.read_bytes() == good[:-3]
    path.write_bytes(good)
    assert ring.reload_if_changed()
    assert ring.find(key) is not None


@pytest.mark.parametrize("name", ["", "Laptop", "a b", "../x", "x" * 64, "é", "-x", "a\n"])
def test_unfit_names_are_refused(path: Path, name: str) -> None:
    """Names go into logs and terminals, so they are plain."""
    with pytest.raises(KeyNameError, match="use 1 to 63"):
        KeyRing(path).create(name, roles=["owner"], now_us=0)


def test_roles_must_exist_and_names_be_free(path: Path) -> None:
    """A key with an unknown role, without a role, or with a name in use is not made."""
    ring = KeyRing(path)
    with pytest.raises(KeyNameError, match="no role 'god'; choose from caller"):
        ring.create("x", roles=["god"], now_us=0)
    with pytest.raises(KeyNameError, match="has no role"):
        ring.create("x", roles=[], now_us=0)
    ring.create("x", roles=["owner"], now_us=0)
    with pytest.raises(KeyNameError, match="exists"):
        ring.create("x", roles=["owner"], now_us=0)
    with pytest.raises(KeyNameError, match="no key named 'y'; there are: x"):
        ring.revoke("y")
    assert len(ring.list()) == 1


def test_the_number_of_keys_is_bounded(path: Path) -> None:
    """One more than the limit is refused and nothing is lost."""
    ring = KeyRing(path)
    ring.create("first", roles=["owner"], now_us=0)
    full = tuple(ApiKey(name=f"k{i}", digest="00", roles=("owner",), created_us=0) for i in range(KEYS_MAX))
    ring._write(full)
    with pytest.raises(KeyNameError, match=f"{KEYS_MAX} keys already"):
        ring.create("more", roles=["owner"], now_us=0)
    assert len(KeyRing(path).list()) == KEYS_MAX


@pytest.mark.parametrize("role", ROLES)
def test_a_key_may_what_its_roles_say_and_nothing_else(role: str) -> None:
    """The matrix of roles and permissions is the declared one."""
    key = ApiKey(name="x", digest="00", roles=(role,), created_us=0)
    expected = {
        "caller": {Permission.PREDICT, Permission.READ},
        "feeder": {Permission.APPEND},
        "observer": {Permission.OBSERVE},
        "owner": {Permission.APPEND, Permission.OBSERVE, Permission.PREDICT, Permission.READ},
    }
    assert {permission for permission in Permission if key.may(permission)} == expected[role]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Two keys, for tests that change nothing."""
    ring = KeyRing(tmp_path_factory.mktemp("app") / "keys.json")
    ring.create("a", roles=["owner"], now_us=0)
    ring.create("b", roles=["owner"], now_us=0)
    return ring


def test_a_digest_that_begins_alike_is_another_key(ring: KeyRing) -> None:
    """Digests are compared whole: of many guesses some share their first bytes with a real one."""
    assert [guess for guess in range(5000) if ring.find(f"fr_{guess}") is not None] == []


@given(token=st.text(max_size=80) | st.binary(max_size=80))
def test_no_guess_is_accepted_and_none_breaks_the_check(ring: KeyRing, token: str | bytes) -> None:
    """Any text or bytes, lone surrogates included, is simply not a key."""
    assert ring.find(token) is None
