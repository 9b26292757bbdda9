"""A sink that writes decisions as lines of JSON, one file per topic, each decision once whatever happens."""

from pathlib import Path

import msgspec
import pyarrow as pa

from forerun.errors import StateError
from forerun.state.files import Files, disk_errors, make_durably
from forerun.streams.log import ARRIVAL

TAIL_BYTES = 1 << 20
"""Read from the end of a file to find its last line; far longer than any line."""


class JsonlSink:
    """Appends each decision to `<directory>/<topic>.jsonl`.

    A line carries the decision's offset in its topic. Before the first delivery to a topic, a torn last line
    is cut off, and the offset of the last whole one says what is there already.

    Args:
        files: The file system.
        directory: Where the files are.
    """

    name = "jsonl"

    def __init__(self, files: Files, directory: Path) -> None:
        self._files = files
        self._directory = directory
        self._next: dict[str, int] = {}

    def path(self, topic: str) -> Path:
        """The file of a topic.

        Args:
            topic: The topic.
        """
        return self._directory / f"{topic}.jsonl"

    def deliver(self, topic: str, offset: int, decisions: pa.RecordBatch) -> None:
        """Append the decisions that the file does not have yet; they are durable on return."""
        path = self.path(topic)
        make_durably(self._files, path.parent)
        with disk_errors(path):
            self._deliver(path, topic, offset, decisions)

    def _deliver(self, path: Path, topic: str, offset: int, decisions: pa.RecordBatch) -> None:
        is_new = self._files.size(path) is None
        if topic not in self._next:
            self._next[topic] = self._repair(path)
        # A file that somebody moved away starts again with what comes next; it is never behind otherwise.
        skip = max(0, min(self._next[topic] - offset, decisions.num_rows))
        lines = _lines(offset + skip, decisions.slice(skip))
        if lines:
            self._files.append(path, lines)
            self._files.sync(path)
            if is_new:
                self._files.sync_directory(path.parent)
        self._next[topic] = max(self._next[topic], offset + decisions.num_rows)

    def _repair(self, path: Path) -> int:
        """Cut off a torn last line; returns the offset after that of the last whole one."""
        size = self._files.size(path)
        if not size:
            return 0
        start = max(0, size - TAIL_BYTES)
        tail = self._files.read(path, start)
        whole = tail.rfind(b"\n") + 1
        if whole == 0 and start:
            raise StateError(f"{path} has no line end in its last {TAIL_BYTES} bytes; move it away")
        # The last whole line is read before anything is cut: a file of somebody else is not ours to repair.
        following = 0 if whole == 0 else _offset(path, tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole]) + 1
        if whole < len(tail):
            self._files.truncate(path, start + whole)
            self._files.sync(path)
        return following


def _offset(path: Path, line: bytes) -> int:
    """The offset that a line carries."""
    try:
        return int(msgspec.json.decode(line)["offset"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as exc:
        raise StateError(f"{path} ends with a line that is no decision ({exc}); move it away") from exc


def _lines(offset: int, decisions: pa.RecordBatch) -> bytes:
    encode = msgspec.json.encode
    rows = decisions.drop_columns([ARRIVAL]).to_pylist()
    return b"".join(encode({"offset": offset + row, **values}) + b"\n" for row, values in enumerate(rows))
