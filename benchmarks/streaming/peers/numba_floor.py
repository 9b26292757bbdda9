"""The ideal loop: exact windows in Numba, nothing else around them. A floor to measure by, no product.

Per event, on one thread, out of order by up to the lateness: a calendar queue puts events in order, then
one ring per key serves all windows, and one monotonic stack gives all maxima. It leaves out what a product
needs: sums are plain floats, the variance is the difference of sums of squares (clamped at zero), late
events are dropped, nothing expires, nothing is durable, and the schema is compiled in. A value is known 10
seconds of event time after its event.

    --mode w1        arrival order, through the calendar queue
    --mode w1-text   the same, the key looked up by its 8-byte text in an open-addressing table
    --mode sorted    sorted input, no queue
    --mode w2        hopping windows by one-minute panes, emitted when the watermark closes them
"""

import sys
from pathlib import Path

import numba as nb
import numpy as np
from numba import njit

sys.path.insert(0, str(Path(__file__).parents[1]))
import events as ev
import meter
import truth

W_MS = np.array(list(ev.WINDOWS_US.values()), np.int64) // 1_000
NK = ev.KEYS
BATCH = 8192
LAG_MS = ev.LATENESS_US // 1_000


@njit(cache=True, inline="always")
def mix(x):
    x ^= x >> np.uint64(32)
    x *= np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(29)
    return x


@njit(cache=True, inline="always")
def lookup(h, hk, hv, nused, mask):
    s = mix(h) & mask
    while True:
        v = hv[s]
        if v >= 0:
            if hk[s] == h:
                return v
        else:
            hk[s] = h
            hv[s] = nused[0]
            nused[0] += 1
            return hv[s]
        s = (s + np.uint64(1)) & mask


# st columns: 0 base, 1 mask, 2 head, 3..6 tail[w], 7 stack top seq (-1), 8..11 front[w] ; fs: 0..3 sum,
# 4..7 sumsq
@njit(cache=True, inline="always")
def step(k, t, x, st, fs, A_ts, A_x, A_pn, bump, free, W, out, o):
    s = st[k]
    f = fs[k]
    base, mask, head = s[0], s[1], s[2]
    # evict
    for w in range(4):
        lim = t - W[w]
        tl = s[3 + w]
        c = f[w]
        c2 = f[4 + w]
        moved = False
        while tl < head:
            p = base + (tl & mask)
            if A_ts[p] > lim:
                break
            v = A_x[p]
            c -= v
            c2 -= v * v
            tl += 1
            moved = True
        if moved:
            s[3 + w] = tl
            if tl == head:
                c = 0.0
                c2 = 0.0
            f[w] = c
            f[4 + w] = c2
            # move this window's max front past what was evicted, while those slots are still intact
            fr = s[8 + w]
            while 0 <= fr < tl:
                fr = A_pn[base + (fr & mask), 1] if fr < s[7] else np.int64(-1)
            s[8 + w] = fr
    # grow ring if full
    if mask < 0 or head - s[6] > mask:
        ncap = 4 if mask < 0 else (mask + 1) * 2
        cls = 0
        z = ncap
        while z > 1:
            z >>= 1
            cls += 1
        if free[cls] >= 0:
            nbase = free[cls]
            free[cls] = A_ts[nbase]
        else:
            nbase = bump[0]
            bump[0] += ncap
        nm = ncap - 1
        for q in range(s[6], head):
            a = base + (q & mask)
            b = nbase + (q & nm)
            A_ts[b] = A_ts[a]
            A_x[b] = A_x[a]
            A_pn[b, 0] = A_pn[a, 0]
            A_pn[b, 1] = A_pn[a, 1]
        if mask >= 0:
            A_ts[base] = free[cls - 1]
            free[cls - 1] = base
        base, mask = nbase, nm
        s[0] = base
        s[1] = mask
    # append
    p = base + (head & mask)
    A_ts[p] = t
    A_x[p] = x
    # shared monotonic stack: pop smaller from the top
    top = s[7]
    tl24 = s[6]
    while top >= tl24 and A_x[base + (top & mask)] <= x:
        top = A_pn[base + (top & mask), 0]
    A_pn[p, 0] = top
    if top >= tl24:
        A_pn[base + (top & mask), 1] = head
    s[7] = head
    s[2] = head + 1
    for w in range(4):
        fr = s[8 + w]
        if fr < 0 or fr > top:
            fr = head  # everything this window's front pointed at was popped or evicted
        s[8 + w] = fr
        c = f[w] + x
        c2 = f[4 + w] + x * x
        f[w] = c
        f[4 + w] = c2
        n = head + 1 - s[3 + w]
        m = c / n
        var = (c2 - c * m) / (n - 1) if n > 1 else np.nan
        j = w * 5
        out[o, j] = n
        out[o, j + 1] = c
        out[o, j + 2] = m
        out[o, j + 3] = A_x[base + (fr & mask)]
        out[o, j + 4] = np.sqrt(max(var, 0.0)) if n > 1 else np.nan


