"""The charts of the report. Wide ones are drawn twice, for a desk and for a phone; the style picks one."""

import math
from collections.abc import Callable, Sequence
from html import escape

from forerun.console.format import count, decimal, percent, span
from forerun.console.report.facts import Interval, Period
from forerun.console.report.svg import Plot, outward, ticks
from forerun.monitoring.calibration import Bin

_DESK_WIDTH = 750
_PHONE_WIDTH = 320
_HALF_WIDTH = 350


def auc_over_time(periods: Sequence[Period], names: Sequence[str]) -> str:
    """AUC of each scorer by period, each point with its interval.

    Args:
        periods: In order.
        names: Of the scorers, in the order of `Period.auc`.
    """
    known = [point for period in periods for point in period.auc if point is not None]
    if not known:
        return _none("No period has labels of both kinds yet.")
    y = outward(min(point.low for point in known), max(point.high for point in known), 0.05)

    def draw(width: int) -> str:
        plot = Plot(width, 260, x=_x(periods), y=y)
        plot.y_axis((value, decimal(value, 2)) for value in ticks(*y))
        plot.x_axis(_names(periods, width))
        for index in reversed(range(len(names))):
            points = [(at, period.auc[index]) for at, period in enumerate(periods)]
            _estimates(plot, points, f"s{index}", lambda at: f"{periods[at].name}, ", decimal)
        return plot.svg("AUC over time")

    return _legend(names) + _both(draw)


def base_rate(periods: Sequence[Period]) -> str:
    """Share of true labels by period, its 95 % interval as a band."""
    if not periods:
        return _none("No labels yet.")
    rates = [period.base_rate for period in periods]
    top = outward(0, max(rate.high for rate in rates) * 1.05, 0.05)[1]

    def draw(width: int) -> str:
        plot = Plot(width, 200, x=_x(periods), y=(0.0, top))
        plot.y_axis((value, percent(value)) for value in ticks(0.0, top, 4))
        plot.x_axis(_names(periods, width))
        plot.band(
            [(at, rate.low) for at, rate in enumerate(rates)],
            [(at, rate.high) for at, rate in enumerate(rates)],
            "s0",
        )
        _estimates(plot, list(enumerate(rates)), "s0", lambda at: f"{periods[at].name}, ", _tenths)
        return plot.svg("Share of true labels over time")

    return _both(draw)


def calibration(bins: Sequence[Bin]) -> str:
    """Observed share against mean score; on the diagonal a score means what it says."""
    if not bins:
        return _none("No scored predictions with labels yet.")
    plot = Plot(_HALF_WIDTH, 310, x=(0.0, 1.0), y=(0.0, 1.0))
    plot.y_axis((value, percent(value)) for value in ticks(0.0, 1.0))
    plot.x_axis((value, percent(value)) for value in ticks(0.0, 1.0))
    plot.line([(0.0, 0.0), (1.0, 1.0)], "ideal")
    plot.line([(one.score, one.rate) for one in bins], "s0")
    for one in bins:
        came = _interval(Interval(one.rate, one.rate_low, one.rate_high), _tenths)
        plot.whisker(one.score, one.rate_low, one.rate_high, "s0")
        plot.dot(one.score, one.rate, "s0", f"said {_tenths(one.score)}, came {came} of {count(one.n)}")
    return _figure("Came true, by score", plot.svg("Calibration: share that came true by score"))


def scores(bins: Sequence[tuple[float, float, int]]) -> str:
    """Histogram of scores between 0 and 1."""
    if not any(found for _, _, found in bins):
        return _none("No scores yet.")
    plot = _bars(bins, _HALF_WIDTH, 310, lambda value: value, lambda value: decimal(value, 2))
    plot.x_axis((value, decimal(value, 1)) for value in ticks(bins[0][0], bins[-1][1]))
    return _figure("Share of predictions, by score", plot.svg("Distribution of scores"))


def latency(bins: Sequence[tuple[float, float, int]]) -> str:
    """Histogram of spans in microseconds on a logarithmic axis."""
    filled = [one for one in bins if one[2]]
    if not filled:
        return _none("Nothing was timed yet.")
    middle = math.sqrt(filled[0][0] * filled[-1][1])
    low, high = min(filled[0][0], middle / 3.2), max(filled[-1][1], middle * 3.2)
    shown = [one for one in bins if low * 0.999 <= one[0] and one[1] <= high * 1.001]
    low, high = shown[0][0], shown[-1][1]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def draw(width: int) -> str:
        plot = _bars(shown, width, 200, math.log10, lambda value: span(round(value)))
        digits = (1, 2, 5) if math.log10(high / low) * 3 * 60 <= width else (1,)
        marks = (digit * 10.0**power for power in decades for digit in digits)
        plot.x_axis((math.log10(mark), span(round(mark))) for mark in marks if low <= mark <= high)
        return plot.svg("Latency")

    return _both(draw)


def _bars(
    bins: Sequence[tuple[float, float, int]],
    width: int,
    height: int,
    place: Callable[[float], float],
    name: Callable[[float], str],
) -> Plot:
    """Bars over ranges, as shares of the whole, with the y axis and without the x axis."""
    total = sum(found for _, _, found in bins)
    top = max(found for _, _, found in bins) / total
    plot = Plot(width, height, x=(place(bins[0][0]), place(bins[-1][1])), y=(0.0, top * 1.08))
    plot.y_axis((value, percent(value, 0 if top > 0.05 else 1)) for value in ticks(0.0, top, 4))
    for low, high, found in bins:
        plot.bar(place(low), place(high), found / total, "s0", f"{name(low)} to {name(high)}: {count(found)}")
    return plot


def _estimates(
    plot: Plot,
    points: Sequence[tuple[int, Interval | None]],
    style: str,
    name: Callable[[int], str],
    write: Callable[[float], str],
) -> None:
    """A line through estimates, a whisker and a dot at each; a missing one leaves no mark."""
    known = [(at, point) for at, point in points if point is not None]
    plot.line([(at, point.value) for at, point in known], style)
    for at, point in known:
        plot.whisker(at, point.low, point.high, style)
        plot.dot(at, point.value, style, name(at) + _interval(point, write))


def _interval(point: Interval, write: Callable[[float], str]) -> str:
    """An estimate and its interval in words."""
    return f"{write(point.value)} ({write(point.low)} to {write(point.high)})"


def _tenths(value: float) -> str:
    """A percentage with one decimal."""
    return percent(value, 1)


def _x(periods: Sequence[Period]) -> tuple[float, float]:
    """The x axis of periods: half a step of air on both sides."""
    return -0.4, len(periods) - 0.6


def _names(periods: Sequence[Period], width: int) -> list[tuple[float, str]]:
    """Names of the periods, thinned to what fits."""
    every = max(1, math.ceil(len(periods) * 68 / width))
    return [(index, period.name) for index, period in enumerate(periods) if index % every == 0]


def _both(draw: Callable[[int], str]) -> str:
    """The drawing at both widths."""
    return f'<div class="desk">{draw(_DESK_WIDTH)}</div><div class="phone">{draw(_PHONE_WIDTH)}</div>'


def _figure(caption: str, drawing: str) -> str:
    """A drawing under its caption."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"


def _legend(names: Sequence[str]) -> str:
    """Names of the series beside their colours."""
    items = (f'<span class="s{index}"><i></i>{escape(name)}</span>' for index, name in enumerate(names))
    return f'<p class="legend">{"".join(items)}</p>'


def _none(words: str) -> str:
    """What stands in place of a chart without data."""
    return f'<p class="none">{escape(words)}</p>'
