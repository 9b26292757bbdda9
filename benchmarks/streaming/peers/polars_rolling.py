"""Polars, in batch: `rolling(group_by=key)` once per window, over the finished table; its sort is timed.

Nothing is kept up to date: a new event means running it all again. An event counts ties that arrive after it.

    --mode w1   count, sum, mean, max, std over four windows (t-W, t]
    --mode w2   group_by_dynamic, hopping 5 min / 1 min
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

x = pl.col("amount")


def features(df, window):
    return df.rolling("at", period=window, closed="right", group_by="key").agg(
        x.count().alias("count"),
        x.sum().alias("sum"),
        x.mean().alias("mean"),
        x.max().alias("max"),
        x.std(ddof=1).alias("std"),
    )


def frame(e):
    return pl.DataFrame({"at": e.at, "key": e.key, "amount": e.amount}).with_columns(
        pl.from_epoch("at", time_unit="us")
    )


parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
if a.values:
    df = frame(truth.sample(a.sample)).with_row_index("id").sort("key", "at")
    order = df["id"].to_numpy()
    columns = {}
    for window in ev.WINDOWS_US:
        found = features(df, window)
        for name in truth.NAMES:
            column = np.empty(len(df))
            column[order] = found[name].cast(pl.Float64).to_numpy()
            columns[f"{name}_{window}"] = column
    np.savez(a.values, **columns)
    sys.exit()
df = frame(ev.load(a.data, a.events, a.rate))
rows = a.events
with meter.Meter() as m:
    if a.mode == "w2":
        found = (
            df.sort("at")
            .group_by_dynamic("at", every="1m", period="5m", group_by="key", closed="left")
            .agg(x.count().alias("count"), x.sum().alias("sum"), x.mean().alias("mean"))
        )
        rows = len(found)
    else:
        kept = [
            features(df_sorted, window) for df_sorted in [df.sort("key", "at")] for window in ev.WINDOWS_US
        ]
meter.report(a.events, m, version=pl.__version__, rows=rows)
