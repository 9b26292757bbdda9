"""Moments of a run, made up once and shared by the console's tests."""

import math

from forerun.console.facts import DecisionFacts, LiveFacts, QualityFacts, StreamFacts

HOUR_US = 3_600_000_000


def history(points: int) -> tuple[tuple[float | None, ...], ...]:
    """Rolling AUC of a model and two baselines, with a summer dip and a gap at the start."""
    return tuple(
        (None, None, None)
        if index < 3
        else (
            0.78 + 0.03 * math.sin(index / 9) + 0.004 * math.sin(index * 1.7),
            0.66 + 0.015 * math.sin(index / 13) + 0.004 * math.sin(index * 2.3),
            0.5,
        )
        for index in range(points)
    )


def serving() -> LiveFacts:
    """The flights app in August, two thirds through."""
    return LiveFacts(
        app="flights",
        phase="serve",
        model="LateArrival",
        model_version="3f9c1a2b77d0e4aa",
        address="http://127.0.0.1:8000",
        done=0.624,
        eta_us=72_000_000,
        elapsed_us=121_000_000,
        now_us=1_376_500_000_000_000,
        rate_per_s=14_210.4,
        speed=51_840.0,
        streams=(
            StreamFacts("Scheduled", 221_301, 300_000_000, 12_000_000, 60_000_000),
            StreamFacts("Departed", 219_311, 30 * 60_000_000, 41_000_000, 60_000_000, 112, 3, 0),
            StreamFacts("Arrived", 214_730, 2 * HOUR_US, 95_000_000, 60_000_000, 1_204, 0, 17),
            StreamFacts("Weather", 16_702, 2 * HOUR_US, 41 * 60_000_000, 2 * HOUR_US),
        ),
        predictions=221_301,
        pending=412,
        joined=214_730,
        expired=6_159,
        decisions=10_942,
        details=(("entities", "9,412"), ("commit", "2.1 ms"), ("outbox waiting", "0")),
        latency_p50_us=41,
        latency_p99_us=118,
        quality=(
            QualityFacts("streaming", 0.7812, 0.4121),
            QualityFacts("static", 0.6621, 0.4711),
            QualityFacts("base rate", 0.5, 0.5031),
        ),
        quality_window=20_000,
        history=history(62),
        last_decisions=tuple(
            DecisionFacts(
                at_us=1_376_500_000_000_000 - index * 61_000_000,
                key=f"UA{1545 + 7 * index} EWR-ORD",
                rule="rebooking",
                score=0.97 - index / 90,
            )
            for index in range(20)
        ),
    )


def collecting() -> LiveFacts:
    """The first moment of a run: nothing is known yet."""
    return LiveFacts(
        app="flights",
        phase="collect",
        done=0.0,
        streams=tuple(StreamFacts(name, 0) for name in ("Scheduled", "Departed", "Arrived", "Weather")),
    )
