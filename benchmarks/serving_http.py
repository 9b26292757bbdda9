"""What a prediction over HTTP costs before the engine does anything: CPU microseconds a request, and latency.

    python benchmarks/serving_http.py [--fastapi PYTHON] [--seconds S] [--repeats N] [--record]

Needs wrk (`apt-get install wrk`) and two cores: servers run on core 0, wrk on core 1. CPU is the run time of
all the server's threads, by the kernel's count, so waiting for a core is not in it. Other work on the
machine moves requests a second and tails a lot, CPU less; ratios hold best, so the servers take turns. One
constant body of nine fields, 1 and 16 connections kept alive, each figure the median of the repeats.

    forerun             the product's endpoint: key, host and origin checks, every field validated, limits,
                        metrics; an engine that answers at once
    forerun, threaded   the same with an engine on a thread of its own that answers whole groups, as the
                        real one does
    forerun, real       the real engine, without a trained model: reads the vector, journals and commits every
                        group to disk before it answers
    uvicorn + msgspec   the floor under uvicorn: a bare ASGI function that decodes the same body into the same
                        types and encodes the same answer; nothing else
    FastAPI             the same as a FastAPI endpoint with pydantic models, for --fastapi's interpreter; no
                        key, no metrics
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

HERE = Path(__file__)
RESULTS = HERE.parent / "results" / "serving_http.json"
KEY_FILE = "key.txt"
BODY = json.dumps(
    {
        "inputs": {
            "flight": "2013-01-15/UA1545/EWR/0515",
            "at": "2013-01-15T09:15:00Z",
            "origin": "EWR",
            "dest": "IAH",
            "carrier": "UA",
            "tailnum": "N14228",
            "distance": 1400.0,
            "hour": 5,
            "weekend": False,
        }
    }
)
ANSWER: dict[str, Any] = {
    "prediction_id": "8cbe7fbc19bdc1ee1d7e47bf04c3f9b6",
    "score": 0.5,
    "decisions": [],
    "grade": "fresh",
    "reason": None,
    "model_version": "3f2a",
    "feature_version": "77ab",
    "event_time": "2013-01-15T09:15:00Z",
    "age_ms": 1.5,
    "latency_us": 100,
}


# Servers ---------------------------------------------------------------------


def serve_forerun(port: int, folder: Path, kind: Literal["direct", "threaded", "real"]) -> None:
    """The product's endpoint before an engine that computes nothing, or before the real one."""
    import forerun as fr
    from forerun.runtime.app import App
    from forerun.security.keys import KeyRing
    from forerun.serving.backend import Backend, Prediction
    from forerun.serving.server import Server
    from forerun.testing.backend import FakeBackend

    app = App("flights")

    @app.stream(key="flight", lateness="30m")
    class Scheduled(fr.Event):
        """A flight is due to leave in an hour."""

        flight: str
        at: fr.EventTime
        origin: str
        dest: str
        carrier: str
        tailnum: str | None
        distance: float
        hour: int
        weekend: bool

    @app.model(on=Scheduled, label=fr.label(Scheduled, Scheduled.distance > 0, within="1d"), warmup="1d")
    class LateArrival(fr.Model):
        """Whether it arrives late."""

        inputs: ClassVar[Sequence[object]] = (Scheduled.distance,)

        def fit(self, table: fr.Table) -> object:
            """Never called."""
            return table

    class Engine(FakeBackend):
        """Answers as the fake does, and forgets."""

        def submit_predict(
            self, model: str, fields: Mapping[str, object], done: Callable[[Prediction | BaseException], None]
        ) -> None:
            """Answer at once, or leave it to the thread."""
            self.asked.clear()
            if kind == "threaded":
                queue.append((model, fields, done))
                wake.set()
            else:
                super().submit_predict(model, fields, done)

    queue: deque[tuple[str, Mapping[str, object], Callable[[Prediction | BaseException], None]]] = deque()
    wake = threading.Event()
    answering = FakeBackend()

    def answer_groups() -> None:
        while True:
            wake.wait()
            wake.clear()
            while queue:
                answering.submit_predict(*queue.popleft())
            answering.asked.clear()

    if kind == "threaded":
        threading.Thread(target=answer_groups, daemon=True).start()
    keys = KeyRing(folder / "keys.json")
    key = keys.create("bench", roles=["caller"], now_us=0)
    if kind == "real":
        from forerun.runtime.engine import Engine as RealEngine

        engine: Backend = RealEngine.open(app, folder / "data")
    else:
        engine = Engine()
    with Server(app, engine, keys, port=port):
        (folder / KEY_FILE).write_text(key)
        threading.Event().wait()


