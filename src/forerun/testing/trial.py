"""One run in a simulated world, from switching the machine on to a clean end, or to an error of the disk."""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from forerun.runtime.engine import Engine
from forerun.streams.log import ARRIVAL
from forerun.streams.source import Source
from forerun.testing.disk import Contents, Fault, SimulatedDisk
from forerun.testing.invariants import Position
from forerun.testing.outcome import Found, Row, read_outcome
from forerun.testing.world import SimulatedMachine

if TYPE_CHECKING:
    from forerun.runtime.app import App


@dataclass(frozen=True, slots=True)
class Client:
    """Sends events one by one, and each again until it is acknowledged.

    When an answer is lost, nobody outside knows whether the event got through. So it is sent again, and the
    stream must know it by its id.

    Args:
        stream: A stream that looks for duplicates.
        events: A batch of one row for each event, with ids that no other event has.
        before: How many events of the stream come first: those of the source.
    """

    stream: str
    events: Sequence[pa.RecordBatch]
    before: int

    def rows(self, number: int) -> list[Row]:
        """The first of its events, as they were sent.

        Args:
            number: How many.
        """
        return [
            Row({name: value for name, value in row.items() if name != ARRIVAL})
            for batch in self.events[:number]
            for row in batch.to_pylist()
        ]

    def copies(self, consumed: int, refused: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        """How often each of its events is in the log.

        Args:
            consumed: How many events of the stream are.
            refused: Its records that were not applied, each with `stream`, `offset` and `verdict`.

        >>> client = Client("Sold", [], before=5)
        >>> client.copies(9, [{"stream": "Sold", "offset": 7, "verdict": "duplicate"}])
        (1, 2, 1)
        """
        doubled = {
            row["offset"]
            for row in refused
            if row["stream"] == self.stream and row.get("verdict") == "duplicate"
        }
        found: list[int] = []
        for offset in range(self.before, consumed):
            if offset in doubled and found:
                found[-1] += 1
            else:
                found.append(1)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes in.

    Args:
        app: The app.
        source: Its events, the same at every call.
        requests: By model, fields that predictions are asked for with.
        client: Sends events when the source has ended; None: nobody does.
    """

    app: "App"
    source: Source
    requests: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    client: Client | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Something that somebody outside knows, and since when.

    Args:
        moment: Length of the disk's trace then.
        ends: How much of what a reader beside the run had seen.
        answer: Id of a prediction that was answered, and its score.
        acknowledged: How many events of the client were.
    """

    moment: int
    ends: Mapping[str, int] = field(default_factory=dict)
    answer: tuple[str, float | None] | None = None
    acknowledged: int = 0


@dataclass(slots=True)
class Trial:
    """A run and what became of it.

    Args:
        disk: Its disk, with the trace.
        fault: The error that the disk was told to give.
        opened: Length of the trace when the recovery was over.
        ends: How much of what the recovery found.
        recovered: Where it was when the recovery was over, and the hash of its state there.
        said: What left the process.
        copies: How often each event of the client is in the log at the end.
        found: What is there at the end; None after an error.
        error: What ended it; None: the end of the source.
    """

    disk: SimulatedDisk
    fault: Fault | None
    opened: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)
    recovered: tuple[Position, str] | None = None
    said: list[Said] = field(default_factory=list)
    copies: tuple[int, ...] = ()
    found: Found | None = None
    error: Exception | None = None


