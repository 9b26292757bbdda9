"""A budget of memory for a kernel, and the store that entities sleep in, without a disk."""

import pyarrow as pa

from forerun._core import Kernel

_KINDS: dict[str, pa.DataType] = {"view": pa.int32(), "key": pa.binary(), "state": pa.binary()}


class Budget:
    """Lets a kernel use so many bytes for entities and open windows; others sleep in a dictionary.

    Args:
        kernel: The kernel; one that is restored has everything asleep.
        memory: Bytes.
        stored: What is stored already, by view and key.

    Attributes:
        stored: What is stored now.
        slept: The most entities that slept at a time.
        windows_slept: The most parts of open windows, and sessions, that slept at a time.
        loaded: How often one of them was loaded again.
    """

    def __init__(
        self, kernel: Kernel, memory: int, stored: dict[tuple[int, bytes], bytes] | None = None
    ) -> None:
        self._kernel = kernel
        self.stored = {} if stored is None else stored
        self.slept = 0
        self.windows_slept = 0
        self.loaded = 0
        kernel.spill(memory, self._load)

    def keep(self) -> None:
        """Make room after a step.

        What was saved after earlier steps may sleep at any time; what has changed since may not.
        """
        if self._kernel.relieve(stored=True):
            self.save()
            self._kernel.relieve(stored=True)
        self.slept = max(self.slept, sum(self._kernel.asleep()))
        self.windows_slept = max(self.windows_slept, sum(self._kernel.windows_asleep()))

    def save(self) -> None:
        """Store what has changed."""
        for row in pa.record_batch(self._kernel.take_changed()).to_pylist():
            place = (row["view"], row["key"])
            if row["state"] is None:
                self.stored.pop(place, None)
            else:
                self.stored[place] = row["state"]

    def _load(self, asked: object) -> pa.RecordBatch:
        keys = pa.record_batch(asked).to_pylist()
        self.loaded += len(keys)
        rows = [{**key, "state": self.stored[key["view"], key["key"]]} for key in keys]
        return pa.RecordBatch.from_pylist(rows, schema=pa.schema(_KINDS))
