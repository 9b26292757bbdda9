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
        heavy: Left out unless asked for: it takes minutes.
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
    heavy: bool = False


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


CASES: Sequence[Case] = (*_w1(),)
