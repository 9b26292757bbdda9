"""A report's facts, made up once and shared by the tests."""

import math

from forerun.console.report.facts import (
    Interval,
    ModelFacts,
    Period,
    ReportFacts,
    RuleFacts,
    Scorer,
)
from forerun.monitoring.calibration import Bin
from forerun.monitoring.status import StreamStatus


def around(value: float, half: float) -> Interval:
    """An interval of equal arms."""
    return Interval(value, value - half, value + half)


def model() -> ModelFacts:
    """The flights model from April to December."""
    periods = tuple(
        Period(
            name=f"2013-{month:02d}",
            labelled=27_000 + 100 * month,
            base_rate=around(0.24 + 0.06 * math.sin(month), 0.006),
            auc=(
                around(0.78 + 0.02 * math.sin(2 * month), 0.007),
                around(0.66 + 0.015 * math.cos(month), 0.009),
                Interval(0.5, 0.5, 0.5),
            ),
        )
        for month in range(4, 13)
    )
    return ModelFacts(
        name="LateArrival",
        question="Will this flight arrive more than 15 minutes late, or not at all?",
        version="3f9c1a2b77d0e4aa",
        predictions=336_000,
        scored=253_700,
        joined=327_346,
        timed_out=8_255,
        expired=0,
        pending=399,
        scorers=(
            Scorer("streaming", around(0.781, 0.002), 0.4121),
            Scorer("static", around(0.662, 0.003), 0.4711),
            Scorer("base rate", Interval(0.5, 0.5, 0.5), 0.5031),
        ),
        periods=periods,
        calibration=tuple(
            Bin(
                n=60_000 // (index + 1),
                score_low=index / 10,
                score_high=(index + 1) / 10,
                score=index / 10 + 0.05,
                rate=index / 10 + 0.05 + 0.02 * math.sin(index),
                rate_low=index / 10 + 0.05 + 0.02 * math.sin(index) - 0.004 * index,
                rate_high=index / 10 + 0.05 + 0.02 * math.sin(index) + 0.004 * index,
            )
            for index in range(10)
        ),
        scores=tuple(
            (index / 20, (index + 1) / 20, round(40_000 * math.exp(-index / 4))) for index in range(20)
        ),
        latency_us=tuple(
            (10 * 1.25**index, 10 * 1.25 ** (index + 1), round(50_000 * math.exp(-((index - 7) ** 2) / 9)))
            for index in range(24)
        ),
        latency_p50_us=41,
        latency_p99_us=118,
        rules=(RuleFacts("rebooking", 10_942, 10_811, 9_001),),
        card=(
            ("trained on", "66,214 rows, 2013-01-01 to 2013-04-01"),
            ("features", "41 inputs, vector 9c1d77"),
            ("estimator", "LGBMClassifier(n_estimators=200)"),
            ("ONNX equality", "largest difference 3.1e-08 on 66,214 rows"),
            ("code", "2cfe19d"),
        ),
    )


def report() -> ReportFacts:
    """The whole flights report."""
    return ReportFacts(
        app="flights",
        made_at_us=1_700_000_000_000_000,
        first_us=1_357_020_000_000_000,
        last_us=1_388_540_000_000_000,
        models=(model(),),
        streams=(
            StreamStatus(name="Scheduled", consumed=336_776, applied=336_776),
            StreamStatus(
                name="Departed",
                consumed=328_521,
                applied=328_401,
                late=112,
                invalid=3,
                early=5,
                quarantined=7,
            ),
            StreamStatus(name="Arrived", consumed=327_346, applied=327_300, late=29, duplicate=17),
            StreamStatus(name="Weather", consumed=26_115, applied=26_115),
        ),
        versions=(("app", "77ab01"), ("OriginNow", "9c1d77"), ("forerun", "0.1.0")),
        reproduce=("forerun run examples/flights --fresh --yes", "forerun replay examples/flights"),
    )
