"""Who is measured at what: forerun, its peers, sizes and rounds."""

from collections.abc import Sequence
from dataclasses import dataclass

TEXT = "the key is text of eight letters"


@dataclass(frozen=True)
class Peer:
    """One product beside forerun.

    Args:
        name: As people call it.
        script: Name of its script under `peers` and of its packages under `requirements`.
        lacks: What it does not do that forerun does in the same run; for the reader of the table.
        values: Whether its values are compared with the truth.
    """

    name: str
    script: str
    lacks: str
    values: bool = True


CLAMPS = "an event out of order is moved to its key's newest time"
BATCH = (
    "batch only: nothing is kept up to date, a new event means running it all again; needs the whole table"
)

PEERS: Sequence[Peer] = (
    Peer(
        "Numba floor",
        "numba_floor",
        "no product: float sums, unsafe variance, answers 10 s of event time late, drops what is late, "
        "no expiry, nothing durable, one fixed schema",
    ),
    Peer("Polars", "polars_rolling", BATCH),
    Peer("DuckDB", "duckdb_range", BATCH),
    Peer(
        "Python deques", "python_deques", f"{CLAMPS}; float sums, unsafe variance; no expiry, nothing durable"
    ),
    Peer(
        "csp",
        "csp_stats",
        "sorted input with distinct times only; milliseconds to begin a key; no durable state",
    ),
    Peer(
        "Bytewax",
        "bytewax_state",
        f"no exact sliding output of its own: the deques' state inside it; {CLAMPS}",
    ),
    Peer(
        "river",
        "river_rolling",
        "no maximum (16 of 20 values); refuses older times; one process, nothing durable",
    ),
    Peer("Deephaven", "deephaven_updateby", "time must not go back within a key: late events are not placed"),
    Peer(
        "Flink SQL", "flink_over", "answers when the watermark has passed, 10 s later; one window per query"
    ),
    Peer(
        "Pathway", "pathway_join", "1 of 4 windows, no std: cost grows with a window's content", values=False
    ),
    Peer(
        "Quix Streams", "quix_windows", "1 of 4 windows, no std; its log (Kafka) left out here", values=False
    ),
    Peer(
        "Spark", "spark_windows", "sliding windows in batch only; hopping windows in micro-batches of seconds"
    ),
)


@dataclass(frozen=True)
class Case:
    """One measurement.

    Args:
        section: What it belongs to: w1, w2, durable, spill, single, restart, curves.
        who: "forerun" or a peer's script.
        script: The script, under `own` or `peers`.
        label: What ran, in a few words.
        events: How many.
        rate: Events per second of event time.
        mode: The script's mode.
        more: Further arguments.
        rounds: How often, taking turns with the others.
        less: When above 0, the same is run with so many events, and the figure is what the others cost:
            without starting, planning and compiling.
    """

    section: str
    who: str
    script: str
    label: str
    events: int
    rate: int = 50
    mode: str = "w1"
    more: Sequence[str] = ()
    rounds: int = 3
    less: int = 0


MILLION = 1_000_000


def _w1() -> list[Case]:
    cases = []
    for rate in (50, 5_000):
        for events, rounds in ((MILLION, 3), (10 * MILLION, 2)):
            cases += [
                Case("w1", "forerun", "kernel", "kernel, on arrival", events, rate, rounds=rounds),
                Case(
                    "w1", "numba_floor", "numba_floor", "reorders, then windows", events, rate, rounds=rounds
                ),
                Case("w1", "polars_rolling", "polars_rolling", "batch", events, rate, rounds=rounds),
            ]
        cases.append(Case("w1", "forerun", "kernel", TEXT, MILLION, rate, "w1-text"))
        cases.append(Case("w1", "numba_floor", "numba_floor", TEXT, MILLION, rate, "w1-text"))
        cases.append(
            Case("w1", "duckdb_range", "duckdb_range", "batch, two threads", MILLION, rate, rounds=2)
        )
    return cases


def _peers() -> list[Case]:
    """Those that take seconds or minutes, once, at sizes they can do."""
    return [
        Case("w1", "python_deques", "python_deques", "arrival order, clamped", 300_000, rounds=2),
        Case("w1", "bytewax_state", "bytewax_state", "the deques inside stateful_batch", 300_000, rounds=2),
        Case("w1", "csp_stats", "csp_stats", "one series, no keys", MILLION, mode="one", rounds=1),
        Case(
            "w1",
            "csp_stats",
            "csp_stats",
            "the 300 hottest keys",
            250_000,
            mode="keys",
            less=50_000,
            rounds=1,
        ),
        Case("w1", "river_rolling", "river_rolling", "16 of 20 values", 100_000, rounds=1),
        Case("w1", "deephaven_updateby", "deephaven_updateby", "one finished table", MILLION, rounds=1),
        Case("w1", "deephaven_updateby", "deephaven_updateby", "ticking", 300_000, mode="ticking", rounds=1),
        Case("w1", "flink_over", "flink_over", "four chained queries", 240_000, less=40_000, rounds=1),
        Case("w1", "pathway_join", "pathway_join", "1 of 4 windows, no std", 20_000, rounds=1),
        Case("w1", "quix_windows", "quix_windows", "1 of 4 windows, no std", 10_000, rounds=1),
        Case("w1", "spark_windows", "spark_windows", "batch", 300_000, less=100_000, rounds=1),
    ]


