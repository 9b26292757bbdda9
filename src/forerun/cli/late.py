"""`forerun late`: what lateness cost: the served values that too-late events would have changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forerun.cli.options import AppPath, DataDir, Json, Memory

if TYPE_CHECKING:
    from forerun.runtime.layout import Layout
    from forerun.runtime.ledger import Cost, Ledger, Missed, Value

EXAMPLES = """
Examples:
  forerun late shop                              does every record count, and what did lateness cost
  forerun late shop --feature ProductReturns.share_7d --top 3
                                                 of one feature, with the events that mattered most
  forerun late shop --values --feature ProductReturns.share_7d
                                                 the served values, as they were and as they should have been
  forerun late shop --json | jq '.features[] | {feature, changed: .too_late.changed}'
"""

EVENTS_SHOWN = 3
"""Too-late events that are named beside a value."""


def late(
    app: AppPath = Path(),
    *,
    feature: Annotated[str | None, typer.Option(metavar="INPUT", help="Only this input of models.")] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only events of this entity; with --values, predictions of it."),
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="List the served values that would have changed, not the events.")
    ] = False,
    top: Annotated[
        int, typer.Option(metavar="N", min=0, help="Show at most so many, the largest effects first.")
    ] = 10,
    memory: Memory = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say which served values too-late events would have changed, and by how much.

    Every served vector is read again twice: with all that was accepted in the end, and with what was too late
    besides. Works beside a running `forerun run`. Times are UTC.
    """
    import heapq

    from forerun.cli.output import print_json, print_rows
    from forerun.cli.parse import size_bytes
    from forerun.cli.place import find
    from forerun.cli.progress import Bar
    from forerun.runtime.layout import Layout
    from forerun.runtime.reckoning import late_ledger

    limit = size_bytes(memory)
    place = find(app, data_dir)
    layout = Layout(place.load())
    place.require_run()
    _check(layout, feature)
    largest: list[tuple[float, int, Value]] = []
    seen = 0

    def keep(value: "Value") -> None:
        nonlocal seen
        if feature in (None, value.feature) and key in (None, value.key):
            seen += 1
            if as_json:
                print_rows([value.to_json()])
            else:
                # What was or became null has no size, and is shown first.
                size = float("inf") if value.size is None else value.size
                (heapq.heappush if len(largest) < top else heapq.heappushpop)(largest, (size, -seen, value))

    with Bar("reading what was served again", quiet=as_json) as bar:
        found = late_ledger(
            layout,
            place.data,
            on_value=keep if values else None,
            on_progress=bar.moved,
            memory=limit,
        )
    costs = [cost for cost in found.costs if feature in (None, cost.name)]
    events = _events(found, feature, key)
    if values:
        if not as_json:
            _show_values([value for _, _, value in sorted(largest, reverse=True)], seen)
    elif as_json:
        whole = {**found.to_json(), "features": [cost.to_json() for cost in costs]}
        print_json({**whole, "events": [event.to_json() for event in events]})
    else:
        _show(found, costs, events, top, key=key)


def _check(layout: "Layout", feature: str | None) -> None:
    """Refuse the name of no input.

    Raises:
        NotFoundError: No model has it.
    """
    from forerun.errors import NotFoundError
    from forerun.events.nearest import nearest

    names = [item.name for model in layout.models.values() for item in model.spec.inputs]
    if feature is not None and feature not in names:
        raise NotFoundError(f"no model of this app has an input {feature!r}.{nearest(feature, names)}")


def _events(found: "Ledger", feature: str | None, key: str | None) -> "list[Missed]":
    """The events that are asked for, those that would have changed most first."""
    from dataclasses import replace

    events = [event for event in found.events if key is None or key in event.entities]
    if feature is not None:
        events = [
            replace(event, effects=own)
            for event in events
            if (own := [effect for effect in event.effects if effect.feature == feature])
        ]
    return sorted(events, key=lambda event: -event.changed)


def _show(found: "Ledger", costs: "list[Cost]", events: "list[Missed]", top: int, *, key: str | None) -> None:
    """Conservation, cost, plot and events."""
    from forerun.cli.output import out, table
    from forerun.console.format import count
    from forerun.console.lateness import cost_cells, event_cells, longer

    console = out()
    kinds = ("applied", "late", "invalid", "early", "duplicate")
    heads = ("stream", "partition", "consumed =", *(f"{kind} +" for kind in kinds[:-1]), kinds[-1])
    parts = table(*heads, right=range(1, 8))
    for balance in found.balances:
        counts = [balance.counts[kind] for kind in kinds]
        parts.add_row(balance.stream, str(balance.partition), *map(count, (balance.consumed, *counts)))
    console.print(parts)
    console.print("[green]Every record is accounted for.[/green]\n")
    sizes = ("changed", "share", "mean", "90 %", "largest")
    shown = table("feature", "served", "why", *sizes, right=[1, *range(3, 8)])
    several = len({cost.model for cost in costs}) > 1
    touched = [cost for cost in costs if cost.both.changed or cost.late.changed]
    for cost in touched:
        name = f"{cost.model}: {cost.name}" if several else cost.name
        waiting = cost_cells(cost, cost.waiting)
        shown.add_row(name, count(cost.served), "accepted, after it was served", *waiting)
        shown.add_row("", "", "too late", *cost_cells(cost, cost.late))
    if touched:
        if key is not None:
            console.print("Of all entities:")
        console.print(shown)
    if len(costs) > len(touched):
        same = len(costs) - len(touched)
        noun = "input" if same == 1 else "inputs"
        console.print(f"{count(same)} {noun} more: every value was served as it should have been.")
    console.print()
    for line in longer(events):
        console.print(line)
    if not events:
        console.print("No too-late event changes any of this." if found.events else "No event was too late.")
        return
    named = ("too-late event", "key", "happened", "missed by", "values changed", "most of them")
    listed = table(*named, right=[3, 4])
    for event in events[:top]:
        listed.add_row(*event_cells(event))
    console.print()
    console.print(listed)
    notes = []
    if len(events) > top:
        notes.append(f"{count(len(events) - top)} more: --top {len(events)}, or --json")
    if found.copies:
        were = "was a copy" if found.copies == 1 else "were copies"
        notes.append(f"{count(found.copies)} more {were}, and would have changed nothing.")
    for note in notes:
        console.print(f"[bright_black]{note}[/bright_black]")


def _show_values(values: "list[Value]", seen: int) -> None:
    """Served values, as they were and as they should have been."""
    from forerun.cli.output import out, table
    from forerun.console.format import count, instant, number, short

    console = out()
    numbers = ("served", "accepted in the end", "corrected")
    shown = table("prediction", "key", "time", "feature", *numbers, "too-late events", right=[4, 5, 6])
    for value in values:
        who = ", ".join(value.events[:EVENTS_SHOWN])
        more = len(value.events) - EVENTS_SHOWN
        shown.add_row(
            short(value.prediction_id),
            value.key,
            instant(value.time_us, seconds=True),
            value.feature,
            *map(number, (value.served, value.accepted, value.corrected)),
            f"{who} and {more} more" if more > 0 else who,
        )
    console.print(shown)
    console.print(f"[bright_black]{count(len(values))} of {count(seen)}[/bright_black]")
