"""The live terminal view: one screen that says what the engine does and how well.

A pure function of `LiveFacts` and the size of the terminal. It is drawn for 80 x 24; a larger
terminal gets a taller chart, more decisions and more air.
"""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from forerun.console.block import beside, fit, line, section, spread, tall
from forerun.console.facts import LiveFacts
from forerun.console.format import ABSENT, count, instant, percent, short, span
from forerun.console.live_blocks import DIM, chart, decisions, predictions, quality, streams

_PHASES = ("collect", "train", "serve")
_BUSY = "●◐◓◑◒"
_WIDE_FROM = 110
_AIRY_FROM = 28
_STREAMS_SHOWN = 8


class LiveView:
    """A rich renderable of one moment.

    Args:
        facts: The moment.
        tick: Counts refreshes; turns the sign that something is going on.

    >>> import io
    >>> console = Console(width=80, height=24, file=io.StringIO())
    >>> console.print(LiveView(LiveFacts(app="flights", phase="collect")))
    >>> console.file.getvalue().splitlines()[0].split()[:2]
    ['forerun', 'flights']
    """

    def __init__(self, facts: LiveFacts, tick: int = 0) -> None:
        self.facts = facts
        self.tick = tick

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from screen(self.facts, options.max_width, console.size.height - 1, self.tick)


def screen(facts: LiveFacts, width: int, height: int, tick: int = 0) -> list[Text]:
    """All lines of the view: exactly `height` of them unless the terminal is very low.

    Args:
        facts: The moment to show.
        width: Columns; 80 or more to look right.
        height: Lines.
        tick: Counts refreshes.
    """
    wide = width >= _WIDE_FROM
    gap, left = (3, 74) if wide else (2, max(min(51, width - 26), 30))
    narrow = 44 if wide else left
    beyond = width - narrow - gap
    right = width - left - gap
    rows = min(max(len(facts.streams), 3), _STREAMS_SHOWN) + 1
    air = [Text("")] if height >= _AIRY_FROM else []
    spare = max(height - rows - 10 - len(air), 7)
    charted = min(max(spare * 3 // 5, 5), 14)
    shown = spare - charted
    latest = tall(decisions(facts, width, shown), shown)
    return [
        _title(facts, width, tick),
        _bar(facts, width),
        _pace(facts, width),
        fit(line((facts.note or "", "green")), width),
        *beside(
            section("Streams", tall(streams(facts.streams, wide=wide), rows), left),
            section("Quality", tall(quality(facts, right), rows), right, note=_window(facts)),
            left,
            gap,
        ),
        Text(""),
        *beside(
            section("Predictions", tall(predictions(facts, narrow), charted), narrow),
            section("Rolling AUC", tall(chart(facts, beyond, charted), charted), beyond),
            narrow,
            gap,
        ),
        Text(""),
        *section("Last decisions", latest, width, note=f"of {count(facts.decisions)}"),
        *air,
        _foot(facts, width),
    ]


def _title(facts: LiveFacts, width: int, tick: int) -> Text:
    """Name of the app, the phases with the present one lit, the model that scores."""
    at = _PHASES.index(facts.phase) if facts.phase in _PHASES else len(_PHASES)
    left = line(("forerun ", "bold cyan"), (facts.app, "bold"), "    ")
    for index, phase in enumerate(_PHASES):
        mark, style = (
            ("✓", "green")
            if index < at
            else (_BUSY[tick % len(_BUSY)], "bold cyan")
            if index == at
            else ("○", DIM)
        )
        left.append(f"{mark} {phase}   ", style)
    model = line((facts.model or "", "bold"), (f" {short(facts.model_version, 12)}", DIM))
    return spread(left, model if facts.model_version else line(("no model yet", DIM)), width)


def _bar(facts: LiveFacts, width: int) -> Text:
    """How far the source has been read, and how long the rest will take."""
    if facts.done is None:
        known = f"length of the source unknown; {span(facts.elapsed_us)} so far" if facts.elapsed_us else ""
        return fit(line((known, DIM)), width)
    share = min(max(facts.done, 0.0), 1.0)
    if facts.phase == "done":
        left = f"in {span(facts.elapsed_us)}"
    else:
        left = "" if facts.eta_us is None else f"{span(facts.eta_us)} left"
    right = line(f"{percent(int(100 * share) / 100):>6}", (f"{left:>14}", DIM))
    room = width - right.cell_len - 1
    full = int(room * share)
    return Text.assemble(("━" * full, "cyan"), ("─" * (room - full), DIM), " ", right)


def _pace(facts: LiveFacts, width: int) -> Text:
    """The clock of the events, and how fast it goes."""
    rate = ABSENT if facts.rate_per_s is None else f"{facts.rate_per_s:,.0f}"
    left = line((instant(facts.now_us), "bold"), (" UTC", DIM), f"{rate:>10}", (" events/s", DIM))
    if facts.speed is not None:
        left.append(f"{facts.speed:>12,.0f}x")
        left.append(" real time", DIM)
    return fit(left, width)


def _window(facts: LiveFacts) -> str:
    """What the rolling figures rest on."""
    return f"last {count(facts.quality_window)} labels" if facts.quality_window else ""


def _foot(facts: LiveFacts, width: int) -> Text:
    """Where to ask, and how to stop."""
    where = line((facts.address or "no HTTP", "cyan" if facts.address else DIM))
    how = ("stopping after this step; Ctrl-C again ends at once", "yellow")
    return spread(where, line(how if facts.stopping else ("Ctrl-C stops; run again to go on", DIM)), width)
