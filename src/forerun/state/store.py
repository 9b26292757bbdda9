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
    """

    step: int
    header: bytes
    entities: pa.RecordBatch
    others: Mapping[str, bytes]


class StateStore(Protocol):
    """What the runtime asks of a state store."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Put the changes over what is stored."""

    def load(self) -> Checkpoint | None:
        """The whole state as of the last `save`; None before the first."""
