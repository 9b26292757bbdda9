"""Progress as plain lines, for a log file, a pipe or a CI job: no colour, no cursor movement."""

from forerun.console.facts import LiveFacts
from forerun.console.format import count, decimal, instant, percent, span

EVERY_US = 5_000_000
"""Wall time between two lines of the same phase."""


class PlainProgress:
    """Decides when a moment deserves a line, and writes it.

    A line is due when the phase or the note changes, and otherwise every five seconds.

    >>> progress = PlainProgress()
    >>> progress.line(LiveFacts(app="flights", phase="collect", done=0.25, predictions=1200))
    'collect   25 %  -  1,200 predictions'
    >>> progress.line(LiveFacts(app="flights", phase="collect", elapsed_us=1_000_000)) is None
    True
    """

    def __init__(self) -> None:
        self._phase: str | None = None
        self._note: str | None = None
        self._said_us = 0

    def line(self, facts: LiveFacts) -> str | None:
        """The line for this moment, or None when it is too soon for another.

        Args:
            facts: The moment.
        """
        changed = facts.phase != self._phase or (facts.note is not None and facts.note != self._note)
        if not changed and facts.elapsed_us - self._said_us < EVERY_US:
            return None
        note = facts.note if facts.note != self._note else None
        self._phase, self._note, self._said_us = facts.phase, facts.note, facts.elapsed_us
        return "  ".join(part for part in (*_parts(facts), note) if part)


def _parts(facts: LiveFacts) -> list[str]:
    """The figures of a line, left out when they are unknown."""
    head = f"{facts.phase:<8}{percent(facts.done) if facts.done is not None else '':>6}"
    parts = [head.rstrip(), instant(facts.now_us)]
    if facts.rate_per_s is not None:
        parts.append(f"{facts.rate_per_s:,.0f} events/s")
    parts.append(f"{count(facts.predictions)} predictions")
    scored = [scorer for scorer in facts.quality if scorer.auc is not None]
    if scored:
        parts.append("AUC " + ", ".join(f"{scorer.name} {decimal(scorer.auc)}" for scorer in scored))
    lost = sum(stream.late + stream.quarantined + stream.duplicates for stream in facts.streams)
    if lost:
        parts.append(f"{count(lost)} not applied")
    if facts.eta_us is not None:
        parts.append(f"{span(facts.eta_us)} left")
    return parts