def run_trial(
    machine: SimulatedMachine,
    traffic: Traffic,
    contents: Contents | None,
    chance: random.Random,
    fault: Fault | None = None,
    sends: Sequence[int] | None = None,
    states: dict[Position, str] | None = None,
) -> Trial:
    """Run an app to the end of its source, and then let the client send its events.

    Args:
        machine: The machine.
        traffic: The app and what comes in.
        contents: What is on the disk; None: nothing.
        chance: Draws sizes, order and requests.
        fault: An error of the disk.
        sends: Which of its events the client sends, in order; None: each once.
        states: Takes the hash of the state at every place where a step can end; None: nobody wants it.
    """
    asking = chance.random() < 0.3
    engine: Engine | None = None
    reader: Any = None
    looked = -1

    def tell() -> None:
        """Something was committed: somebody looks, and perhaps asks."""
        if states is not None and engine is not None:
            states.setdefault(*place(engine))
        nonlocal looked
        if reader is not None and engine is not None:
            if looked != len(trial.disk.trace):
                # Otherwise nothing has been written since, so a reader sees what it saw.
                looked = len(trial.disk.trace)
                trial.said.append(Said(looked, ends(reader)))
            if asking:
                _ask(engine, traffic, chance, trial)

    world = machine.start(contents, chance, fault, tell)
    if states is not None:
        world = replace(world, portion_rows=1)
    trial = Trial(machine.disk, fault)
    try:
        with Engine.open(traffic.app, machine.data, world=world) as engine:
            trial.opened = len(trial.disk.trace)
            reader = machine.connect(machine.data / "forerun.db", read_only=True)
            trial.ends = ends(reader)
            trial.recovered = place(engine)
            if states is not None:
                states.setdefault(*trial.recovered)
            engine.run(traffic.source)
            _send(engine, traffic.client, sends, trial)
            streams = engine.status().streams
            state = engine.state_hash()
            reader.close()
            reader = None
        trial.disk.heal()
        looking = machine.connect(machine.data / "forerun.db", read_only=True)
        trial.found = read_outcome(
            trial.disk, machine.data, looking, topics=topics_of(traffic.app), streams=streams, state=state
        )
        looking.close()
        if traffic.client is not None:
            [consumed] = [one.consumed for one in streams if one.name == traffic.client.stream]
            trial.copies = traffic.client.copies(consumed, trial.found.rows["refused"])
    except Exception as exc:  # noqa: BLE001  # whether it may end so is for the judge to say
        trial.error = exc
    finally:
        machine.connect.switch_off()
    return trial


def topics_of(app: "App") -> dict[str, str]:
    """By stream, the topic of the log that holds its events.

    Args:
        app: The app.
    """
    return {stream.name: stream.topic for stream in app.streams.values()}


def place(engine: Engine) -> tuple[Position, str]:
    """Where an engine is, and the hash of its state there."""
    return tuple(stream.consumed for stream in engine.status().streams), engine.state_hash()


def ends(reader: Any) -> dict[str, int]:
    """How much of each kind a reader beside the run sees: records, steps, predictions and so on.

    Args:
        reader: A connection to the database.
    """
    rows = reader.execute(
        "SELECT kind || ' ' || model, stop FROM output_end"
        " UNION ALL SELECT 'log ' || topic, stop FROM log_end"
        " UNION ALL SELECT 'journal', coalesce(max(step), 0) FROM journal"
    ).fetchall()
    return dict(rows)


def _send(engine: Engine, client: Client | None, sends: Sequence[int] | None, trial: Trial) -> None:
    """Send the client's events, and note what is acknowledged."""
    if client is not None:
        for number in range(len(client.events)) if sends is None else sends:
            engine.append(client.stream, client.events[number])
            trial.said.append(Said(len(trial.disk.trace), acknowledged=number + 1))


def _ask(engine: Engine, traffic: Traffic, chance: random.Random, trial: Trial) -> None:
    """Perhaps ask for a prediction, and note the answer.

    Not before the model has a version: it would learn from what it was asked, and that is another story.
    """
    versions = {facts["name"]: facts["version"] for facts in engine.models()}
    for model, fields in traffic.requests.items():
        if versions[model] is not None and chance.random() < 0.3:
            answer = engine.predict(model, chance.choice(fields))
            answered = (answer["prediction_id"], answer["score"])
            trial.said.append(Said(len(trial.disk.trace), answer=answered))