@njit(cache=True)
def run_sorted(ts, key, amt, st, fs, A_ts, A_x, A_pn, bump, free, W, out, hk, hv, nused, usehash):
    acc = 0.0
    nb_ = out.shape[0]
    hm = np.uint64(len(hk) - 1)
    for i in range(len(ts)):
        o = i % nb_
        if usehash:
            k = lookup(np.uint64(key[i]), hk, hv, nused, hm)
        else:
            k = key[i]
        step(k, ts[i], amt[i], st, fs, A_ts, A_x, A_pn, bump, free, W, out, o)
        acc += out[o, 3]
    return acc


@njit(cache=True)
def run_wm(ts, key, amt, st, fs, A_ts, A_x, A_pn, bump, free, W, out, hk, hv, nused, usehash, lag):
    """Calendar queue of 1 ms slots over 32.8 s, linked lists through nxt, release below watermark."""
    SL = 32768
    head = np.full(SL, -1, np.int32)
    tail = np.full(SL, -1, np.int32)
    n = len(ts)
    # pending pool, reused
    P = 1 << 20
    pnext = np.empty(P, np.int32)
    pts = np.empty(P, np.int64)
    pk = np.empty(P, np.int64)
    px = np.empty(P, np.float64)
    freep = 0
    for i in range(P):
        pnext[i] = i + 1
    hm = np.uint64(len(hk) - 1)
    nb_ = out.shape[0]
    mx = ts[0]
    done = ts[0] - 20000  # slots < done are released
    acc = 0.0
    late = 0
    o = 0
    for i in range(n + 1):
        if i < n:
            t = ts[i]
            if usehash:
                k = lookup(np.uint64(key[i]), hk, hv, nused, hm)
            else:
                k = key[i]
            if t < done:
                late += 1
                continue
            q = freep
            freep = pnext[q]
            pts[q] = t
            pk[q] = k
            px[q] = amt[i]
            pnext[q] = -1
            sl = t & (SL - 1)
            if head[sl] < 0:
                head[sl] = q
            else:
                pnext[tail[sl]] = q
            tail[sl] = q
            if t > mx:
                mx = t
            wm = mx - lag
        else:
            wm = mx + 1
        while done < wm:
            sl = done & (SL - 1)
            q = head[sl]
            while q >= 0:
                step(pk[q], pts[q], px[q], st, fs, A_ts, A_x, A_pn, bump, free, W, out, o)
                acc += out[o, 3]
                o += 1
                if o == nb_:
                    o = 0
                r = pnext[q]
                pnext[q] = freep
                freep = q
                q = r
            head[sl] = -1
            done += 1
    return acc, late


