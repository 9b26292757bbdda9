"""Nobody comes in who should not: every route, every method, every way to ask."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.serving.client import GOOD, Caller, calling

from forerun.errors import KeyRefusedError, OriginRefusedError, RoleMissingError
from forerun.monitoring.metrics import DoorCounts
from forerun.security.keys import KeyRing
from forerun.security.roles import ROLES, Permission
from forerun.serving.gate import Gate
from forerun.testing.backend import FakeBackend

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO")
OPEN = {"/", "/healthz", "/readyz"}
EXPECTED = {
    "/metrics": Permission.OBSERVE,
    "/openapi.json": Permission.PREDICT,
    "/v1/models": Permission.PREDICT,
    "/v1/status": Permission.OBSERVE,
    "/v1/models/{model}/predict": Permission.PREDICT,
    "/v1/features/{view}": Permission.READ,
    "/v1/events/{stream}": Permission.APPEND,
}


def test_every_route_has_the_permission_written_down_here(caller: Caller) -> None:
    """A new route fails this test until somebody decides who may use it."""
    permissions = {route.template: route.permission for route in caller.endpoint.routes}
    assert permissions == {**dict.fromkeys(OPEN, None), **EXPECTED}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": None},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer null"},
        {"authorization": "Bearer fr_"},
        {"authorization": "Basic dGVzdDp0ZXN0"},
        {"authorization": "Digest username=test"},
        {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
        {"authorization": "Bearer " + "x" * 8000},
        {"authorization": "Bearer fr_é"},
        {"authorization": None, "x-api-key": ""},
        {"authorization": None, "x-api-key": "fr_" + "A" * 43},
        {"authorization": None, "cookie": "key=fr_x"},
    ],
)
def test_without_a_valid_key_every_path_and_method_is_401(
    caller: Caller, backend: FakeBackend, headers: Mapping[str, str | None]
) -> None:
    """Paths that exist and paths that do not look the same, whatever the method."""
    paths = {route.path for route in caller.endpoint.routes} - OPEN | {"/nothing", "/v1/models/x/predict", ""}
    replies = [caller.send(method, path, headers=headers) for path in paths for method in METHODS]
    assert {reply.status for reply in replies} == {401}
    assert len({reply.body for reply in replies}) == 1
    assert all(reply.headers["www-authenticate"].startswith("Bearer") for reply in replies)
    assert (backend.asked, backend.appended, backend.read_keys) == ([], [], [])


def test_near_misses_of_the_key_are_refused(caller: Caller) -> None:
    """The whole key, and nothing but the key."""
    key = caller.key
    for token in (key[:-1], key + "A", key.lower(), key[3:], f"{key} {key}", f'"{key}"', f"{key},"):
        assert caller.send("GET", "/v1/status", headers={"authorization": f"Bearer {token}"}).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "bearer {key}"},
        {"authorization": "BEARER {key}"},
        {"authorization": None, "x-api-key": "{key}"},
        {"authorization": "Bearer wrong", "x-api-key": "{key}"},
    ],
)
def test_the_key_may_come_in_either_header(caller: Caller, headers: Mapping[str, str | None]) -> None:
    """`Authorization: Bearer` or `X-API-Key`; the scheme's case does not matter."""
    filled = {name: value and value.format(key=caller.key) for name, value in headers.items()}
    assert caller.send("GET", "/v1/status", headers=filled).status == 200


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_is_written_down_and_nothing_else(tmp_path: Path, role: str) -> None:
    """The matrix of roles and routes, asked of the running endpoint."""
    with calling(FakeBackend(), tmp_path, roles=[role]) as caller:
        for route in caller.endpoint.routes:
            reply = caller.send(route.method, route.path)
            refused = route.permission is not None and route.permission not in ROLES[role]
            assert (reply.status == 403) == refused
            if refused:
                assert reply.error["code"] == "role_missing"


