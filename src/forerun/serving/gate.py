"""Who may come in: no request from a web page, none without a key, none beyond the key's roles."""

import logging
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from forerun.errors import AccessError, KeyFileError, KeyRefusedError, OriginRefusedError, RoleMissingError
from forerun.monitoring.metrics import DoorCounts
from forerun.security.keys import KeyRing
from forerun.security.roles import Permission

log = logging.getLogger("forerun.access")

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
RELOAD_S = 1.0
"""How old the known keys may be: a revoked key stops working within this time."""
LOGGED_EVERY_S = 1.0
"""Denials are logged one by one when rare and as a number when many."""


class Gate:
    """Checks the caller of each request. Deny is the default.

    Being local is no permission: a web page in a browser on this machine can reach a local port, also
    under a name that it made resolve to 127.0.0.1. So the name a request was sent to must be ours, and
    a browser must not say that another page is behind it.

    Args:
        keys: Who exists.
        hosts: Names under which the endpoint may be addressed, besides the local ones; None: any.
        counts: Counts denials.

    >>> from pathlib import Path
    >>> gate = Gate(KeyRing(Path("none.json")), (), DoorCounts())
    >>> gate.check_key({b"authorization": b"Bearer fr_guess"}, Permission.READ)
    Traceback (most recent call last):
    forerun.errors.KeyRefusedError: [FR-ACCESS-KEY] this API key is not valid (any more).
    """

    def __init__(self, keys: KeyRing, hosts: Iterable[str] | None, counts: DoorCounts) -> None:
        self._keys = keys
        self._hosts = None if hosts is None else LOCAL_HOSTS | {host.lower() for host in hosts}
        self._known_hosts: set[bytes] = set()
        self._counts = counts
        self._reload_at_s = time.monotonic() + RELOAD_S
        self._log_at_s = 0.0
        self._unlogged = 0

    def check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse what a foreign web page sends.

        Raises:
            OriginRefusedError: Sent to a name that is not ours, or on behalf of another site's page.
        """
        host = headers.get(b"host", b"")
        if host not in self._known_hosts:
            self._check_host(host)
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2] != host:
            raise OriginRefusedError("this endpoint takes no requests from web pages of other origins.")
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in (b"same-origin", b"none"):
            raise OriginRefusedError("this endpoint takes no requests from web pages of other sites.")

    def check_key(self, headers: Mapping[bytes, bytes], permission: Permission | None) -> None:
        """Refuse callers without a key that covers the permission; None: any key will do.

        Raises:
            KeyRefusedError: No key, an invalid or a revoked one.
            RoleMissingError: The key's roles do not cover the permission.
        """
        now_s = time.monotonic()
        if now_s >= self._reload_at_s:
            self._reload(now_s)
        token = headers.get(b"x-api-key")
        if token is None:
            scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not token:
                raise KeyRefusedError(
                    "send an API key: 'Authorization: Bearer fr_...' or 'X-API-Key: fr_...'."
                )
        key = self._keys.find(token)
        if key is None:
            raise KeyRefusedError("this API key is not valid (any more).")
        if permission is not None and not key.may(permission):
            raise RoleMissingError(
                f"key '{key.name}' ({', '.join(key.roles)}) may not {permission}; use another."
            )

    def note_denial(self, error: AccessError, method: str, route: str, client: str) -> None:
        """Count a denial and log who was denied what, never with what key."""
        reason = {KeyRefusedError: "key", RoleMissingError: "role"}.get(type(error), "origin")
        self._counts.denied(reason)
        now_s = time.monotonic()
        if now_s < self._log_at_s:
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more before)" if self._unlogged else ""
        log.warning("denied %s %s to %s: %s%s", method, route, client, reason, more)
        self._log_at_s = now_s + LOGGED_EVERY_S
        self._unlogged = 0

    def _check_host(self, host: bytes) -> None:
        try:
            split = urlsplit("//" + host.decode("ascii"))
            name = split.hostname or ""
        except ValueError:
            name = ""
        name = f"[{name}]" if ":" in name else name
        if not name or (self._hosts is not None and name not in self._hosts):
            raise OriginRefusedError("the Host header names a host that this endpoint does not go by.")
        if len(self._known_hosts) < 64:
            self._known_hosts.add(host)

    def _reload(self, now_s: float) -> None:
        self._reload_at_s = now_s + RELOAD_S
        try:
            self._keys.reload_if_changed()
        except KeyFileError as exc:
            log.error("no API key is valid: %s", exc.message)
