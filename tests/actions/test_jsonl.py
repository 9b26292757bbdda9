"""Decision files: each line once, whatever a crash left behind."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from forerun.actions.jsonl import TAIL_BYTES, JsonlSink
from forerun.errors import StateError
from forerun.state.files import RealFiles


def decisions(first: int, rows: int) -> pa.RecordBatch:
    """Decisions whose ids are their offsets."""
    names = [f"d{number}" for number in range(first, first + rows)]
    return pa.record_batch({"decision_id": names, "_arrival": pa.array([0] * rows, pa.int64())})


def sink(directory: Path) -> JsonlSink:
    """A sink as a new process has it."""
    return JsonlSink(RealFiles(), directory)


def lines(directory: Path) -> list[tuple[int, str]]:
    """Offsets and ids in the file; every line is whole."""
    text = (directory / "review.jsonl").read_text()
    assert text.endswith("\n")
    found = [json.loads(line) for line in text.splitlines()]
    return [(line["offset"], line["decision_id"]) for line in found]


def whole(rows: int) -> list[tuple[int, str]]:
    """What a file with so many decisions holds."""
    return [(number, f"d{number}") for number in range(rows)]


def test_lines_are_the_decisions_with_their_offsets(tmp_path: Path) -> None:
    """The arrival is not part of them."""
    one = sink(tmp_path)
    one.deliver("review", 0, decisions(0, 2))
    one.deliver("review", 2, decisions(2, 1))
    assert lines(tmp_path) == whole(3)
    first = json.loads((tmp_path / "review.jsonl").read_text().splitlines()[0])
    assert first == {"offset": 0, "decision_id": "d0"}


def test_after_any_torn_write_the_file_comes_out_whole(tmp_path: Path) -> None:
    """The process died after any number of bytes of the second delivery; it is delivered again."""
    reference = tmp_path / "reference"
    sink(reference).deliver("review", 0, decisions(0, 2))
    before = (reference / "review.jsonl").read_bytes()
    sink(reference).deliver("review", 2, decisions(2, 3))
    after = (reference / "review.jsonl").read_bytes()
    for length in range(len(before), len(after) + 1):
        directory = tmp_path / str(length)
        directory.mkdir()
        (directory / "review.jsonl").write_bytes(after[:length])
        sink(directory).deliver("review", 2, decisions(2, 3))
        assert lines(directory) == whole(5), length


def test_after_a_torn_first_write_the_file_comes_out_whole(tmp_path: Path) -> None:
    """Nothing but a piece of a line is there."""
    tmp_path.joinpath("review.jsonl").write_bytes(b'{"off')
    sink(tmp_path).deliver("review", 0, decisions(0, 1))
    assert lines(tmp_path) == whole(1)


def test_a_delivery_that_is_there_already_adds_nothing(tmp_path: Path) -> None:
    """In the same process and in the next one."""
    one = sink(tmp_path)
    one.deliver("review", 0, decisions(0, 2))
    one.deliver("review", 0, decisions(0, 2))
    sink(tmp_path).deliver("review", 1, decisions(1, 2))
    assert lines(tmp_path) == whole(3)


def test_a_file_that_was_moved_away_starts_again(tmp_path: Path) -> None:
    """Log rotation is allowed between two runs: what was delivered is not delivered again."""
    sink(tmp_path).deliver("review", 0, decisions(0, 2))
    (tmp_path / "review.jsonl").rename(tmp_path / "old.jsonl")
    sink(tmp_path).deliver("review", 2, decisions(2, 1))
    assert lines(tmp_path) == [(2, "d2")]


def test_topics_have_files_of_their_own(tmp_path: Path) -> None:
    """Offsets are per topic."""
    one = sink(tmp_path)
    one.deliver("review", 0, decisions(0, 1))
    one.deliver("refund", 0, decisions(0, 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["refund.jsonl", "review.jsonl"]


@pytest.mark.parametrize("content", [b'{"other": 1}\n', b"no json\n", b"x" * (TAIL_BYTES + 5)])
def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path, content: bytes) -> None:
    """It cannot be told what was delivered; the message says to move it away."""
    tmp_path.joinpath("review.jsonl").write_bytes(content)
    with pytest.raises(StateError, match="move it away"):
        sink(tmp_path).deliver("review", 0, decisions(0, 1))
    assert tmp_path.joinpath("review.jsonl").read_bytes() == content