def serve_raw(port: int) -> None:
    """A bare ASGI function."""
    from datetime import datetime

    import msgspec
    import uvicorn

    class Inputs(msgspec.Struct, forbid_unknown_fields=True):
        flight: str
        at: datetime
        origin: str
        dest: str
        carrier: str
        tailnum: str | None
        distance: float
        hour: int
        weekend: bool

    class Request(msgspec.Struct, forbid_unknown_fields=True):
        inputs: Inputs

    decode = msgspec.json.Decoder(Request).decode
    encode = msgspec.json.Encoder().encode

    async def app(_: object, receive: Callable[[], Any], send: Callable[[object], Any]) -> None:
        decode((await receive())["body"])
        body = encode(ANSWER)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning", lifespan="off"
    )


def serve_fastapi(port: int) -> None:
    """A FastAPI endpoint."""
    from datetime import datetime

    import fastapi  # type: ignore[import-not-found,unused-ignore]  # in the interpreter of --fastapi
    import pydantic
    import uvicorn

    class Inputs(pydantic.BaseModel, extra="forbid"):
        flight: str
        at: datetime
        origin: str
        dest: str
        carrier: str
        tailnum: str | None
        distance: float
        hour: int
        weekend: bool

    class Request(pydantic.BaseModel, extra="forbid"):
        inputs: Inputs

    class Answer(pydantic.BaseModel):
        prediction_id: str
        score: float | None
        decisions: list[str]
        grade: str
        reason: str | None
        model_version: str | None
        feature_version: str
        event_time: str
        age_ms: float | None
        latency_us: int

    app = fastapi.FastAPI()

    async def predict(request: Request) -> Answer:  # noqa: ARG001  # decoded and checked by FastAPI
        return Answer.model_construct(**ANSWER)

    app.post("/v1/models/LateArrival/predict", response_model=Answer)(predict)

    uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


# Measuring -------------------------------------------------------------------