def test_with_a_valid_key_mistakes_are_explained(caller: Caller) -> None:
    """404 lists what there is, 405 what the path takes."""
    reply = caller.send("POST", "/v1/models/WillRetrun/predict", b"{}")
    assert (reply.status, reply.error["code"]) == (404, "unknown_path")
    assert "/v1/models/WillReturn/predict" in reply.error["message"]
    reply = caller.send("GET", "/v1/models/WillReturn/predict")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert caller.send("DELETE", "/v1/status").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/../status",
        "/v1/models/WillReturn/predict/",
        "//v1/status",
        "/v1/models/WillReturn%2fpredict",
        "/v1/features/../../etc/passwd",
        "/v1/features/OrderNow\x00",
        "/V1/status",
        "/v1/features/Ord\u0435rNow",
    ],
)
def test_only_the_exact_path_is_a_path(caller: Caller, path: str) -> None:
    """No normalising, so no two names for one thing."""
    assert caller.send("GET", path).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"host": None},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "evil.example:8787"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost@evil.example"},
        {"host": "0.0.0.0:8787"},
        {"host": "[::]:8787"},
        {"host": "2130706433"},
        {"host": "127.1"},
        {"host": "[::1"},
        {"host": "localhost\x00"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": ""},
    ],
)
def test_web_pages_cannot_use_a_local_endpoint(
    caller: Caller, backend: FakeBackend, headers: Mapping[str, str | None]
) -> None:
    """A name that is not ours or another site's page is 403 everywhere, also with a key."""
    for route in caller.endpoint.routes:
        reply = caller.send(route.method, route.path, headers=headers)
        assert (reply.status, reply.error["code"]) == (403, "origin_refused")
    assert (backend.asked, backend.appended, backend.read_keys) == ([], [], [])


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost"},
        {"host": "LOCALHOST:9000"},
        {"host": "[::1]:8787"},
        {"host": "127.0.0.1:80", "origin": "http://127.0.0.1:80"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_local_names_are_ours(caller: Caller, headers: Mapping[str, str]) -> None:
    """Any port: a tunnel may bring the request from another one."""
    assert caller.send("GET", "/healthz", headers=headers).status == 200


def test_other_names_must_be_declared_or_all_allowed(tmp_path: Path) -> None:
    """A public endpoint names its hosts, or says that any will do."""
    headers = {"host": "api.example:443"}
    for hosts, status in [((), 403), (["API.example"], 200), (["other.example"], 403), (None, 200)]:
        with calling(FakeBackend(), tmp_path / str(hosts), hosts=hosts) as caller:
            assert caller.send("GET", "/healthz", headers=headers).status == status


def test_denials_are_counted_and_logged_without_the_key(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    """Who was denied what and why; never with what token. Many at once become one line and a number."""
    for _ in range(20):
        caller.send("GET", "/v1/status", headers={"authorization": "Bearer fr_c4nary"})
    caller.send("GET", "/v1/status", headers={"origin": "null"})
    assert caller.endpoint.counts.denials == {"key": 20, "origin": 1}
    records = [record for record in caplog.records if record.name == "forerun.access"]
    assert len(records) == 1
    assert records[0].getMessage() == "denied GET /v1/status to 127.0.0.1: key"
    assert "c4nary" not in caplog.text


def test_line_breaks_in_a_path_do_not_reach_the_log(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """The log names declared routes, so callers cannot write lines into it."""
    caller.send("GET", "/x\r\nforged line", headers={"authorization": None})
    assert "forged" not in caplog.text


def test_the_gate_says_what_it_refuses_for(tmp_path: Path) -> None:
    """Each refusal is an error of its own, so that each is answered, counted and logged as what it is."""
    ring = KeyRing(tmp_path / "keys.json")
    key = ring.create("probe", roles=["observer"], now_us=0)
    gate = Gate(ring, (), DoorCounts())
    gate.check_origin({b"host": b"localhost"})
    with pytest.raises(OriginRefusedError, match="host"):
        gate.check_origin({b"host": b"evil.example"})
    with pytest.raises(OriginRefusedError, match="web pages"):
        gate.check_origin({b"host": b"localhost", b"origin": b"https://evil.example"})
    gate.check_key({b"x-api-key": key.encode()}, Permission.OBSERVE)
    gate.check_key({b"x-api-key": key.encode()}, None)
    with pytest.raises(RoleMissingError, match=r"key 'probe' \(observer\) may not append"):
        gate.check_key({b"x-api-key": key.encode()}, Permission.APPEND)
    with pytest.raises(KeyRefusedError, match="send an API key"):
        gate.check_key({}, None)


def test_a_revoked_key_stops_working_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is looked at once a second, whatever the load."""
    ring, other = KeyRing(tmp_path / "keys.json"), KeyRing(tmp_path / "keys.json")
    key = ring.create("laptop", roles=["owner"], now_us=0)
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    gate = Gate(ring, (), DoorCounts())
    headers = {b"x-api-key": key.encode()}
    other.reload_if_changed()
    other.revoke("laptop")
    clock[0] += 0.9
    gate.check_key(headers, Permission.READ)
    clock[0] += 0.1
    with pytest.raises(KeyRefusedError):
        gate.check_key(headers, Permission.READ)


def test_a_damaged_key_file_lets_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even those who were known before; the log says why."""
    ring = KeyRing(tmp_path / "keys.json")
    key = ring.create("laptop", roles=["owner"], now_us=0)
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    gate = Gate(ring, (), DoorCounts())
    (tmp_path / "keys.json").write_text("{")
    clock[0] += 1.0
    with pytest.raises(KeyRefusedError):
        gate.check_key({b"x-api-key": key.encode()}, Permission.READ)
    assert "no API key is valid" in caplog.text


def test_the_key_is_asked_before_the_body_is_read(caller: Caller) -> None:
    """A stranger's body costs nothing: it is neither waited for nor parsed."""
    reply = caller.predict(b"{", headers={"authorization": None, "content-length": "999999999"})
    assert reply.status == 401
    assert caller.predict(GOOD).status == 200
