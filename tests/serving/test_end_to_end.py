"""Through a socket, the doors, the engine, the kernel and the disk, and back."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.serving.apps import app as shop
from tests.serving.client import GOOD
from tests.serving.sockets import Wire

from forerun.runtime.engine import Engine
from forerun.security.keys import KeyRing
from forerun.serving.server import Server
from forerun.testing.clock import ManualClock

START_US = 1_357_034_400_000_000  # 2013-01-01T10:00:00Z
MINUTE_US = 60_000_000


@contextmanager
def running(folder: Path) -> Iterator[Wire]:
    """The shop, served from a data directory, and a connection with the owner's key."""
    keys = KeyRing(folder / "keys.json")
    key = keys.create("test", roles=["owner"], now_us=0) if not keys.list() else (folder / "key").read_text()
    (folder / "key").write_text(key)
    clock = ManualClock(START_US + 10 * MINUTE_US)
    with (
        Engine.open(shop, folder / "data", clock=clock) as engine,
        Server(shop, engine, keys, port=0) as server,
        Wire(server, key) as wire,
    ):
        yield wire


def order(number: int, **change: object) -> dict[str, object]:
    """One event, a minute after the one before."""
    return {**GOOD, "order": "o1", "at": START_US + number * MINUTE_US, "count": number, **change}


def ask(wire: Wire, method: str, path: str, body: object = None, *headers: str) -> tuple[int, Any]:
    """Send one request, return status and content."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    wire.request(method, path, raw, *headers)
    status, _, content = wire.reply()
    return status, content


def features(wire: Wire, key: str) -> Mapping[str, Any]:
    """What the engine holds of one order, at its now."""
    status, content = ask(wire, "GET", f"/v1/features/OrderNow?order={key}")
    assert status == 200, content
    return dict(content)


def test_events_become_features_and_predictions_and_outlive_the_process(tmp_path: Path) -> None:
    """What was appended is read back with its provenance, predicted on, counted, and survives."""
    with running(tmp_path) as wire:
        assert ask(wire, "GET", "/readyz") == (200, {"ready": True})
        status, appended = ask(wire, "POST", "/v1/events/Ordered", order(0))
        assert (status, appended) == (200, {"accepted": 1, "quarantined": [], "offsets": [0, 0]})
        rows = b"\n".join(json.dumps(row).encode() for row in [order(1), order(2, gift="no"), order(3)])
        lines = rows.replace(b"\r", b"")
        wire.send(
            wire.head("POST", "/v1/events/Ordered", len(lines)).replace(
                b"application/json", b"application/x-ndjson"
            )
            + lines
        )
        status, _, appended = wire.reply()
        assert (status, appended["accepted"], appended["offsets"]) == (200, 2, [1, 2])
        assert [(row["row"], row["field"]) for row in appended["quarantined"]] == [(1, "gift")]

        got = features(wire, "o1")
        assert got["values"]["orders_1h"] == 3
        assert got["values"]["last_seen"] == "2013-01-02T05:00:00Z"
        assert got["provenance"]["offset"] == 2
        assert got["provenance"]["event_time"] == "2013-01-01T10:03:00Z"
        assert features(wire, "o2")["values"]["orders_1h"] == 0

        status, first = ask(wire, "POST", "/v1/models/WillReturn/predict", {"inputs": order(5)})
        assert status == 200, first
        assert (first["score"], first["grade"]) == (None, "default")
        assert first["event_time"] == "2013-01-01T10:05:00Z"
        assert first["reason"]
        status, second = ask(wire, "POST", "/v1/models/WillReturn/predict", {"inputs": order(5)})
        assert (status, second["prediction_id"] == first["prediction_id"]) == (200, False)
        status, refused = ask(wire, "POST", "/v1/models/WillReturn/predict", {"inputs": order(5, count="x")})
        assert (status, refused["error"]["field"]) == (422, "count")

        _, state = ask(wire, "GET", "/v1/status")
        (ordered,) = [stream for stream in state["streams"] if stream["name"] == "Ordered"]
        assert (ordered["consumed"], ordered["applied"], ordered["quarantined"]) == (3, 3, 1)

    with running(tmp_path) as wire:
        assert features(wire, "o1")["values"] == got["values"]
        assert features(wire, "o1")["provenance"]["offset"] == 2
        status, third = ask(wire, "POST", "/v1/models/WillReturn/predict", {"inputs": order(5)})
        assert status == 200
        assert third["prediction_id"] not in (first["prediction_id"], second["prediction_id"])
        wire.request("GET", "/metrics", b"", "connection: close")
        text = wire.rest().decode().partition("\r\n\r\n")[2]
        samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        applied = ("forerun_events_total", ("outcome", "applied"), ("stream", "Ordered"))
        assert samples[applied] == 3
        made = [value for name, value in samples.items() if name[0] == "forerun_predictions_total"]
        assert sum(made) == 6  # one for each event applied, one for each request
