"""Every benchmark in one run, forerun and its peers taking turns; what will not run is reported, not dropped.

    make bench ARGS="--only w1 --peers polars,duckdb"
    python benchmarks/run.py [--only SECTIONS] [--peers NAMES] [--events-max N] [--rounds N]
                             [--record]

CPU time is what to read: other work on the machine moves wall time far more. Each figure is the median of its
rounds. `--record` writes benchmarks/results/streaming.json and the tables and drawings of the documentation;
what was recorded of other cases stays.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "streaming"))

import report  # noqa: E402  # in the folder that has just been added
from cases import CASES, PEERS, Case, Peer  # noqa: E402  # in the folder that has just been added
from environments import InstallError, interpreter  # noqa: E402
from machine import machine  # noqa: E402
from truth import SAMPLES, compare  # noqa: E402

WORK = HERE.parent / "target" / "bench"
RESULTS = HERE / "results" / "streaming.json"
LIMIT_S = 420
SECTIONS = ("values", "w1", "w2", "durable", "spill", "single", "restart", "curves", "scorer", "serving")
FACTS = (
    "bytes_per_key",
    "call_us",
    "together_cpu_us",
    "unlimited_us",
    "budget_mb",
    "asleep",
    "disk_bytes",
    "killed_cpu_s",
    "killed_wall_s",
    "clean_cpu_s",
    "clean_wall_s",
    "marginal_from",
    "late",
)
ALONE = {"scorer": "scorer.py", "serving": "serving_http.py"}


def ran(python: Path, script: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a script; what it reports, or its error.

    Args:
        python: The interpreter.
        script: The script.
        arguments: Its arguments.
    """
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(WORK / "numba")}
    process = subprocess.Popen(
        [str(python), str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"error": f"not done after {LIMIT_S} s"}
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode or (not lines and "--values" not in arguments):
        return {"error": (err.strip() or out.strip() or f"ended with {process.returncode}")[-400:]}
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return found


def measured(
    cases: Sequence[Case], pythons: Mapping[str, Path | str], rounds: int | None
) -> list[dict[str, Any]]:
    """Run the cases in turns, so that whatever else the machine does meets all of them alike.

    Args:
        cases: The cases.
        pythons: By script, the interpreter, or why there is none.
        rounds: How often, in place of each case's own number.
    """
    runs: list[list[dict[str, Any]]] = [[] for _ in cases]
    for turn in range(max(rounds or case.rounds for case in cases)):
        for case, own in zip(cases, runs, strict=True):
            failed = bool(own) and "error" in own[-1]
            if turn >= (rounds or case.rounds) or failed:
                continue
            python = pythons[case.who]
            if isinstance(python, str):
                own.append({"error": python})
                continue
            own.append(_marginal(case, python))
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return [_summary(case, own) for case, own in zip(cases, runs, strict=True)]


def _marginal(case: Case, python: Path) -> dict[str, Any]:
    """Run a case once; when it asks for it, without what its first events cost."""
    folder = "own" if case.who == "forerun" else "peers"
    script = HERE / "streaming" / folder / f"{case.script}.py"

    def run(events: int) -> dict[str, Any]:
        arguments = ["--data", str(WORK / "data"), "--events", str(events), "--rate", str(case.rate)]
        return ran(python, script, [*arguments, "--mode", case.mode, *case.more])

    found = run(case.events)
    if not case.less or "error" in found:
        return found
    first = run(case.less)
    if "error" in first:
        return first
    for name in ("cpu_us", "wall_us"):
        cost = found[name] * case.events - first[name] * case.less
        if cost <= 0:
            return {
                "error": f"{case.events:,} events took no more than {case.less:,}: starting outweighs both"
            }
        found[name] = round(cost / (case.events - case.less), 4)
    return {**found, "marginal_from": case.less}


def _summary(case: Case, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    good = [run for run in runs if "error" not in run]
    facts: dict[str, Any] = {
        "section": case.section,
        "who": case.who,
        "label": case.label,
        "events": case.events,
        "rate": case.rate,
        "mode": case.mode,
    }
    if not good:
        return {**facts, "error": runs[-1]["error"] if runs else "not run"}
    middle = {
        name: statistics.median(run[name] for run in good)
        for name, value in good[-1].items()
        if isinstance(value, float)
    }
    spread = [round(min(run["cpu_us"] for run in good), 4), round(max(run["cpu_us"] for run in good), 4)]
    return {**facts, **good[-1], **middle, "cpu_us_spread": spread, "rounds": len(good)}


def values(peers: Sequence[Peer], pythons: Mapping[str, Path | str]) -> list[dict[str, Any]]:
    """Compare what everybody computes with the truth.

    Args:
        peers: Who.
        pythons: By script, the interpreter, or why there is none.
    """
    found = []
    with tempfile.TemporaryDirectory() as name:
        for script in ("forerun", *(peer.script for peer in peers if peer.values)):
            python = pythons[script]
            path = "own/kernel" if script == "forerun" else f"peers/{script}"
            for sample in SAMPLES:
                file = Path(name) / f"{script}-{sample}.npz"
                facts: dict[str, Any] = {"section": "values", "who": script, "sample": sample}
                if isinstance(python, str):
                    found.append({**facts, "error": python})
                    continue
                arguments = ["--data", str(WORK / "data"), "--values", str(file), "--sample", sample]
                run = ran(python, HERE / "streaming" / f"{path}.py", arguments)
                found.append({**facts, **(run if "error" in run else compare(file, sample))})
    return found


def show(found: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Print what was found, section by section."""
    for section in dict.fromkeys(item["section"] for item in found):
        own = [item for item in found if item["section"] == section]
        print(f"\n{section}")
        for item in own:
            name = names.get(item["who"], item["who"])
            if "error" in item:
                what = item.get("label", item.get("sample", ""))
                print(f"  {name:14} {what:34} did not run: {item['error'].splitlines()[-1][:120]}")
            elif section == "values":
                wrong = ", ".join(f"{count} {kind}" for kind, count in item["wrong"].items()) or "none"
                print(
                    f"  {name:14} {item['sample']:6} {item['cells']:8,} values, wrong: {wrong}"
                    f" (NaN: {item['nan']}; worst relative error {item['worst']:.1e})"
                )
            else:
                print(
                    f"  {name:14} {item['label']:34} {item['events']:>11,} at {item['rate']:>5}/s"
                    f" {item['cpu_us']:10.3f} us CPU {item['wall_us']:10.3f} us wall {_beside(item, own)}"
                    f" {item['peak_mb']:7,} MB{_more(item)}"
                )


def _more(item: Mapping[str, Any]) -> str:
    """What a run says besides."""
    shown = {name: item[name] for name in FACTS if name in item}
    return "".join(f"  {name} {value}" for name, value in shown.items())


def _beside(item: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """How many times forerun's CPU time this is, at the same rate and the nearest size."""
    base = [
        other
        for other in others
        if other["who"] == "forerun"
        and other["rate"] == item["rate"]
        and "cpu_us" in other
        and other["mode"] == item["mode"]
    ]
    if item["who"] == "forerun" or not base:
        return " " * 8
    nearest = min(base, key=lambda other: abs(other["events"] - item["events"]))
    return f"x{item['cpu_us'] / nearest['cpu_us']:7.2f}"


def main() -> None:
    """Choose, run, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"sections, by comma: {', '.join(SECTIONS)}")
    parser.add_argument(
        "--peers", help=f"by comma: {', '.join(peer.script for peer in PEERS)}; 'none' for none"
    )
    parser.add_argument("--events-max", type=int, help="leave out larger cases")
    parser.add_argument("--rounds", type=int, help="of every case")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    settings = parser.parse_args()
    sections = settings.only.split(",") if settings.only else SECTIONS
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    wanted = None if settings.peers is None else settings.peers.split(",")
    peers = [peer for peer in PEERS if wanted is None or any(peer.script.startswith(name) for name in wanted)]
    pythons: dict[str, Path | str] = {"forerun": Path(sys.executable)}
    for peer in peers:
        print(f"preparing {peer.name}", file=sys.stderr)
        try:
            pythons[peer.script] = interpreter(peer.script, WORK / "env")
        except (InstallError, OSError, subprocess.TimeoutExpired) as exc:
            pythons[peer.script] = f"not installed: {exc}"
    found: list[dict[str, Any]] = []
    for section in sections:
        if section in ALONE:
            subprocess.run([sys.executable, str(HERE / ALONE[section])], check=False)
            continue
        print(f"running {section}", file=sys.stderr)
        if section == "values":
            found += values(peers, pythons)
        cases = [
            case
            for case in CASES
            if case.section == section
            and case.who in pythons
            and (settings.events_max is None or case.events <= settings.events_max)
        ]
        if cases:
            found += measured(cases, pythons, settings.rounds)
        if settings.record:
            record(found)
    show(found, {peer.script: peer.name for peer in PEERS})


def record(found: Sequence[Mapping[str, Any]]) -> None:
    """Put what was found in place of what is recorded for the same cases, and write tables and drawings."""
    names = ("section", "who", "label", "events", "rate", "mode", "sample")
    kept = json.loads(RESULTS.read_text())["found"] if RESULTS.exists() else []
    by_case = {tuple(item.get(name) for name in names): item for item in (*kept, *found)}
    lines = ",\n".join(json.dumps(item) for item in by_case.values())
    RESULTS.write_text(f'{{"machine": {json.dumps(machine())},\n"found": [\n{lines}\n]}}\n')
    report.write()


if __name__ == "__main__":
    main()
