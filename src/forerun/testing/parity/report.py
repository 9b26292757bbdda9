"""All levels of a parity run, as JSON and as a page of Markdown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from forerun.testing.parity.level import Difference, Level


@dataclass(frozen=True)
class Report:
    """What a parity run found.

    Args:
        app: The app's name.
        version: Its version.
        seed: What the logs were drawn from.
        sources: Where events came from, in words.
        levels: One entry per level.

    >>> Report("shop", "3f2a", 0, ["a nasty log of 10 events"], [Level("P2 order", "same", bits=12)]).equal
    True
    """

    app: str
    version: str
    seed: int
    sources: Sequence[str]
    levels: Sequence[Level]

    @property
    def equal(self) -> bool:
        """Whether nothing differs anywhere."""
        return all(level.equal for level in self.levels)

    @property
    def cells(self) -> int:
        """Feature values compared with values computed independently."""
        return sum(level.cells for level in self.levels)

    @property
    def bits(self) -> int:
        """Feature values compared bit for bit between two runs."""
        return sum(level.bits for level in self.levels)

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "app": self.app,
            "version": self.version,
            "seed": self.seed,
            "sources": list(self.sources),
            "equal": self.equal,
            "cells": self.cells,
            "bits": self.bits,
            "levels": [level.to_json() for level in self.levels],
        }

    def json(self) -> str:
        """The same as text."""
        return json.dumps(self.to_json(), indent=2, default=str) + "\n"

    def markdown(self) -> str:
        """A page for people."""
        verdict = "Equal." if self.equal else "**Not equal.**"
        lines = [
            f"# Parity of {self.app}",
            "",
            f"{verdict} {self.cells:,} values compared with values computed independently,",
            f"{self.bits:,} compared bit for bit between two runs.",
            f"App version `{self.version[:12]}`, seed {self.seed}:",
            f"`forerun parity --seed {self.seed}` draws the same events again.",
            "",
            *(f"- {source}" for source in self.sources),
            "",
            "| level | compared independently | compared bit for bit | differing | seconds |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        for level in self.levels:
            counts = f"{level.cells:,} | {level.bits:,} | {level.differing:,}"
            lines.append(f"| {level.name} | {counts} | {level.seconds:.1f} |")
        for level in self.levels:
            lines += ["", f"## {level.name}", "", level.promise, "", *(f"- {note}" for note in level.notes)]
            if level.first is not None:
                lines += ["", *_explained(level.first)]
        return "\n".join(lines) + "\n"


def _explained(first: Difference) -> list[str]:
    """The first cell that differs, with the events in its window."""
    lines = [f"First difference: {first.explained}."]
    if first.allowed:
        lines.append(f"It may be off by {first.allowed!r}.")
    if first.events:
        lines += ["", "| event time | value |", "| --- | --- |"]
        lines += [f"| {event['time']} | {event['value']!r} |" for event in first.events]
    return lines
