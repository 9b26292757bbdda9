"""forerun's kernel from Arrow batches in Python: one call per batch, on arrival, late events in place.

--mode w1          a vector of twenty values per event, read as of it; number keys
--mode w1-text     the same with text keys
--mode apply       events applied, no vector read
"""

import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import numpy as np
import truth
from payments import WINDOWS, payments

from forerun._core import Kernel, version
from forerun.events.table import schema_of
from forerun.runtime.app import App


def batches(app: App, e: ev.Events, rows: int, *, text_key: bool = False) -> list[pa.RecordBatch]:
    """The events as the kernel takes them.

    Args:
        app: The app.
        e: The events.
        rows: Of a batch.
        text_key: Whether the key is text.
    """
    schema = schema_of(app.streams["Paid"])
    key: pa.Array[Any] = pa.array(e.key)
    if text_key:
        letters = pa.py_buffer(ev.text_keys(e.key).tobytes())
        starts = pa.py_buffer(np.arange(0, 8 * len(e) + 8, 8, dtype=np.int32).tobytes())
        key = pa.StringArray.from_buffers(len(e), starts, letters)
    columns = [key, pa.array(e.at), pa.array(e.amount)]
    table = pa.record_batch(
        [
            *(column.cast(field.type) for column, field in zip(columns, schema, strict=True)),
            pa.array(e.arrival),
        ],
        names=[*schema.names, "_arrival"],
    )
    return [table.slice(start, rows) for start in range(0, len(e), rows)]


def main() -> None:
    """Run one mode."""
    parser = meter.arguments(__doc__)
    parser.add_argument("--batch", type=int, default=8_192)
    parser.add_argument("--windows", nargs="*", default=WINDOWS)
    parser.add_argument("--values", type=Path)
    parser.add_argument("--sample", default="plain")
    a = parser.parse_args()
    text_key = a.mode == "w1-text"
    app = payments(a.windows, read=a.mode != "apply", text_key=text_key)
    kernel = Kernel(app.plan())
    if a.values:
        [batch] = batches(app, truth.sample(a.sample), truth.ROWS)
        found = pa.record_batch(kernel.apply([(0, 0, 0, batch)]).vectors[0])
        columns = [found[f"Payer.{name}"].to_numpy(zero_copy_only=False) for name in truth.COLUMNS]
        truth.save(a.values, np.column_stack(columns))
        return
    parts = batches(app, ev.load(a.data, a.events, a.rate), a.batch, text_key=text_key)
    offset, vectors, waits = 0, 0, []
    with meter.Meter() as m:
        for part in parts:
            begin_ns = time.perf_counter_ns()
            result = kernel.apply([(0, 0, offset, part)])
            waits.append(time.perf_counter_ns() - begin_ns)
            offset += part.num_rows
            vectors += sum(len(batch) for batch in result.vectors)
    [counts] = kernel.counters()
    meter.report(
        a.events,
        m,
        version=version,
        rows=vectors,
        late=counts["late"],
        entities=kernel.entities()[0],
        bytes_per_key=round(kernel.bytes_per_entity()[0]),
        call_us=meter.percentiles(waits),
    )


main()
