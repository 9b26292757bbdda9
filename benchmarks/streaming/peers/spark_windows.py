"""Spark, local[2]. Sliding windows per event exist in batch only; hopping windows on streams.

--mode w1   batch: RANGE window functions over the finished table (not on streams at all)
--mode w2   Structured Streaming, hopping 5 min / 1 min, watermark 10 s, append mode, 20 micro-batches from
Parquet
"""

import os
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812  # as everybody writes it

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

FILES = 20
parser = meter.arguments(__doc__)
parser.add_argument("--values", type=Path)
parser.add_argument("--sample", default="plain")
a = parser.parse_args()
e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate)
folder = Path(tempfile.mkdtemp())
(folder / "in").mkdir()
table = pa.table({"us": e.at, "key": e.key, "amount": e.amount, "id": range(len(e))})
step = -(-len(e) // FILES)
for i in range(FILES):
    path = folder / "in" / f"part-{i:04d}.parquet"
    pq.write_table(table.slice(i * step, step), path)
    os.utime(path, (1_700_000_000 + i, 1_700_000_000 + i))
builder = SparkSession.builder.master("local[2]")
for name, value in {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "6g",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.range(10).count()
rows = a.events
if a.mode == "w1":
    frame = spark.read.parquet(str(folder / "in"))
    calls = {"count": F.count, "sum": F.sum, "mean": F.avg, "max": F.max, "std": F.stddev_samp}
    for window, us in ev.WINDOWS_US.items():
        over = Window.partitionBy("key").orderBy("us").rangeBetween(-us + 1, 0)
        for name, call in calls.items():
            frame = frame.withColumn(f"{name}_{window}", call("amount").over(over))
    if a.values:
        import numpy as np

        found = frame.orderBy("id").select(*truth.COLUMNS).collect()
        truth.save(a.values, np.array([[np.nan if x is None else x for x in row] for row in found], float))
        sys.exit()
    with meter.Meter() as m:
        frame.write.format("noop").mode("overwrite").save()
else:
    schema = spark.read.parquet(str(folder / "in")).schema
    frame = (
        spark.readStream.schema(schema)
        .option("maxFilesPerTrigger", 1)
        .parquet(str(folder / "in"))
        .withColumn("et", F.timestamp_micros("us"))
        .withWatermark("et", "10 seconds")
        .groupBy(F.window("et", "5 minutes", "1 minute"), "key")
        .agg(F.count("amount"), F.sum("amount"), F.avg("amount"))
    )
    with meter.Meter() as m:
        query = (
            frame.writeStream.format("noop")
            .outputMode("append")
            .trigger(availableNow=True)
            .option("checkpointLocation", str(folder / "checkpoint"))
            .start()
        )
        query.awaitTermination()
    if query.exception():
        raise SystemExit(query.exception())
meter.report(a.events, m, version=pyspark.__version__, rows=rows)