def _durable() -> list[Case]:
    label = "log, journal, state"
    return [
        Case("durable", "forerun", "durable", f"{label}; steps of 65,536", MILLION, mode="features"),
        Case(
            "durable",
            "forerun",
            "durable",
            f"{label}; steps of 65,536",
            3 * MILLION,
            mode="features",
            rounds=1,
        ),
        Case(
            "durable",
            "forerun",
            "durable",
            f"{label}; steps of 8,192",
            MILLION,
            mode="features",
            more=("--batch", "8192"),
            rounds=2,
        ),
        Case(
            "durable",
            "forerun",
            "durable",
            "and every vector a prediction",
            200_000,
            mode="vectors",
            rounds=2,
        ),
    ]


def _single() -> list[Case]:
    """From Python, one by one."""
    labels = {
        "event": "an event and its vector of 20 values",
        "read": "20 values of one key",
        "arrow": "20 values of one key, through Arrow",
    }
    return [
        Case("single", "forerun", "single", label, 200_000, mode=mode, rounds=3)
        for mode, label in labels.items()
    ]


def _spill() -> list[Case]:
    def own(label: str, mode: str, share: float) -> Case:
        more = ("--share", str(share))
        return Case("spill", "forerun", "spill", label, MILLION, mode=mode, more=more, rounds=2)

    return [
        own("a budget of twice what is needed, Zipf 1.1", "zipf", 2),
        own("memory for half, Zipf 1.1", "zipf", 0.5),
        own("memory for a tenth, Zipf 1.1", "zipf", 0.1),
        own("memory for a tenth, every key as likely", "uniform", 0.1),
        *(
            Case(
                "spill",
                "forerun",
                "spill",
                f"windows of a million keys in {mb} MB",
                3 * MILLION,
                5_000,
                "windows",
                ("--memory", str(mb)),
                rounds=1,
            )
            for mb in (256, 64, 16)
        ),
    ]


def _restart() -> list[Case]:
    return [
        Case("restart", "forerun", "restart", "keys, two events each", keys, rounds=rounds)
        for keys, rounds in ((100_000, 2), (MILLION, 1))
    ]


def _curves() -> list[Case]:
    def own(name: str, value: object, events: int = MILLION, **more: object) -> Case:
        arguments = [str(part) for flag, given in more.items() for part in (f"--{flag}", *_listed(given))]
        return Case("curves", "forerun", "kernel", f"{name}: {value}", events, more=arguments, rounds=2)

    names = (
        "1m",
        "2m",
        "5m",
        "10m",
        "15m",
        "30m",
        "1h",
        "2h",
        "3h",
        "4h",
        "6h",
        "8h",
        "10h",
        "12h",
        "18h",
        "24h",
    )
    return [
        *(
            own("rows in a call", rows, min(MILLION, 200_000 * max(1, rows // 16)), batch=rows)
            for rows in (1, 16, 256, 1_024, 8_192, 65_536)
        ),
        *(own("keys", keys, keys=keys) for keys in (10_000, 30_000, 300_000, 1_000_000)),
        *(own("windows", count, windows=names[:: 16 // count]) for count in (1, 2, 4, 8, 16)),
        *(own("one window of", length, windows=(length,)) for length in ("1m", "1h", "24h", "7d")),
        own("one key only", "a million events in its windows", keys=1),
        own("idle keys beside it", MILLION, idle=MILLION),
        own("threads", 2, batch=65_536, threads=2),
        own("threads", 1, batch=65_536, threads=1),
    ]


def _listed(given: object) -> tuple[object, ...]:
    return given if isinstance(given, tuple) else (given,)


def _w2() -> list[Case]:
    cases = []
    for rate in (50, 5_000):
        cases += [
            Case("w2", "forerun", "kernel", "emitted on close", MILLION, rate, "w2"),
            Case("w2", "numba_floor", "numba_floor", "panes", MILLION, rate, "w2"),
            Case("w2", "polars_rolling", "polars_rolling", "batch", MILLION, rate, "w2"),
            Case("w2", "duckdb_range", "duckdb_range", "batch, two threads", MILLION, rate, "w2"),
        ]
    return [
        *cases,
        Case(
            "w2",
            "bytewax_state",
            "bytewax_state",
            "its own windows, 20,000 a batch",
            100_000,
            mode="w2",
            more=("--batch", "20000"),
            rounds=1,
        ),
        Case("w2", "flink_over", "flink_over", "HOP", 3 * MILLION, mode="w2", less=500_000, rounds=1),
        Case("w2", "pathway_join", "pathway_join", "one finished batch", 200_000, mode="w2", rounds=1),
        Case("w2", "quix_windows", "quix_windows", "no Kafka", 50_000, mode="w2", rounds=1),
        Case(
            "w2",
            "spark_windows",
            "spark_windows",
            "micro-batches",
            2 * MILLION,
            mode="w2",
            less=MILLION,
            rounds=1,
        ),
    ]


CASES: Sequence[Case] = (
    *_w1(),
    *_peers(),
    *_w2(),
    *_durable(),
    *_spill(),
    *_single(),
    *_restart(),
    *_curves(),
)
