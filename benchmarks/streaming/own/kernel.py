"""forerun's kernel from Arrow batches in Python: one call per batch, on arrival, late events in place.

--mode w1          a vector of twenty values per event, read as of it; number keys
--mode w1-text     the same with text keys
--mode w2          hopping windows of 5 min / 1 min, emitted when the watermark passes their end
--mode apply       events applied, no vector read
"""

import sys
import time
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import numpy as np
import truth
from payments import WINDOWS, hops, payments
from tables import batches

from forerun._core import Kernel, version


def main() -> None:
    """Run one mode."""
    parser = meter.arguments(__doc__)
    parser.add_argument("--batch", type=int, default=8_192)
    parser.add_argument("--windows", nargs="*", default=WINDOWS)
    parser.add_argument("--keys", type=int, default=ev.KEYS)
    parser.add_argument("--idle", type=int, default=0, help="keys with one event an hour before, then silent")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--values", type=Path)
    parser.add_argument("--sample", default="plain")
    a = parser.parse_args()
    text_key = a.mode == "w1-text"
    app = hops() if a.mode == "w2" else payments(a.windows, read=a.mode != "apply", text_key=text_key)
    kernel = Kernel(app.plan())
    if a.values:
        [batch] = batches(app, truth.sample(a.sample), truth.ROWS)
        found = pa.record_batch(kernel.apply([(0, 0, 0, batch)]).vectors[0])
        columns = [found[f"Payer.{name}"].to_numpy(zero_copy_only=False) for name in truth.COLUMNS]
        truth.save(a.values, np.column_stack(columns))
        return
    if a.threads > 1:
        kernel.set_threads(a.threads)
    common = a.keys == ev.KEYS
    e = ev.load(a.data, a.events, a.rate) if common else ev.make(a.events, a.rate, keys=a.keys)
    parts = batches(app, e, a.batch, text_key=text_key)
    offset, vectors, waits = 0, 0, []
    for part in batches(app, ev.idle(a.idle), 65_536):
        kernel.apply([(0, 0, offset, part)])
        offset += part.num_rows
    with meter.Meter() as m:
        for part in parts:
            begin_ns = time.perf_counter_ns()
            result = kernel.apply([(0, 0, offset, part)])
            waits.append(time.perf_counter_ns() - begin_ns)
            offset += part.num_rows
            vectors += sum(len(batch) for batch in (*result.vectors, *result.emitted))
    [counts] = kernel.counters()
    meter.report(
        a.events,
        m,
        version=version,
        rows=vectors,
        late=counts["late"],
        bytes_per_key=round(kernel.bytes_per_entity()[0]) if kernel.entities() else 0,
        call_us=meter.percentiles(waits),
    )


main()
