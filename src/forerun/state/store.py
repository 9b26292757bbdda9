"""The entity state store: what a restart loads instead of reading the whole log again.

A checkpoint is what the kernel and the label joins held after one step. It is written as differences:
only entities that changed since the previous checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state after one step.

    Args:
        step: The step.
        header: What the kernel holds that is not per entity.
        entities: Columns `view` int32, `key` binary, `state` binary; when saved, only the changed ones, and
            a null state says that the entity is gone.
        others: Further state by name.
        asleep: When loaded, columns `view` and `key` of the entities that were left where they are; None: all
            are in `entities`.
    """

    step: int
    header: bytes
    entities: pa.RecordBatch
    others: Mapping[str, bytes]
    asleep: pa.RecordBatch | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What to load of a state that may be larger than memory.

    Args:
        size: Bytes of state to load, at least; the rest is fetched when it is needed.
    """

    size: int


class StateStore(Protocol):
    """What the runtime asks of a state store."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Put the changes over what is stored."""

    def load(self, share: Share | None = None) -> Checkpoint | None:
        """The state as of the last `save`, all or a share of it; None before the first."""

    def fetch(self, keys: pa.RecordBatch) -> pa.RecordBatch:
        """Entities as of the last `save`: `view`, `key` and `state` of those of `keys` that there are."""
