"""What the pages tell callers to send is what the endpoint takes, and what they list is what there is."""

import json
import re
from pathlib import Path

from tests.serving.client import Caller, calling

from forerun.monitoring.metrics import DoorCounts, Metrics
from forerun.monitoring.status import Status
from forerun.runtime.load import load
from forerun.testing.backend import FakeBackend


def test_the_request_of_the_how_to_is_taken(repository: Path, tmp_path: Path) -> None:
    """The flight on the page fits the app on the page, and the mistake it shows is told as it says."""
    page = (repository / "docs/how-to/call-the-endpoint.md").read_text()
    body = re.search(r'title="flight.json"\n(.*?)```', page, re.DOTALL)
    told = re.search(r'^({"error".*})$', page, re.MULTILINE)
    assert body
    assert told
    app = load(repository / "examples/flights")
    with calling(FakeBackend(), tmp_path, app=app) as caller:
        path = "/v1/models/LateArrival/predict"
        assert caller.send("POST", path, body[1].encode()).status == 200
        inputs = json.loads(body[1])["inputs"]
        del inputs["distance"]
        assert caller.send("POST", path, json.dumps({"inputs": inputs}).encode()).json == json.loads(told[1])


def test_the_reference_lists_every_path_code_and_metric(repository: Path, caller: Caller) -> None:
    """A new route, refusal or metric fails this test until it is on the page."""
    page = (repository / "docs/reference/http.md").read_text()
    for route in caller.endpoint.routes:
        assert f"`{route.template}`" in page
        assert route.permission is None or f"| {route.permission} |" in page
    sources = [path.read_text() for path in (repository / "src/forerun/serving").rglob("*.py")]
    pattern = r'(?:reason=|refusal\(\d+, |refusal_bytes\(\d+, |field, |None, |name, )"([a-z]+(?:_[a-z]+)+)"'
    codes = {code for source in sources for code in re.findall(pattern, source)}
    assert len(codes) > 15
    assert {code for code in codes if f"`{code}`" not in page} == set()
    text = Metrics(lambda: Status(app="a", app_version="b"), DoorCounts(), "0").text().decode()
    metrics = set(re.findall(r"^# TYPE (forerun_\S+)", text, re.MULTILINE))
    assert {name for name in metrics if f"`{name}" not in page} == set()
