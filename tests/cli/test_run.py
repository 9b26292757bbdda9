"""`forerun run` as a process: it goes on where it stopped, answers meanwhile, deletes only when told."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import forerun

from forerun.cli.fresh import forget
from forerun.cli.place import find
from forerun.errors import DirectoryBusyError, NotConfirmedError
from forerun.state.lock import DirectoryLock

ORDER = {"order": "x", "customer": "c001", "product": "p00", "price": 20.0}

slow = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A starter project that has never been run."""
    assert forerun("new", tmp_path / "shop").code == 0
    return tmp_path / "shop"


@contextmanager
def started(*words: object) -> "Iterator[subprocess.Popen[str]]":
    """A `forerun` process whose lines can be read as they come; it does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "forerun.cli.main", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: "subprocess.Popen[str]", pattern: str) -> Iterator[str]:
    """Lines up to the one that matches."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if re.search(pattern, line):
            return
    raise AssertionError(f"the process ended and never said {pattern!r}")


def scores(project: Path) -> dict[str, Any]:
    """All predictions with their scores and labels, by id."""
    rows = forerun("predictions", "-a", project, "--limit", 1_000_000, "--json").rows
    return {row["prediction_id"]: (row["score"], row["label"], row["grade"]) for row in rows}


@slow
def test_stopped_and_resumed_is_as_if_nothing_had_happened(project: Path, tmp_path: Path) -> None:
    """Ctrl-C commits the step in hand and says how to go on; the next run ends with the same predictions."""
    with started("run", project, "--no-http", "--speed", "2000000x") as process:
        list(lines_until(process, r"^collect +[1-9]"))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert f"Go on with: forerun run {project}" in rest
    assert 0 < len(scores(project)) < 29_691

    assert forerun("run", project, "--no-http").code == 0
    assert forerun("new", tmp_path / "other" / "shop").code == 0
    assert forerun("run", tmp_path / "other" / "shop", "--no-http").code == 0
    assert scores(project) == scores(tmp_path / "other" / "shop")
    assert forerun("replay", project).code == 0


@slow
def test_until_stops_at_an_instant(project: Path) -> None:
    """Everything that arrived by then is taken, nothing later, and the next run goes on from there."""
    said = forerun("run", project, "--no-http", "--until", "2025-01-15")
    assert said.code == 0
    assert (
        f"Taken as far as was asked; everything so far is kept. Go on with: forerun run {project}" in said.out
    )
    rows = forerun("predictions", "-a", project, "--limit", 1, "--json").rows
    assert "2025-01-14T23" < rows[0]["event_time"] < "2025-01-15"
    assert forerun("run", project, "--no-http", "--until", "2025-01-16").code == 0
    rows = forerun("predictions", "-a", project, "--limit", 1, "--json").rows
    assert "2025-01-15T23" < rows[0]["event_time"] < "2025-01-16"


@slow
def test_suggestions_name_the_data_directory(project: Path, tmp_path: Path) -> None:
    """With --data-dir, how to go on repeats it, so that it can be pasted."""
    said = forerun("run", project, "--no-http", "--until", "2025-01-03", "--data-dir", tmp_path / "d")
    assert f"forerun run {project} --data-dir {tmp_path}/d" in said.out


@slow
def test_answers_while_it_runs_and_status_looks_on(project: Path) -> None:
    """With the key shown at first HTTP answers; `status` works beside it; Ctrl-C ends it well."""
    with started("run", project, "--serve", "--port", "0") as process:
        said = list(lines_until(process, r"^Answering "))
        key = next(line.split("=")[1].strip() for line in said if "export FORERUN_KEY=" in line)
        url = said[-1].split()[1]
        assert any(f"curl -s {url}/v1/models/" in line for line in said)
        assert "while it serves" not in "".join(said)
        made = predict(url, key)
        assert 0 < made["score"] < 1

        assert forerun("status", project, "--json").json["running"] is True
        logged = forerun("predictions", made["prediction_id"], "-a", project, "--json").json
        assert (logged["score"], logged["source"]) == (made["score"], "http")
        assert forerun("run", project, "--no-http").err.startswith("error[FR-STATE-BUSY]")

        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert forerun("status", project, "--json").json["running"] is False


def test_says_where_it_listens(tmp_path: Path) -> None:
    """Whoever reads plain lines, from a pipe or a log file, learns the address; port 0 may be any."""
    (tmp_path / "app.py").write_text("import forerun as fr\napp = fr.App('quiet')\n")
    with started("run", tmp_path, "--port", "0") as process:
        url = list(lines_until(process, r"^Listening on "))[-1].split()[-1]
        with urllib.request.urlopen(f"{url}/healthz", timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def predict(url: str, key: str) -> dict[str, Any]:
    """One prediction over HTTP."""
    request = urllib.request.Request(
        f"{url}/v1/models/WillReturn/predict",
        data=json.dumps({"inputs": ORDER}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        made: dict[str, Any] = json.load(answer)
    return made


def test_fresh_asks_first(project: Path) -> None:
    """Without a person to ask and without --yes nothing is deleted."""
    data = project / ".forerun"
    data.mkdir()
    (data / "forerun.db").write_text("mine")
    said = forerun("run", project, "--fresh")
    assert said.code == 2
    assert said.err.startswith("error[FR-USE-CONFIRM]")
    assert (data / "forerun.db").read_text() == "mine"
    with pytest.raises(NotConfirmedError):
        forget(find(project, None), ask=True)


def test_fresh_deletes_what_runs_left_and_nothing_else(project: Path) -> None:
    """Log, models and predictions go; API keys, which callers hold, and files of others stay."""
    data = project / ".forerun"
    (data / "models").mkdir(parents=True)
    (data / "models" / "a.onnx").touch()
    for name in ("forerun.db", "registry.db", "keys.json", "notes.txt"):
        (data / name).touch()
    forget(find(project, None), ask=False)
    assert sorted(path.name for path in data.iterdir()) == ["keys.json", "lock", "notes.txt"]


def test_fresh_leaves_a_running_app_alone(project: Path) -> None:
    """What a process is using is not deleted under its feet."""
    data = project / ".forerun"
    data.mkdir()
    (data / "forerun.db").touch()
    lock = DirectoryLock(data)
    with pytest.raises(DirectoryBusyError):
        forget(find(project, None), ask=False)
    lock.release()
    assert (data / "forerun.db").exists()


def test_app_without_a_source_needs_http(tmp_path: Path) -> None:
    """An app that lives on HTTP alone cannot run without it, and is told so."""
    (tmp_path / "app.py").write_text("import forerun as fr\napp = fr.App('quiet')\n")
    said = forerun("run", tmp_path, "--no-http")
    assert said.code == 2
    assert "without --no-http" in said.err


def test_app_with_a_mistake_names_its_line(tmp_path: Path) -> None:
    """A mistake in app.py ends the command with file, line and advice, and makes no data directory."""
    (tmp_path / "app.py").write_text("import forerun as fr\n\napp = fr.App('My App')\n")
    said = forerun("run", tmp_path)
    assert said.code == 1
    assert f"{tmp_path}/app.py:3: " in said.err
    assert not (tmp_path / ".forerun").exists()


def test_place_says_whether_it_is_running(project: Path) -> None:
    """A lock that is held means running; one that a dead process left does not."""
    place = find(project, None)
    assert place.running() is False
    place.data.mkdir()
    lock = DirectoryLock(place.data)
    assert place.running() is True
    lock.release()
    assert place.running() is False
