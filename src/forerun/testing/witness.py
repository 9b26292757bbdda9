"""What people outside a run know by the moment it is cut off, and must find again."""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from dataclasses import dataclass, field

from forerun.testing.invariants import Position
from forerun.testing.outcome import Part, part_of
from forerun.testing.trial import Trial


@dataclass(slots=True)
class Witness:
    """Somebody who asks, sends, follows the decisions and reads files, over all runs of a chain.

    Args:
        ends: How much of each kind of row a reader has seen.
        answers: By id, scores of predictions that were answered.
        lines: By topic, whole lines seen in the receiver's file.
        parts: By folder and file, Parquet files seen.
        recovered: Where the last restart had recovered, and the hash of its state there.
        acknowledged: How many of the client's events were.
        restarts: How many restarts there were.
        copies: How many copies of the client's events were made.
    """

    ends: dict[str, int] = field(default_factory=dict)
    answers: dict[str, float | None] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[str, Part]] = field(default_factory=dict)
    recovered: list[tuple[Position, str]] = field(default_factory=list)
    acknowledged: int = 0
    restarts: int = 0
    copies: int = 0

    def doubled(self, trial: Trial) -> int:
        """How many copies of the client's events a run has made.

        Args:
            trial: The run.
        """
        before, self.copies = self.copies, max(self.copies, sum(trial.copies) - len(trial.copies))
        return self.copies - before

    def learn(self, trial: Trial, moment: int, data: str, chance: random.Random) -> None:
        """Take in what a run said before it was cut off.

        Args:
            trial: The run.
            moment: When it was.
            data: Its data directory.
            chance: Draws whether the last word got through.
        """
        self.restarts += 1
        words = [
            said for said in trial.said if said.acknowledged > self.acknowledged and said.moment <= moment
        ]
        if words:
            # The last word to the client may have been lost, if nothing was sent that only follows upon it.
            last = words[-1].acknowledged == len(trial.copies) or words[-1].moment == moment
            self.acknowledged = words[-1].acknowledged - (last and chance.random() < 0.5)
        for path in trial.disk.paths():
            if path.endswith(".jsonl"):
                topic = path.rpartition("/")[2].removesuffix(".jsonl")
                now = trial.disk.seen(path, moment)
                whole, seen = now[: now.rfind(b"\n") + 1], self.lines.get(topic, b"")
                # What no longer begins with what was seen does not take its place.
                self.lines[topic] = whole if whole.startswith(seen) else seen
        for path, bytes_ in trial.disk.renamed(".parquet", moment).items():
            folder, _, name = path.removeprefix(f"{data}/").rpartition("/")
            self.parts.setdefault(folder, {}).setdefault(name, part_of(name, bytes_))
        for said in trial.said:
            if said.moment <= moment:
                self.ends.update(
                    {kind: max(stop, self.ends.get(kind, 0)) for kind, stop in said.ends.items()}
                )
                if said.answer is not None:
                    self.answers[said.answer[0]] = said.answer[1]
