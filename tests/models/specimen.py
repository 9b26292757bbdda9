"""An app with a model of static and streaming inputs, and tables for it."""

from collections.abc import Sequence

import numpy as np
from lightgbm import LGBMClassifier
from tests.models import data

import forerun as fr
from forerun.models.definition import ModelSpec
from forerun.models.table import Table

HOUR_US = 3_600_000_000
START_US = 1356998400_000000
"""2013-01-01 UTC."""

app = fr.App("specimen")


@app.stream(key="flight", lateness="10m")
class Scheduled(fr.Event):
    flight: str
    at: fr.EventTime
    origin: str
    distance: float
    hour: float


@app.stream(key="flight", lateness="10m")
class Arrived(fr.Event):
    flight: str
    at: fr.EventTime
    origin: str
    delay: float


@app.features(Arrived, by="origin")
class OriginNow:
    count = fr.count(over="1h")
    delay = fr.mean(Arrived.delay, over="1h")
    share = fr.mean(Arrived.delay > 15, over="1h")


@app.model(
    on=Scheduled,
    label=fr.label(Arrived, Arrived.delay > 15, within="36h", otherwise=True),
    risk="low",
    warmup="1d",
)
class Late(fr.Model):
    """Will this flight be late?

    More for those who read on.
    """

    inputs = [  # as users write it
        OriginNow,
        Scheduled.distance,
        fr.named("speed", Scheduled.distance / OriginNow.count),
        Scheduled.hour,
    ]

    def fit(self, table: fr.Table) -> object:
        model = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True)
        return model.fit(table.features, table.label)


SPEC: ModelSpec = app.models["Late"]
NAMES = SPEC.vector.names


def table(rows: int = 1_200, *, names: Sequence[str] = NAMES, missing: float = 0.1) -> Table:
    """Labelled predictions, one an hour; labels come three hours later."""
    features = data.features(rows, missing=missing)
    times = START_US + np.arange(rows, dtype=np.int64) * HOUR_US
    return Table(
        features=features[:, : len(names)],
        label=data.labels(features),
        names=tuple(names),
        times=times,
        label_times=times + 3 * HOUR_US,
        ids=tuple(f"{i:032x}" for i in range(rows)),
        stream="Scheduled",
        partitions=np.zeros(rows, np.int32),
        offsets=np.arange(rows, dtype=np.int64) * 2,
    )
