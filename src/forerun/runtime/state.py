"""What a step changes: the kernel, the label joins, and how far each stream has come."""

import json
from dataclasses import dataclass

import pyarrow as pa

from forerun._core import Kernel
from forerun.errors import ConservationError
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.labels import LabelJoin
from forerun.runtime.layout import Layout
from forerun.runtime.room import Room
from forerun.state.store import Checkpoint
from forerun.streams.ipc import decode, encode


@dataclass(slots=True)
class State:
    """Everything that the next step depends on.

    Args:
        kernel: Features, watermarks, counters.
        joins: By model, the predictions that wait for their label.
        highs_us: Per stream, the newest event time accepted.
        first_us: Per stream, arrival of its first record.
        arrivals_us: Per stream, the newest arrival.
        step: Number of the last step; 0 before the first.
        consumed: Records taken in all.
        arrival_us: Newest arrival taken.
        requests: Requests answered; the next one has this number.
    """

    kernel: Kernel
    joins: dict[str, LabelJoin]
    highs_us: list[int | None]
    first_us: list[int | None]
    arrivals_us: list[int | None]
    step: int = 0
    consumed: int = 0
    arrival_us: int | None = None
    requests: int = 0

    @classmethod
    def empty(cls, layout: Layout, room: Room | None = None) -> "State":
        """The state before the first record.

        Args:
            layout: The app.
            room: The memory for entities and open windows; None: as much as it takes.
        """
        none: list[int | None] = [None] * len(layout.streams)
        kernel = Kernel(layout.plan, layout.functions)
        if room is not None:
            room.give(kernel)
        return cls(kernel, _joins(layout), list(none), list(none), list(none))

    @classmethod
    def restore(cls, layout: Layout, checkpoint: Checkpoint, room: Room | None = None) -> "State":
        """The state that a checkpoint holds.

        Args:
            layout: The app; its plan is the one the checkpoint was written with.
            checkpoint: All of it, or the share that the room asks for; not differences.
            room: The memory for entities and open windows; None: as much as it takes.
        """
        with kernel_errors():
            kernel = Kernel.restore(layout.plan, checkpoint.header, checkpoint.entities, layout.functions)
            if room is not None:
                room.give(kernel)
            if checkpoint.asleep is not None and checkpoint.asleep.num_rows:
                kernel.sleep(checkpoint.asleep)
            kernel.relieve(stored=True)
        facts = json.loads(checkpoint.others["facts"])
        state = cls(kernel, _joins(layout), step=checkpoint.step, **facts)
        for name, join in state.joins.items():
            join.load(decode(checkpoint.others[f"labels/{name}"]))
        return state

    def changes(self) -> Checkpoint:
        """What changed since this was last called (or since the start), as a checkpoint."""
        facts = {
            "highs_us": self.highs_us,
            "first_us": self.first_us,
            "arrivals_us": self.arrivals_us,
            "consumed": self.consumed,
            "arrival_us": self.arrival_us,
            "requests": self.requests,
        }
        others = {f"labels/{name}": encode(join.save()) for name, join in self.joins.items()}
        others["facts"] = json.dumps(facts).encode()
        return Checkpoint(
            self.step, self.kernel.header(), pa.record_batch(self.kernel.take_changed()), others
        )

    def check_conservation(self) -> None:
        """Compare what went in with what the kernel says became of it.

        Raises:
            ConservationError: An event was lost or doubled. The state must not be used any more.
        """
        total = 0
        for counts in self.kernel.counters():
            parts = (
                counts["applied"] + counts["invalid"] + counts["early"] + counts["late"] + counts["duplicate"]
            )
            if parts != counts["consumed"]:
                raise ConservationError(
                    f"stream {counts['stream']}, partition {counts['partition']}: {counts['consumed']} "
                    f"records went in, {parts} came out ({counts}); keep the data directory and report this"
                )
            total += counts["consumed"]
        if total != self.consumed:
            raise ConservationError(
                f"{self.consumed} records went in, the kernel counted {total}; "
                "keep the data directory and report this"
            )


def _joins(layout: Layout) -> dict[str, LabelJoin]:
    joins = {}
    for name, model in layout.models.items():
        label = model.spec.label
        joins[name] = LabelJoin(label.within_us, None if label.otherwise is None else float(label.otherwise))
    return joins