def cpu_ns(pid: int) -> int:
    """Run time of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


@dataclass
class Running:
    """A server that was started."""

    name: str
    process: "subprocess.Popen[bytes]"
    url: str
    key: str


def start(name: str, python: str, port: int, folder: Path) -> Running:
    """Start one server on core 0 and see that it answers."""
    folder.mkdir()
    url = f"http://127.0.0.1:{port}/v1/models/LateArrival/predict"
    command = [python, str(HERE), "--serve", name, "--port", str(port), "--folder", str(folder)]
    process = subprocess.Popen(["taskset", "-c", "0", *command])
    try:
        return Running(
            name,
            process,
            url,
            wait_until_it_answers(url, folder / KEY_FILE, process, keyed=name.startswith("forerun")),
        )
    except BaseException:
        process.terminate()
        raise


def load(server: Running, connections: int, seconds: float, script: Path) -> dict[str, float]:
    """Run wrk once, on core 1."""
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    before = cpu_ns(server.process.pid)
    out = subprocess.run(
        [*command, "-s", str(script), "-H", f"Authorization: Bearer {server.key}", server.url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    used = cpu_ns(server.process.pid) - before
    found = re.search(r"(\d+) requests in", out)
    assert found, out
    assert "Non-2xx" not in out, out
    assert "Socket errors" not in out, out
    requests = int(found[1])
    result = {"cpu_us": used / 1000 / requests, "per_s": requests / seconds}
    for quantile in (50, 99):
        match = re.search(rf"\s{quantile}%\s+([\d.]+)(us|ms|s)", out)
        assert match, out
        result[f"p{quantile}_us"] = float(match[1]) * {"us": 1.0, "ms": 1e3, "s": 1e6}[match[2]]
    return result


def measure(servers: list[Running], options: argparse.Namespace, script: Path) -> list[dict[str, Any]]:
    """Load the servers in turn, so that whatever else the machine does meets all of them alike."""
    results: list[dict[str, Any]] = [{"name": server.name} for server in servers]
    for server in servers:
        load(server, 16, options.seconds, script)  # warm up
    for connections in (1, 16):
        runs: list[list[dict[str, float]]] = [[] for _ in servers]
        for _ in range(options.repeats):
            for server, own in zip(servers, runs, strict=True):
                own.append(load(server, connections, options.seconds, script))
        for result, own in zip(results, runs, strict=True):
            result[f"c{connections}"] = {
                figure: round(statistics.median(run[figure] for run in own), 1)
                for figure in ("cpu_us", "per_s", "p50_us", "p99_us")
            }
    return results


def wait_until_it_answers(url: str, key_file: Path, server: "subprocess.Popen[bytes]", *, keyed: bool) -> str:
    """Ask until an answer has the declared shape; return the key to ask with."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        if keyed and not key_file.exists():
            time.sleep(0.1)
            continue
        key = key_file.read_text() if keyed else "none"
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        try:
            request = urllib.request.Request(url, BODY.encode(), headers)
            with urllib.request.urlopen(request, timeout=5) as reply:
                assert set(json.load(reply)) == set(ANSWER)
                return key
        except OSError:
            time.sleep(0.3)
    raise RuntimeError("the server does not answer")


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fastapi", metavar="PYTHON", help="an interpreter that has fastapi and uvicorn[standard]"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each figure")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=8790, help="first of a few ports")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    servers: dict[str, Callable[[], None]] = {
        "forerun": lambda: serve_forerun(options.port, options.folder, "direct"),
        "forerun, threaded": lambda: serve_forerun(options.port, options.folder, "threaded"),
        "forerun, real": lambda: serve_forerun(options.port, options.folder, "real"),
        "uvicorn + msgspec": lambda: serve_raw(options.port),
        "FastAPI": lambda: serve_fastapi(options.port),
    }
    if options.serve:
        servers[options.serve]()
        return
    missing = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if missing or (os.cpu_count() or 1) < 2:
        print(f"did not run: needs {', '.join(missing) or 'two cores'} (apt-get install wrk util-linux)")
        return
    running: list[Running] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "body.lua"
        script.write_text(
            f"wrk.method='POST'\nwrk.body='{BODY}'\nwrk.headers['Content-Type']='application/json'\n"
        )
        try:
            for number, name in enumerate(servers):
                python = options.fastapi if name == "FastAPI" else sys.executable
                if python:
                    running.append(start(name, python, options.port + number, folder / str(number)))
            results = measure(running, options, script)
        finally:
            for server in running:
                server.process.terminate()
                server.process.wait()
    print("server               CPU us c=1   c=16   requests/s c=16   p50 us c=1   p99 us c=16   load")
    for result in results:
        one, many = result["c1"], result["c16"]
        print(
            f"{result['name']:20} {one['cpu_us']:10.1f} {many['cpu_us']:6.1f} {many['per_s']:17,.0f}"
            f" {one['p50_us']:12.0f} {many['p99_us']:13,.0f} {os.getloadavg()[0]:6.1f}"
        )
    if options.record:
        RESULTS.parent.mkdir(exist_ok=True)
        facts = {"python": sys.version.split()[0], "cores": os.cpu_count(), "load_1m": os.getloadavg()[0]}
        RESULTS.write_text(json.dumps({**facts, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
