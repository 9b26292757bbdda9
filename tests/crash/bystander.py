"""Somebody outside of the process, who remembers what runs said, and what files there were when they died."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.crash.copies import Ended

from forerun.testing.outcome import Part, part_of


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where a run had recovered.

    Args:
        position: How many events of each stream it had consumed.
        state: The hash of its state there.
        now: Its clock, microseconds.
        features: By view and shop, values that it read there.
    """

    position: tuple[int, ...]
    state: str
    now: int
    features: Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class Bystander:
    """What somebody knows from all runs of a trial.

    Args:
        ends: How much of each kind a reader saw in runs before the last.
        opened: How much of each the last one found when it had recovered.
        answers: By id, scores of predictions that were answered.
        lines: By topic, whole lines of the receiver's file.
        files: Parquet files under their final names, as path and bytes.
        recovered: Where runs had recovered.
    """

    ends: Counter[str] = field(default_factory=Counter)
    opened: Mapping[str, int] = field(default_factory=dict)
    answers: dict[str, float | None] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    files: set[tuple[str, bytes]] = field(default_factory=set)
    recovered: list[Recovered] = field(default_factory=list)
    _saw: Counter[str] = field(default_factory=Counter)

    def hear(self, ended: Ended) -> None:
        """Take in what a run has said.

        Args:
            ended: The run.
        """
        for kind, what in ended.said:
            self.note(kind, what)

    def note(self, kind: str, what: Any) -> None:
        """Take in one word of a run.

        Args:
            kind: Of what.
            what: What.
        """
        if kind == "opened":
            # Only a later run can take away what somebody saw.
            self.ends |= self._saw
            self.opened = what
        elif kind == "saw":
            self._saw |= Counter(what)
        elif kind == "answered":
            self.answers[what[0]] = what[1]
        elif kind == "recovered":
            self.recovered.append(Recovered(**{**what, "position": tuple(what["position"])}))

    def look(self, data: Path) -> None:
        """Look at the files of a run that is no more.

        Args:
            data: Its data directory.
        """
        for path in (data / "decisions").glob("*.jsonl"):
            text = path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            seen = self.lines.get(path.stem, b"")
            # What no longer begins with what was seen does not take its place.
            self.lines[path.stem] = whole if whole.startswith(seen) else seen
        for path in data.rglob("*.parquet"):
            self.files.add((str(path.relative_to(data)), path.read_bytes()))

    def parts(self) -> tuple[dict[str, list[Part]], list[str]]:
        """By folder, the files as rows; and the paths of those that are no whole files."""
        parts: dict[str, list[Part]] = {}
        halves = []
        for path, data in sorted(self.files):
            folder, _, name = path.rpartition("/")
            try:
                parts.setdefault(folder, []).append(part_of(name, data))
            except (pa.ArrowInvalid, OSError):
                halves.append(path)
        return parts, halves
