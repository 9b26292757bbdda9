"""Running totals that no state holds: predictions by grade, decisions, refused rows, windows, overflows."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from forerun.runtime.overflow import Overflow, counted, said
from forerun.runtime.predictions import Made


@dataclass(slots=True)
class Tally:
    """Totals since the first event; committed with every step.

    >>> tally = Tally()
    >>> tally.refused("Departed", 2)
    >>> tally.quarantined
    {'Departed': 2}
    """

    predictions: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Model -> version ("" for none) -> grade -> count."""
    decisions: dict[str, int] = field(default_factory=dict)
    """Rule -> count."""
    quarantined: dict[str, int] = field(default_factory=dict)
    """Stream -> rows refused at a door."""
    windows: dict[str, int] = field(default_factory=dict)
    """Windows class -> windows closed."""
    overflows: dict[str, int] = field(default_factory=dict)
    """Feature -> values out of range, served null."""
    failed: dict[str, str] = field(default_factory=dict)
    """Feature -> what its function said when it last failed."""

    def made(self, model: str, made: Made) -> None:
        """Count predictions and decisions.

        Args:
            model: The model.
            made: What it gave.
        """
        version = made.batch["model_version"][0].as_py() or ""
        grades = self.predictions.setdefault(model, {}).setdefault(version, {})
        found: Any = pc.value_counts(made.batch["grade"])
        for told in found.to_pylist():
            grades[told["values"]] = grades.get(told["values"], 0) + told["counts"]
        for rule, count in made.rules.items():
            self.decisions[rule] = self.decisions.get(rule, 0) + count

    def refused(self, stream: str, rows: int) -> None:
        """Count rows refused at a door.

        Args:
            stream: The stream they were meant for.
            rows: How many.
        """
        self.quarantined[stream] = self.quarantined.get(stream, 0) + rows

    def closed(self, name: str, windows: int) -> None:
        """Count closed windows.

        Args:
            name: The windows class.
            windows: How many.
        """
        self.windows[name] = self.windows.get(name, 0) + windows

    def unserved(self, overflow: Overflow) -> None:
        """Count values that could not be computed, and so were served null.

        Args:
            overflow: What the kernel told of them.
        """
        for name, values in counted(overflow).items():
            self.overflows[name] = self.overflows.get(name, 0) + values
        self.failed.update(said(overflow))

    def to_json(self) -> dict[str, object]:
        """The totals by name, as they are at this moment."""
        return deepcopy(
            {
                "predictions": self.predictions,
                "decisions": self.decisions,
                "quarantined": self.quarantined,
                "windows": self.windows,
                "overflows": self.overflows,
                "failed": self.failed,
            }
        )

    @classmethod
    def from_json(cls, found: object) -> "Tally":
        """The totals as `to_json` gave them; None gives empty ones.

        Args:
            found: What was kept.
        """
        return cls(**found) if isinstance(found, Mapping) else cls()
