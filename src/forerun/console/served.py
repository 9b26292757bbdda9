"""How good answers were that had really been given."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.monitoring.quality import Quality, quality
from forerun.runtime.history import History


def as_served(history: History, model: str, version: str, from_us: int, to_us: int) -> Quality:
    """The measures of one version over the labelled predictions it made in a span of event time.

    Args:
        history: The log.
        model: The model.
        version: The version.
        from_us: First event time.
        to_us: Last event time.
    """
    table = history.labelled(model, columns=["model_version", "event_time", "score"])
    table = table.filter(pc.field("model_version") == version)
    time_us = table["event_time"].cast(pa.int64()).to_numpy()
    inside = (time_us >= from_us) & (time_us <= to_us)
    label, score = (table[name].cast(pa.float64()).to_numpy()[inside] for name in ("label", "score"))
    return quality(np.asarray(label), np.asarray(score))
