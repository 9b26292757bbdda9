"""API keys: made here, shown once, kept only as digests in a file that its owner alone can read."""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from forerun.errors import KeyFileError, KeyNameError
from forerun.security.roles import ROLES_WITH, Permission, permissions_of

PREFIX = "fr_"
"""Starts every key, so that scanners of leaked secrets can recognise one."""
SECRET_BYTES = 32
KEYS_MAX = 256
"""Each check looks at every key, so their number is bounded."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a key: never the key itself.

    Args:
        name: Who or what uses it.
        digest: SHA-256 of the key, hex. A key has 256 random bits, so a slow hash would add nothing.
        roles: Names from `forerun.security.roles.ROLES`.
        created_us: When it was made.

    >>> ApiKey(name="laptop", digest="00", roles=("owner",), created_us=0).name
    'laptop'
    """

    name: str
    digest: str
    roles: tuple[str, ...]
    created_us: int

    def may(self, permission: Permission) -> bool:
        """Say whether the key's roles cover a permission.

        >>> ApiKey(name="probe", digest="00", roles=("observer",), created_us=0).may(Permission.PREDICT)
        False
        """
        return not ROLES_WITH[permission].isdisjoint(self.roles)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    keys: tuple[ApiKey, ...]


class KeyRing:
    """The keys of one app, in one file.

    Several processes may change the file: changes are made under a lock and appear whole or not at all.
    A reader sees them through `reload_if_changed`.

    Args:
        path: The file; it and its folder need not exist yet.

    Raises:
        KeyFileError: The file is damaged, or others than its owner may read or write it.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ring = KeyRing(Path(folder) / "keys.json")
    ...     key = ring.create("laptop", roles=["owner"], now_us=0)
    ...     ring.find(key).name, ring.find("fr_guess")
    ('laptop', None)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: tuple[ApiKey, ...] = ()
        self._digests: tuple[tuple[bytes, ApiKey], ...] = ()
        self._stamp: tuple[int, int, int] | None = None
        self.reload_if_changed()

    def find(self, token: str | bytes) -> ApiKey | None:
        """Return the key that a caller presents, or None.

        The time taken depends on how many keys there are, not on how much of one was guessed: digests
        are compared, each one whole, and always all of them.
        """
        raw = token.encode("utf-8", "surrogatepass") if isinstance(token, str) else token
        digest = hashlib.sha256(raw).digest()
        found = None
        for known, key in self._digests:
            if hmac.compare_digest(known, digest):
                found = key
        return found

    def list(self) -> tuple[ApiKey, ...]:
        """Return what is known of every key, oldest first."""
        return self._keys

    def create_first(self, now_us: int) -> str | None:
        """Make the owner's key if this app never had one.

        Returns:
            The key, to be shown once; None if there is a file of keys, even one that lists none.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     ring = KeyRing(Path(folder) / "keys.json")
        ...     ring.create_first(now_us=0)[:3], ring.create_first(now_us=0)
        ('fr_', None)
        """
        if self._stamp is not None:
            return None
        return self.create("owner", roles=["owner"], now_us=now_us)

    def create(self, name: str, *, roles: Iterable[str], now_us: int) -> str:
        """Make a key and keep its digest.

        Args:
            name: 1 to 63 of a-z, 0-9, dot, dash, underscore; not in use yet.
            roles: What it may do; see `forerun.security.roles.ROLES`.
            now_us: The time of creation to note.

        Returns:
            The key. It cannot be had again.

        Raises:
            KeyNameError: The name is taken or unfit, a role is unknown, or there are `KEYS_MAX` keys.
        """
        if not _NAME.fullmatch(name):
            raise KeyNameError(f"key name {name!r}: use 1 to 63 of a-z, 0-9, '.', '-', '_'.")
        granted = tuple(dict.fromkeys(roles))
        if not permissions_of(granted):
            raise KeyNameError(f"key {name!r} has no role; a key without one could do nothing.")
        token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self._changing():
            if any(key.name == name for key in self._keys):
                raise KeyNameError(f"a key named {name!r} exists; revoke it first or choose another name.")
            if len(self._keys) >= KEYS_MAX:
                raise KeyNameError(f"there are {KEYS_MAX} keys already; revoke those no longer used.")
            self._write((*self._keys, ApiKey(name=name, digest=digest, roles=granted, created_us=now_us)))
        return token

    def revoke(self, name: str) -> ApiKey:
        """Forget a key; running servers follow within a second.

        Returns:
            What was known of it.

        Raises:
            KeyNameError: There is no key of that name.
        """
        with self._changing():
            for key in self._keys:
                if key.name == name:
                    self._write(tuple(other for other in self._keys if other is not key))
                    return key
        names = ", ".join(key.name for key in self._keys) or "none"
        raise KeyNameError(f"no key named {name!r}; there are: {names}.")

    def reload_if_changed(self) -> bool:
        """Read the file again if it is not the one read last; costs one `stat` if it is.

        Returns:
            Whether the keys were read anew. A file that was removed leaves no key valid.

        Raises:
            KeyFileError: As when opening; no key is valid then, until the file is good again.
        """
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            changed = self._stamp is not None
            self._take((), None)
            return changed
        stamp = (seen.st_mtime_ns, seen.st_ino, seen.st_size)
        if stamp == self._stamp:
            return False
        self._take((), None)
        if seen.st_mode & 0o077:
            raise KeyFileError(
                f"{self._path} may be read by others (mode {seen.st_mode & 0o777:o}); "
                f"run: chmod 600 {self._path}"
            )
        try:
            content = msgspec.json.decode(self._path.read_bytes(), type=_File)
            digests = [bytes.fromhex(key.digest) for key in content.keys]
            for key in content.keys:
                permissions_of(key.roles)
        except (ValueError, KeyNameError) as exc:
            raise KeyFileError(
                f"{self._path} is damaged ({exc}); restore it, or remove it to have a new key made."
            ) from exc
        self._take(content.keys, stamp, digests)
        return True

    def _take(
        self, keys: tuple[ApiKey, ...], stamp: tuple[int, int, int] | None, digests: Iterable[bytes] = ()
    ) -> None:
        self._keys, self._stamp = keys, stamp
        self._digests = tuple(zip(digests, keys, strict=True))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock against other processes, and start from what they wrote last."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.reload_if_changed()
            yield
        finally:
            os.close(lock)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        """Put a new file in the old one's place; mkstemp makes it readable by its owner only."""
        content = msgspec.json.format(msgspec.json.encode(_File(1, keys)), indent=2)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keys-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.reload_if_changed()
