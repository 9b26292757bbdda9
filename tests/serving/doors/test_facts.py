"""The endpoint says what it has, how it goes, and nothing to strangers but that it lives."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tests.serving.client import Caller, calling

from forerun.testing.backend import FakeBackend


def test_health_does_not_look_at_the_engine(caller: Caller, backend: FakeBackend) -> None:
    """A broken engine makes it not ready; restarting the process for it is not health's call."""
    backend.failure = RuntimeError("broken")
    backend.missing = "recovering"
    assert (caller.send("GET", "/healthz").status, caller.send("GET", "/readyz").status) == (200, 503)


def test_readiness_says_what_is_missing(caller: Caller, backend: FakeBackend) -> None:
    """503 until the engine says so itself."""
    backend.missing = "recovering"
    reply = caller.send("GET", "/readyz")
    assert (reply.status, reply.json) == (503, {"ready": False, "missing": "recovering"})
    backend.missing = ""
    assert caller.send("GET", "/readyz").json == {"ready": True}


def test_metrics_are_prometheus_text_with_the_doors_counts(caller: Caller) -> None:
    """A scrape parses, and counts the requests before it by declared route."""
    assert caller.predict(b"{").status == 400
    assert caller.send("GET", "/v1/models/" + "x" * 50 + "/predict").status == 404
    reply = caller.send("GET", "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    counts = {
        (sample.labels["route"], sample.labels["code"]): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
        if sample.name == "forerun_request_seconds_count"
    }
    assert counts == {("/v1/models/{model}/predict", "400"): 1, ("unknown", "404"): 1}


def test_metrics_can_be_opened(tmp_path: Path) -> None:
    """Only on request does a scrape need no key."""
    for metrics_open, status in [(False, 401), (True, 200)]:
        folder = tmp_path / str(metrics_open)
        with calling(FakeBackend(), folder, metrics_open=metrics_open) as caller:
            assert caller.send("GET", "/metrics", headers={"authorization": None}).status == status


def test_status_and_models_are_listed(caller: Caller) -> None:
    """What the engine says, and what each model wants to be told."""
    assert caller.send("GET", "/v1/status").json["app"] == "fake"
    (model,) = caller.send("GET", "/v1/models").json["models"]
    assert (model["name"], model["stream"], model["version"]) == ("WillReturn", "Ordered", None)
    assert model["inputs"] == ["amount", "OrderNow.orders_1h"]
    assert model["fields"][0] == {"name": "order", "type": "string", "nullable": False}
    assert caller.send("POST", model["predict"], b"{}").status == 422


def test_the_page_lists_every_route_and_no_name(caller: Caller) -> None:
    """A newcomer sees what there is; a stranger does not learn what the app is about."""
    reply = caller.send("GET", "/", headers={"authorization": None})
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    page = reply.body.decode()
    assert all(route.template.replace("<", "&lt;") in page for route in caller.endpoint.routes)
    assert not any(name in page for name in ("WillReturn", "OrderNow", "Ordered", "shop"))


def test_head_is_answered_where_get_is(caller: Caller) -> None:
    """Load balancers ask with HEAD; the server leaves the body out."""
    assert caller.send("HEAD", "/healthz").status == 200
