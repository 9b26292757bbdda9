"""Plain Python: a deque per key and window, running sums, a monotonic deque for the maximum.

The best we could write in Python. An event that arrives out of order is moved to its key's newest time, so
values are exact on sorted input only; the variance is the difference of sums of squares. Nothing expires,
nothing is durable. Also the state inside the Bytewax script.

    --mode w1
"""

import math
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

WINDOWS_US = tuple(ev.WINDOWS_US.values())


class KeyState:
    __slots__ = ("last", "windows")

    def __init__(self):
        self.last = 0
        self.windows = [[deque(), deque(), 0.0, 0.0] for _ in WINDOWS_US]

    def step(self, t, x):
        t = self.last = max(t, self.last)
        out = []
        squared = x * x
        for length, record in zip(WINDOWS_US, self.windows):
            kept, maxima, total, squares = record
            limit = t - length
            while kept and kept[0][0] <= limit:
                gone = kept.popleft()[1]
                total -= gone
                squares -= gone * gone
            while maxima and maxima[0][0] <= limit:
                maxima.popleft()
            event = (t, x)
            kept.append(event)
            while maxima and maxima[-1][1] <= x:
                maxima.pop()
            maxima.append(event)
            total += x
            squares += squared
            record[2] = total
            record[3] = squares
            n = len(kept)
            mean = total / n
            std = math.sqrt(max((squares - total * mean) / (n - 1), 0.0)) if n > 1 else math.nan
            out += (n, total, mean, maxima[0][1], std)
        return out


def main():
    parser = meter.arguments(__doc__)
    parser.add_argument("--values", type=Path)
    parser.add_argument("--sample", default="plain")
    a = parser.parse_args()
    e = truth.sample(a.sample) if a.values else ev.load(a.data, a.events, a.rate)
    at, key, amount = e.at.tolist(), e.key.tolist(), e.amount.tolist()
    state = {}
    if a.values:
        rows = [state.setdefault(k, KeyState()).step(t, x) for t, k, x in zip(at, key, amount)]
        truth.save(a.values, np.array(rows))
        return
    waits = np.empty(a.events, np.int64)
    clock = time.perf_counter_ns
    with meter.Meter() as m:
        for i in range(a.events):
            begin = clock()
            own = state.get(key[i])
            if own is None:
                own = state[key[i]] = KeyState()
            own.step(at[i], amount[i])
            waits[i] = clock() - begin
    meter.report(a.events, m, version=sys.version.split()[0], rows=a.events, call_us=meter.percentiles(waits))


if __name__ == "__main__":
    main()
