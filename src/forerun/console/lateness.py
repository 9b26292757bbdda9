"""The late ledger for people: does it add up, what did lateness cost, which events, and what would help."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.text import Text

from forerun.console.format import ABSENT, count, instant, number, percent, span
from forerun.console.plot import lines
from forerun.runtime.ledger import Change, Cost, Missed

PLOT_WIDTH = 60
PLOT_HEIGHT = 6


def cost_cells(cost: Cost, change: Change) -> list[str]:
    """How many values changed, their share, and by how much: mean, 90th percentile and largest.

    Args:
        cost: Of one input.
        change: One of its two kinds.

    >>> cost_cells(Cost("Late", "Origin.delay", served=8), Change())
    ['0', '0.0 %', '-', '-', '-']
    """
    found: Mapping[str, Any] = change.to_json()
    share = percent(change.changed / cost.served, places=1) if cost.served else ABSENT
    sizes = (found["mean"], found["quantiles"]["0.9"], found["largest"])
    return [count(change.changed), share, *map(number, sizes)]


def event_cells(event: Missed) -> list[str]:
    """Where it is, whose, when it happened, how much more lateness it needed, and what it would have changed.

    Args:
        event: A too-late event.
    """
    worst = max(event.effects, key=lambda effect: effect.changed, default=None)
    effect = (
        ABSENT
        if worst is None
        else f"{worst.feature}: {count(worst.changed)}"
        + ("" if worst.largest is None else f", by up to {number(worst.largest)}")
    )
    place = f"{event.stream}/{event.partition}/{event.offset}"
    when = instant(event.time_us, seconds=True)
    return [place, event.key or ABSENT, when, span(event.missed_by_us), count(event.changed), effect]


def longer(events: Sequence[Missed]) -> list[Text]:
    """How many of the too-late events a longer lateness would have accepted, as a plot.

    Args:
        events: The too-late events.

    Returns:
        Lines of text; none without events.
    """
    missed = np.sort(np.array([max(event.missed_by_us, 1) for event in events], np.float64))
    if not len(missed):
        return []
    low, high = float(missed[0]), float(missed[-1])
    grid = np.geomspace(low, high, 2 * PLOT_WIDTH) if high > low else np.full(2 * PLOT_WIDTH, high)
    share = np.searchsorted(missed, grid * (1 + 1e-9), side="right") / len(missed)
    drawn = lines([(share.tolist(), "cyan")], width=PLOT_WIDTH, height=PLOT_HEIGHT, low=0.0, high=1.0)
    marks = ["100 %", *[""] * (PLOT_HEIGHT - 2), "0 %"]
    rows = [
        Text.assemble((f"{mark:>6} ", "bright_black"), row) for mark, row in zip(marks, drawn, strict=True)
    ]
    left, right = f"+{span(int(low))}", f"+{span(int(high))}"
    axis = f"{left}{right:>{max(PLOT_WIDTH - len(left), len(right) + 1)}}"
    half, most = (span(int(needed)) for needed in np.quantile(missed, [0.5, 0.9]))
    return [
        Text("Too-late events that a longer lateness would have accepted", "bold"),
        *rows,
        Text(f"{'':>6} {axis}", "bright_black"),
        Text(f"{'':>6} half with +{half}, 90 % with +{most}"),
    ]
