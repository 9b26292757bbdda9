"""The report's answer: two sentences and a row of figures."""

from html import escape

from forerun.console.format import count, decimal, percent, span
from forerun.console.report.facts import ModelFacts, Scorer


def verdict(model: ModelFacts) -> str:
    """How the model did, in numbers and without adjectives.

    Args:
        model: The model to judge.

    >>> verdict(ModelFacts(name="Late", question="", version=None, predictions=5, scored=0, joined=0,
    ...                    timed_out=0, expired=0, pending=5))
    '5 predictions were made; none has both a score and a label yet.'
    """
    known = [scorer for scorer in model.scorers if scorer.auc is not None]
    if not known:
        return f"{count(model.predictions)} predictions were made; none has both a score and a label yet."
    first, *baselines = known
    said = f"On {count(_labelled(model))} labelled predictions the AUC is {_auc(first)}"
    if baselines:
        said += "; " + ", ".join(f"{scorer.name} has {_auc(scorer)}" for scorer in baselines)
    losses = [f"{one.name} {decimal(one.log_loss)}" for one in model.scorers if one.log_loss is not None]
    return f"{said}. Log loss (lower is better): {', '.join(losses)}." if losses else f"{said}."


def tiles(model: ModelFacts) -> str:
    """The figures people ask for first, as HTML.

    Args:
        model: The model they are of.
    """
    labelled = _labelled(model)
    true = sum(period.base_rate.value * period.labelled for period in model.periods)
    shown = [
        (count(model.predictions), "predictions"),
        (count(model.joined + model.timed_out), "labels known"),
        *((decimal(one.auc.value if one.auc else None), f"AUC, {one.name}") for one in model.scorers[:2]),
        (percent(true / labelled, 1) if labelled else "-", "came true"),
        (count(sum(rule.made for rule in model.rules)), "decisions"),
        (span(model.latency_p50_us), "median latency"),
        (span(model.latency_p99_us), "p99 latency"),
    ]
    inner = "".join(
        f'<div class="tile"><b>{value}</b><span>{escape(name)}</span></div>' for value, name in shown
    )
    return f'<div class="tiles">{inner}</div>'


def _labelled(model: ModelFacts) -> int:
    """Predictions with both a score and a label."""
    return sum(period.labelled for period in model.periods)


def _auc(scorer: Scorer) -> str:
    """An AUC with its interval; a constant score has none."""
    if scorer.auc is None or scorer.auc.low == scorer.auc.high:
        return decimal(scorer.auc.value if scorer.auc else None)
    return f"{decimal(scorer.auc.value)} ({decimal(scorer.auc.low)} to {decimal(scorer.auc.high)})"
