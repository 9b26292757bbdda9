"""Every aggregate over every window, ten million values compared, and the flights as they were recorded."""

from pathlib import Path

import pytest
from tests.parity.everything import declare

from forerun.runtime.load import load
from forerun.testing.nasty import nasty_log
from forerun.testing.parity.check import TAME
from forerun.testing.parity.judge import judge
from forerun.testing.parity.level import Level
from forerun.testing.parity.order import order
from forerun.testing.parity.play import Log
from forerun.testing.parity.recorded import sample
from forerun.testing.parity.replay import replay
from forerun.testing.parity.report import Report
from forerun.testing.parity.subject import Subject
from forerun.testing.parity.truth import truth

FLIGHTS = Path(__file__).parent.parent.parent / "examples" / "flights" / "app.py"
APP = declare()
SUBJECT = Subject(APP.plan(), APP.functions)
INDEPENDENT_MIN = 12_000_000
"""Values held beside one that something else computed: 10 million are promised, and some logs may shrink."""

BITS_MIN = 18_000_000
PERMUTATIONS = 20
ORACLE_LOGS = 5
JUDGED_LOGS = 24
JUDGED_EVENTS = 5_000
FLIGHT_CELLS = 300_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_million_values_are_the_same_whoever_computes_them(capsys: pytest.CaptureFixture[str]) -> None:
    """P1 in sixteen ways, P2 in twenty orders, P3 beside the oracle and beside DuckDB: no value differs."""
    nasty = nasty_log(0, 3_000, SUBJECT.shapes)
    levels = [replay(Log(SUBJECT, nasty)), order(SUBJECT, nasty, permutations=PERMUTATIONS)]
    levels += [
        judge(SUBJECT, nasty_log(seed, JUDGED_EVENTS, SUBJECT.shapes, TAME)) for seed in range(JUDGED_LOGS)
    ]
    levels += [truth(SUBJECT, nasty_log(seed, 400, SUBJECT.shapes), seed=seed) for seed in range(ORACLE_LOGS)]
    report = Report("everything", "tests", 0, [], levels)
    with capsys.disabled():
        print(f"\n{report.cells:,} values compared independently, {report.bits:,} bit for bit")
        for name in dict.fromkeys(level.name for level in levels):
            some = [level for level in levels if level.name == name]
            cells, bits = sum(level.cells for level in some), sum(level.bits for level in some)
            print(f"  {name}: {cells:,} independently, {bits:,} bit for bit, of {len(some)} log(s)")

    assert [level.first.explained for level in levels if level.first is not None] == []
    assert report.cells >= INDEPENDENT_MIN
    assert report.bits >= BITS_MIN


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_recorded_flights(tmp_path: Path) -> None:
    """On the first 20,000 events of 2013, every feature of the example: one hash, and the oracle's values."""
    app = load(FLIGHTS)
    flights = sample(app, tmp_path / "none", 20_000)
    subject = Subject(app.plan())

    def enough(level: Level) -> bool:
        return level.cells >= FLIGHT_CELLS

    levels = [
        replay(Log(subject, flights), batch_rows=(7, 1000, 65536)),
        truth(subject, flights, enough=enough),
    ]

    assert [level.first.explained for level in levels if level.first is not None] == []
    assert levels[0].bits > 1_000_000
    assert levels[1].cells >= FLIGHT_CELLS
