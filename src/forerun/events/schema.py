"""What a stream is, once declared: the record every other part reads.

Built by `App.stream`; everything is explicit here, defaults included.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from forerun.errors import Location
from forerun.events.fields import FieldSpec

if TYPE_CHECKING:
    from forerun.events.event import Event


@dataclass(frozen=True)
class StreamSpec:
    """A stream of one class of events.

    Args:
        name: The event class's name.
        event: The event class.
        fields: Its fields, in the order of declaration.
        time: Name of the field with the event time.
        key: Fields that identify the entity, used to partition and to join labels.
        lateness_us: How far behind the newest event an event may be and still count.
        max_skew_us: How far ahead of its arrival an event's time may be.
        idle_us: Silence after which a partition no longer holds back the watermark; None: never.
        dedup_us: How long ids are remembered; None: duplicates are not looked for.
        id: Fields that identify one event, when duplicates are looked for.
        freshness_us: Objective for the age of the newest event; None: none.
        topic: Name of the topic in a log.
        doc: The class's docstring.
        at: File and line of the declaration.
    """

    name: str
    event: "type[Event]"
    fields: tuple[FieldSpec, ...]
    time: str
    key: tuple[str, ...]
    lateness_us: int
    max_skew_us: int
    idle_us: int | None
    dedup_us: int | None
    id: tuple[str, ...] | None
    freshness_us: int | None
    topic: str
    doc: str
    at: Location

    def field(self, name: str) -> FieldSpec | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def canonical(self) -> dict[str, object]:
        """The part of the plan the kernel reads; what `freshness_us` and `topic` say is no part of it."""
        return {
            "name": self.name,
            "fields": [{"name": f.name, "type": f.type, "nullable": f.nullable} for f in self.fields],
            "time": self.time,
            "key": list(self.key),
            "id": None if self.id is None else list(self.id),
            "lateness_us": self.lateness_us,
            "max_skew_us": self.max_skew_us,
            "idle_us": self.idle_us,
            "dedup_us": self.dedup_us,
        }