@njit(cache=True)
def run_w2(ts, key, amt, lag):
    """1-min panes in an 8-slot ring per key; at each close, merge 5 panes for keys active in them."""
    cnt = np.zeros((NK, 16), np.int64)
    sm = np.zeros((NK, 16), np.float64)
    active = np.zeros((16, NK), np.int32)
    nact = np.zeros(16, np.int64)
    stamp = np.full(NK, -1, np.int64)
    M = 60_000
    mx = ts[0]
    done = (ts[0] - 20_000) // M  # panes < done are closed
    rows = 0
    acc = 0.0
    late = 0
    n = len(ts)
    for i in range(n + 1):
        if i < n:
            t = ts[i]
            p = t // M
            if p < done:
                late += 1
                continue
            s = p & 15
            k = key[i]
            if cnt[k, s] == 0:
                active[s, nact[s]] = k
                nact[s] += 1
            cnt[k, s] += 1
            sm[k, s] += amt[i]
            if t > mx:
                mx = t
            wm = (mx - lag) // M
        else:
            wm = mx // M + 6
        while done < wm:
            # window (done-4 .. done) closes
            for b in range(5):
                sb = (done - b) & 15
                for a in range(nact[sb]):
                    k = active[sb, a]
                    if stamp[k] != done:
                        stamp[k] = done
                        c = 0
                        x = 0.0
                        for z in range(5):
                            c += cnt[k, (done - z) & 15]
                            x += sm[k, (done - z) & 15]
                        rows += 1
                        acc += x / c
            old = (done - 4) & 15
            for a in range(nact[old]):
                cnt[active[old, a], old] = 0
                sm[active[old, a], old] = 0.0
            nact[old] = 0
            done += 1
    return rows, acc, late


def fresh(n, W, rows=BATCH, nk=NK):
    st = np.zeros((nk, 16), np.int64)
    st[:, 1] = -1
    st[:, 7] = -1
    st[:, 8:12] = -1
    fs = np.zeros((nk, 8), np.float64)
    cap = 5 * n + 4 * nk + 1024
    return (
        st,
        fs,
        np.empty(cap, np.int64),
        np.empty(cap),
        np.empty((cap, 2), np.int32),
        np.zeros(1, np.int64),
        np.full(48, -1, np.int64),
        W,
        np.empty((rows, 20)),
    )


def hashtab():
    return np.zeros(1 << 18, np.uint64), np.full(1 << 18, -1, np.int32), np.zeros(1, np.int64)


def main():
    """Run one mode."""
    parser = meter.arguments(__doc__)
    parser.add_argument("--values", type=Path)
    parser.add_argument("--sample", default="plain")
    a = parser.parse_args()
    if a.values:
        e = truth.sample(a.sample)
        s = fresh(len(e), np.array(list(ev.WINDOWS_US.values()), np.int64), rows=len(e))
        run_sorted(e.at, e.key, e.amount, *s, *hashtab(), False)
        truth.save(a.values, s[-1])
        return
    e = ev.load(a.data, a.events, a.rate)
    if a.mode == "sorted":
        e = e.in_time_order()
    key = ev.text_keys(e.key).view(np.int64).reshape(-1) if a.mode == "w1-text" else e.key
    at = e.at // 1_000

    def go(count):
        s, h = fresh(count, W_MS), hashtab()
        for part in s[2:5]:
            part.fill(0)  # pages are mapped outside the timer
        with meter.Meter() as m:
            if a.mode == "w2":
                r = run_w2(at[:count], key[:count], e.amount[:count], LAG_MS)
            elif a.mode == "sorted":
                r = run_sorted(at[:count], key[:count], e.amount[:count], *s, *h, False)
            else:
                r = run_wm(at[:count], key[:count], e.amount[:count], *s, *h, a.mode == "w1-text", LAG_MS)
        return m, r

    go(1000)  # compiles
    m, r = go(a.events)
    meter.report(a.events, m, version=nb.__version__, rows=r[0] if a.mode == "w2" else a.events)


main()
