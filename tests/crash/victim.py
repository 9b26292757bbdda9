"""A process that has everything imported and makes copies of itself to be killed.

Reads one JSON object a line: what a copy should do. Answers with one: how the copy ended and what it said.
A copy costs milliseconds where a new process would cost seconds of imports.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import sklearn.linear_model  # noqa: F401  # the app's fit imports it; the copies should not have to
from tests.crash.world import Countdown, crashing_world
from tests.runtime import shop

import forerun.models.from_sklearn  # noqa: F401
from forerun.events.decode import decode_rows
from forerun.runtime.engine import Engine
from forerun.runtime.history import comparable
from forerun.runtime.layout import Layout
from forerun.runtime.progress import Progress
from forerun.runtime.replay import replay
from forerun.streams.ipc import encode

HOURS = 16
WARMUP = "6h"


def run(order: dict[str, Any], say: Any) -> dict[str, object]:
    """Run the app to its end, or to the kill.

    Args:
        order: `data`; `kill_at` or null; `ask`: whether to predict and append along the way.
        say: Tells the parent something that was acknowledged.
    """
    source = shop.source_of(shop.events(HOURS))
    countdown = Countdown(order["kill_at"])
    world = crashing_world(countdown, threads=order["threads"])
    app = shop.make(source=source, warmup=WARMUP)
    with Engine.open(app, Path(order["data"]), world=world) as engine:

        def ask(progress: Progress) -> None:
            if not order["ask"]:
                return
            fields = {"order": f"asked {progress.done}", "shop": "s4", "amount": 300.0}
            say("predicted", engine.predict("Refunded", fields)["prediction_id"])
            row = {"order": f"sent {progress.done}", "at": engine.now_us(), "shop": "s4", "amount": 1.0}
            batch, _ = decode_rows(app.streams["Ordered"], [row])
            say("appended", engine.append("Ordered", batch))

        engine.run(source, on_progress=ask)
    return {"points": countdown.points}


def look(order: dict[str, Any], _: Any) -> dict[str, object]:
    """Say what is there in the end, in a form that must be the same after any crash."""
    directory = Path(order["data"])
    app = shop.make(source=shop.source_of(shop.events(HOURS)), warmup=WARMUP)
    with Engine.open(app, directory, read_only=True) as engine:
        history, status = engine.history(), engine.status()
        predictions = history.predictions("Refunded")
        found: dict[str, object] = {
            "predictions": _hex(comparable(predictions)),
            "ids": predictions["prediction_id"].to_pylist(),
            "labels": _hex(history.labels("Refunded")),
            "windows": {name: _hex(history.windows(name)) for name in app.emitters},
            "closed": status.windows,
            "rejected": _hex(history.rejected()),
            "decisions": (directory / "decisions/review.jsonl").read_text(),
            "sent": (directory / "decisions/hourly.jsonl").read_text(),
            "state": engine.state_hash(),
            "streams": [str(stream) for stream in status.streams],
            "models": [str(model) for model in status.models],
            "rules": status.decisions,
            "outbox": status.outbox_pending,
            "offsets": {stream.name: stream.consumed for stream in status.streams},
            "temporary": [str(path) for path in directory.rglob("*.tmp")],
        }
        history.close()
    if order["ask"]:
        found["replay"] = replay(Layout(app), directory).to_json()
    return found


def _hex(table: pa.Table) -> str:
    import hashlib

    batches = table.combine_chunks().to_batches()
    return f"{len(table)} rows {hashlib.sha256(b''.join(map(encode, batches))).hexdigest()}"


def carry_out(order: dict[str, Any], pipe: int) -> NoReturn:
    """Do it in this process, which is a copy, and end."""

    def say(kind: str, what: object) -> None:
        os.write(pipe, (json.dumps({kind: what}) + "\n").encode())

    code = 1
    try:
        say("result", {"run": run, "look": look}[order["do"]](order, say))
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def main() -> None:
    """Serve orders until the input ends."""
    warnings.simplefilter("ignore")  # a regression that does not converge is a fine model here
    for line in sys.stdin:
        order = json.loads(line)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            carry_out(order, theirs)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            said = [json.loads(part) for part in pipe]
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = {
            "killed": killed,
            "code": None if killed else os.waitstatus_to_exitcode(status),
            "said": said,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
