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
    Peer("Python deques", "python_deques", f"{CLAMPS}; float sums, unsafe variance; no expiry, nothing durable"),
    Peer("csp", "csp_stats", "sorted input with distinct times only; milliseconds to begin a key; no durable state"),
    Peer("Bytewax", "bytewax_state", f"no exact sliding output of its own: the deques' state inside it; {CLAMPS}"),
    Peer("river", "river_rolling", "no maximum (16 of 20 values); refuses older times; one process, nothing durable"),
    Peer("Deephaven", "deephaven_updateby", "time must not go back within a key: late events are not placed"),
    Peer("Flink SQL", "flink_over", "answers when the watermark has passed, 10 s later; one window per query"),
    Peer("Pathway", "pathway_join", "1 of 4 windows, no std: cost grows with a window's content", values=False),
    Peer("Quix Streams", "quix_windows", "1 of 4 windows, no std; its log (Kafka) left out here", values=False),
    Peer("Spark", "spark_windows", "sliding windows in batch only; hopping windows in micro-batches of seconds"),
)


@dataclass(frozen=True)
class Case:
    """One measurement.

    Args:
        section: What it belongs to: w1, w2, durable, curves, restart.
        who: "forerun" or a peer's script.
        script: The script, under `own` or `peers`.
        label: What ran, in a few words.
        events: How many.
        rate: Events per second of event time.
        mode: The script's mode.
        more: Further arguments.
        rounds: How often, taking turns with the others.
        less: When above 0, the same is run with so many events, and the figure is what the others cost: it takes
            starting, planning and compiling out.
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
        Case("w1", "csp_stats", "csp_stats", "the 300 hottest keys", 250_000, mode="keys", less=50_000, rounds=1),
        Case("w1", "river_rolling", "river_rolling", "16 of 20 values", 100_000, rounds=1),
        Case("w1", "deephaven_updateby", "deephaven_updateby", "one finished table", MILLION, rounds=1),
        Case("w1", "deephaven_updateby", "deephaven_updateby", "ticking", 300_000, mode="ticking", rounds=1),
        Case("w1", "flink_over", "flink_over", "four chained queries", 120_000, less=40_000, rounds=1),
        Case("w1", "pathway_join", "pathway_join", "1 of 4 windows, no std", 20_000, rounds=1),
        Case("w1", "quix_windows", "quix_windows", "1 of 4 windows, no std", 10_000, rounds=1),
        Case("w1", "spark_windows", "spark_windows", "batch", 300_000, less=100_000, rounds=1),
    ]


CASES: Sequence[Case] = (*_w1(), *_peers())
