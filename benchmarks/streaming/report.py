"""Tables and drawings from recorded results: `python benchmarks/streaming/report.py`, and by --record.

Writes `benchmarks/results/*.md`, which the page "Speed, beside the peers" includes, and its drawings,
`docs/assets/speed-*.svg`.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cases import PEERS

RESULTS = Path(__file__).parents[1] / "results"
ASSETS = Path(__file__).parents[2] / "docs" / "assets"
NAMES = {"forerun": "**forerun**", **{peer.script: peer.name for peer in PEERS}}
LACKS = {"forerun": "", **{peer.script: peer.lacks for peer in PEERS}}

Found: TypeAlias = Sequence[Mapping[str, Any]]


def write() -> None:
    """Write everything that can be made of what is recorded."""
    recorded = json.loads((RESULTS / "streaming.json").read_text())
    found: Found = recorded["found"]
    (RESULTS / "machine.md").write_text(_machine(recorded["machine"], found))
    for section in ("w1", "w2"):
        (RESULTS / f"{section}.md").write_text(_beside(_of(found, section)))
    (RESULTS / "values.md").write_text(_values(_of(found, "values")))
    (RESULTS / "own.md").write_text(_own(found))
    (ASSETS / "speed-peers.svg").write_text(_bars(_of(found, "w1")))
    (ASSETS / "speed-growth.svg").write_text(_growth(_of(found, "curves")))


def _of(found: Found, section: str) -> list[Mapping[str, Any]]:
    return [item for item in found if item["section"] == section]


def _machine(machine: Mapping[str, Any], found: Found) -> str:
    loads = [item["load_1m"] for item in found if "load_1m" in item]
    return (
        f"Taken {machine['taken'][:10]} at commit {machine['commit']} on {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']}; "
        "load of the machine while it ran: "
        f"{min(loads, default=0):.1f} to {max(loads, default=0):.1f}.\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    if len(lines) == 2:
        return "Not recorded yet.\n"
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def _beside(items: Found) -> str:
    """Everybody's cost, and how many times forerun's it is at the same rate."""
    ours = {
        (item["rate"], item["events"]): item["cpu_us"]
        for item in reversed(items)
        if item["who"] == "forerun" and "cpu_us" in item and item["mode"] in ("w1", "w2")
    }
    rows = []
    for item in sorted(items, key=lambda item: (item["rate"], item.get("cpu_us", math.inf))):
        what = [NAMES[item["who"]], item["label"], f"{item['events']:,}", f"{item['rate']:,}/s"]
        if "error" in item:
            rows.append([*what, "did not run", "", "", item["error"].splitlines()[-1][:80].replace("|", "/")])
            continue
        base = ours.get((item["rate"], item["events"])) or ours.get((item["rate"], 1_000_000))
        times = f"{item['cpu_us'] / base:,.2g}" if base and item["who"] != "forerun" else ""
        low, high = item["cpu_us_spread"]
        spread = f" ({low:.3g}-{high:.3g})" if item["rounds"] > 1 else ""
        rows.append(
            [*what, f"{item['cpu_us']:.3g}{spread}", f"{item['wall_us']:.3g}", times, LACKS[item["who"]]]
        )
    head = (
        "who",
        "what ran",
        "events",
        "rate",
        "CPU us an event",
        "wall us",
        "times forerun",
        "what it does not do",
    )
    return _table(head, rows)


def _values(items: Found) -> str:
    rows = []
    for item in items:
        if "error" in item:
            wrong, worst = f"did not run: {item['error'].splitlines()[-1][:60].replace('|', '/')}", ""
        else:
            wrong = ", ".join(f"{count:,} {kind}" for kind, count in item["wrong"].items()) or "none"
            wrong += f" (of them NaN: {item['nan']:,})" if item["nan"] else ""
            worst = f"{item['worst']:.0e}"
        rows.append([NAMES[item["who"]], item["sample"], f"{item.get('cells', 0):,}", wrong, worst])
    return _table(("who", "amounts", "values", "wrong", "worst relative error"), rows)


def _own(found: Found) -> str:
    rows = []
    for item in [
        part
        for section in ("durable", "spill", "single", "restart", "curves")
        for part in _of(found, section)
    ]:
        if "error" in item:
            rows.append([item["section"], item["label"], f"{item['events']:,}", "did not run", ""])
            continue
        if item["section"] == "restart":
            cost = f"after a kill {item['killed_wall_s']} s, after a clean end {item['clean_wall_s']} s"
            cpu = f"CPU {item['killed_cpu_s']} s and {item['clean_cpu_s']} s"
            rows.append(["restart", item["label"], f"{item['events']:,}", cost, cpu])
            continue
        facts = []
        if item.get("bytes_per_key"):
            facts.append(f"{item['bytes_per_key']:,} bytes a key")
        if "disk_bytes" in item:
            facts.append(f"{item['disk_bytes']} bytes on disk an event")
        if item.get("call_us") and (item["section"] == "single" or item["label"] == "rows in a call: 1"):
            facts.append("a call: " + ", ".join(f"{name} {us:g} us" for name, us in item["call_us"].items()))
        if "asleep" in item:
            facts.append(f"{item['unlimited_us']:.3g} us CPU without a budget")
            if item["entities"]:
                facts.append(f"at the end {item['asleep']:,} of {item['entities']:,} keys asleep")
            if item.get("parts_asleep"):
                facts.append(f"at the end {item['parts_asleep']:,} parts of windows asleep")
        if "together_cpu_us" in item:
            facts.append(f"a thousand keys in a call: {item['together_cpu_us']:g} us CPU a key")
        rows.append(
            [
                item["section"],
                item["label"],
                f"{item['events']:,}",
                f"{item['cpu_us']:.3g} us CPU, {item['wall_us']:.3g} us wall",
                "; ".join(facts),
            ]
        )
    return _table(("section", "what", "events or keys", "cost", "besides"), rows)


# Drawings, plain SVG: small, and no library -----------------------------------------------------

INK, OURS, OTHERS, GRID = "#333", "#00796b", "#9aa5b1", "#ddd"


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">'
        f"{words.replace('&', '&amp;').replace('<', '&lt;')}</text>"
    )


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>' + "\n".join(parts) + "</svg>\n"
    )


def _bars(items: Found) -> str:
    """The cost of an event at 50 events a second, one bar each, by powers of ten."""
    best: dict[str, Mapping[str, Any]] = {}
    for item in items:
        if item["rate"] == 50 and "cpu_us" in item and item["mode"] != "w1-text":
            name = f"{item['who']} {item['mode']}"
            if name not in best or item["events"] <= 1_000_000:
                best[name] = item
    rows = sorted(best.values(), key=lambda item: item["cpu_us"])
    left, width, top = 290, 800, 40

    def at(us: float) -> float:
        return left + (math.log10(us) + 1) * (width - left - 60) / 4.2

    height = top + 24 * len(rows) + 20
    parts = [
        _text(
            10, 20, "CPU per event, microseconds (each step of the grid is ten times the one before)", size=13
        )
    ]
    for us in (0.1, 1, 10, 100, 1_000):
        x = at(us)
        parts.append(f'<path d="M{x:.1f} {top - 6}V{height - 16}" stroke="{GRID}"/>')
        parts.append(_text(x, height - 3, f"{us:g}", anchor="middle", size=11))
    for number, item in enumerate(rows):
        y, end = top + 24 * number, at(item["cpu_us"])
        colour = OURS if item["who"] == "forerun" else OTHERS
        name = f"{NAMES[item['who']].strip('*')}: {item['label']}"
        parts.append(_text(left - 8, y + 13, name, anchor="end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{end - left:.1f}" height="17" fill="{colour}"/>')
        parts.append(_text(end + 5, y + 13, f"{item['cpu_us']:.3g}"))
    return _svg(width, height, parts)


PANELS = {
    "rows in a call": "rows in a call",
    "keys": "keys",
    "windows": "windows, five values each",
    "one window of": "length of the one window, hours",
}
HOURS = {"1m": 1 / 60, "1h": 1.0, "24h": 24.0, "7d": 168.0}


def _growth(items: Found) -> str:
    """How the kernel's cost moves with one thing at a time; both axes by powers of ten."""
    parts = [_text(10, 20, "CPU per event of the kernel, microseconds, as one thing grows", size=13)]
    for number, (label, title) in enumerate(PANELS.items()):
        points = []
        for item in items:
            name, _, value = item["label"].rpartition(" ")
            if name.rstrip(":") in (label, f"{label}:".rstrip(":")) and "cpu_us" in item:
                points.append((HOURS.get(value) or float(value), item["cpu_us"]))
        if not points:
            continue
        left, top = 40 + 200 * number, 60
        low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))

        def place(
            x: float,
            us: float,
            left: float = left,
            top: float = top,
            low: float = low,
            span: float = high - low,
        ) -> tuple[float, float]:
            return left + (math.log10(x) - low) / (span or 1) * 140, top + 130 - (
                math.log10(us) + 1
            ) / 2 * 130

        parts.append(_text(left, top - 14, title))
        for us in (0.1, 1, 10):
            y = place(points[0][0], us)[1]
            parts.append(f'<path d="M{left} {y:.1f}h150" stroke="{GRID}"/>')
            parts.append(_text(left - 4, y + 4, f"{us:g}", anchor="end", size=10))
        line = sorted(points)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="2"/>')
        for point in line:
            x, y = place(*point)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{OURS}"/>')
        parts.append(_text(left, top + 148, f"{line[0][0]:.3g}", size=10))
        parts.append(_text(left + 140, top + 148, f"{line[-1][0]:,.3g}", anchor="end", size=10))
    return _svg(840, 220, parts)


if __name__ == "__main__":
    write()
