"""Types of the compiled kernel. Times are int64 microseconds UTC; batches are Arrow PyCapsules.

Anything with `__arrow_c_array__` goes in (a `pyarrow.RecordBatch`, a polars frame's batch, a result of
another call), and what comes out is read by `pyarrow.record_batch(x)` or `pyarrow.array(x)` without a copy.
Every method that works on rows releases the GIL; a kernel may be shared by threads, calls take turns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypedDict, final, type_check_only

__all__ = [
    "STATE_FORMAT",
    "TZ_DATABASE",
    "Array",
    "Batch",
    "BatchError",
    "EventResult",
    "Formula",
    "Kernel",
    "PlanError",
    "Reader",
    "StaleReadError",
    "StateFormatError",
    "StepResult",
    "ids",
    "memory",
    "version",
    "zone_data",
    "zone_names",
]

version: str
"""Version of the compiled kernel, as in Cargo.toml."""

STATE_FORMAT: int
"""Version of the bytes of `Kernel.take_changed` and `Kernel.header`; see docs/reference/state-format.md."""

TZ_DATABASE: str
"""Release of the tz database that is compiled in."""

def zone_names() -> list[str]:
    """The names of all time zones, sorted."""

def zone_data(name: str) -> bytes:
    """A time zone as the tz database has it, in the TZif format; `zoneinfo.ZoneInfo.from_file` reads it.

    Raises:
        PlanError: There is no such zone.
    """

@type_check_only
class MemoryBound(TypedDict):
    """How many bytes an entity of a view takes at most; see `forerun.features.memory.Memory`."""

    few: tuple[int, int]
    many: tuple[int, int]
    many_from: int
    span_us: int
    newest: int
    unnoticed: int
    waits_us: int
    view: int
    texts: bool

def memory(plan_json: str) -> list[MemoryBound]:
    """The bound of every view of a plan, in its order.

    Raises:
        PlanError: The plan cannot be compiled.
    """

def ids(what: str, partitions: Sequence[int], offsets: Sequence[int]) -> list[str]:
    """Of each place of the log the first 32 hexadecimal digits of the SHA-256 of "what/partition/offset".

    Raises:
        BatchError: There are not as many offsets as partitions.
    """

class PlanError(ValueError):
    """A plan that cannot be compiled; the message names the stream, view, vector and feature."""

class BatchError(ValueError):
    """A batch that does not fit its stream's declaration or its place in the log; nothing was applied."""

class StateFormatError(ValueError):
    """State bytes of another format version or another plan, or damaged ones."""

class StaleReadError(LookupError):
    """A read at a time whose events may have been dropped; the message says the earliest readable time."""

_Scalar: TypeAlias = bool | int | float | str
"""One value without Arrow."""

@type_check_only
class Function(Protocol):
    """What a custom aggregate calls, with the values of a window, their times, and the time of reading."""

    def __call__(self, values: list[float], times_us: list[int], t_us: int, /) -> float | None: ...

@type_check_only
class ArrowArray(Protocol):
    """Anything that exports one Arrow array (a record batch is a struct array)."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@type_check_only
class Counters(TypedDict):
    """What became of the events of one partition: consumed = applied + invalid + early + late + duplicate."""

    stream: int
    partition: int
    consumed: int
    applied: int
    invalid: int
    early: int
    late: int
    duplicate: int
    watermark_us: int | None
    next_offset: int

@final
class Batch:
    """An Arrow record batch made by the kernel; `pyarrow.record_batch(batch)` reads it."""

    @property
    def column_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class Array:
    """One Arrow array made by the kernel; `pyarrow.array(array)` reads it."""

    def __len__(self) -> int: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class StepResult:
    """What one `Kernel.apply` decided and read."""

    @property
    def verdicts(self) -> list[Array]:
        """One uint8 array per input batch: 0 applied, 1 invalid, 2 early, 3 late, 4 duplicate."""

    @property
    def rejected(self) -> Batch:
        """Rows not applied, in processing order.

        Columns `batch` int32 (index into the call's list), `row` int32, `verdict` uint8, `field` string (the
        first invalid field, else null), `watermark` int64 (the stream's at arrival, null before one).
        """

    @property
    def vectors(self) -> list[Batch]:
        """One batch per vector of the plan, a row per triggering event, in processing order.

        Columns `batch` int32, `row` int32, `time` int64 (event time), then a nullable float64 per input.
        """

    @property
    def stale(self) -> Batch:
        """Vector reads older than their view keeps events for; those inputs were served null. Usually empty.

        Columns `vector` int32, `row` int32 (row of that vector's batch), `view` int32, `earliest_us` int64.
        """

    @property
    def overflow(self) -> Batch:
        """Values served null because they are beyond the range of their type, or their function failed; few.

        Columns `vector` int32 (null for a closed window), `emitter` int32 (null for a vector), `row` int32
        (of that vector's or emitter's batch), `feature` string ("View.feature"), `why` string (what a custom
        function that failed said: the type of its exception and the first line of the message; else null).
        """

    @property
    def emitted(self) -> list[Batch]:
        """One batch per emitter of the plan: the windows that this step's watermark closed, by end and key.

        Columns: the fields of the key, `start` and `end` int64 us, then a nullable column per feature.
        """

@final
class EventResult:
    """What one `Kernel.event` decided and read: the step of a batch of one row, as plain Python values."""

    @property
    def verdict(self) -> int:
        """0 applied, 1 invalid, 2 early, 3 late, 4 duplicate."""

    @property
    def field(self) -> str | None:
        """The first invalid field, if there is one."""

    @property
    def watermark(self) -> int | None:
        """The stream's watermark at arrival when the event was not applied; None before one."""

    @property
    def vectors(self) -> list[tuple[float | list[_Scalar] | None, ...] | None]:
        """Per vector of the plan its inputs in order, or None when the event did not trigger it."""

    @property
    def stale(self) -> list[tuple[int, int, int]]:
        """Reads older than their view keeps events for, served null: (vector, view, earliest readable us)."""

    @property
    def overflow(self) -> list[tuple[int | None, int | None, int, str, str | None]]:
        """As in `StepResult`: (vector, emitter, row, feature, why)."""

    @property
    def emitted(self) -> list[Batch]:
        """As in `StepResult`."""

@final
class Reader:
    """Some features of a view, ready to be read for one key after the other; made by `Kernel.reader`."""

    def read(self, key: tuple[_Scalar | None, ...], t_us: int) -> tuple[_Scalar | list[_Scalar] | None, ...]:
        """The features of one entity as of one time, in order.

        Args:
            key: The values of the view's `by` fields. A null part or an unknown entity reads as empty.
            t_us: Event time; events up to and including it count.

        Returns:
            The values as they are in `Kernel.values`, but times and durations as int microseconds.

        Raises:
            BatchError, StaleReadError: As `Kernel.values`.
        """

@final
class Formula:
    """One expression by itself, over the columns of a table: it means what it means inside a plan.

    Args:
        expr_json: The expression as in a plan; without features.
        columns: Name and type of every column, all nullable.

    Raises:
        PlanError: It cannot be compiled.
    """

    def __new__(cls, expr_json: str, columns: Sequence[tuple[str, str]]) -> Formula: ...
    def evaluate(self, batch: ArrowArray) -> Array:
        """The value at every row.

        Args:
            batch: The columns, in order.

        Returns:
            An array of the expression's type (as `Kernel.values` has it), a value per row.

        Raises:
            BatchError: Wrong columns.
        """

@final
class Kernel:
    """Exact event-time features of one plan: state, guard and reads.

    Args:
        plan_json: The canonical plan (contract "Plan JSON").
        functions: What its custom aggregates call, by name. A call takes the GIL; where it raises an
            exception, the value is null. A function that calls this kernel gets a `RuntimeError`.

    Raises:
        PlanError: The plan cannot be compiled, or a function is missing.
    """

    def __new__(cls, plan_json: str, functions: Mapping[str, Function] | None = None) -> Kernel: ...
    def apply(self, batches: Sequence[tuple[int, int, int, ArrowArray]]) -> StepResult:
        """Takes a step: guards every row, applies the accepted ones and reads the vectors they trigger.

        Args:
            batches: Tuples (stream index, partition 0..65535, base offset, batch). A batch has the stream's
                fields in plan order and, last, `_arrival` int64 us, non-null and never decreasing within a
                partition. Rows of all batches are processed one by one in the order (arrival, stream,
                partition, offset).

        Raises:
            BatchError: Wrong columns, types or offsets, arrivals going back. Nothing is applied.
        """

    def event(
        self, stream: int, partition: int, offset: int, arrival_us: int, values: tuple[_Scalar | None, ...]
    ) -> EventResult:
        """Takes a step of one event: what `apply` does with a batch of one row, in about a microsecond.

        It keeps the GIL, which short work is quicker with.

        Args:
            stream: Index of the stream.
            partition: 0..65535.
            offset: Its place in the partition.
            arrival_us: When it arrived.
            values: The stream's fields in plan order; times and durations as int microseconds.

        Raises:
            BatchError: A value of another type, an offset or arrival that goes back. Nothing is applied.
        """

    def reader(self, view: int, features: Sequence[str] | None = None) -> Reader:
        """Prepares reads of single entities.

        Args:
            view: Which view of the plan.
            features: Their names, by default all that `values` gives.

        Raises:
            BatchError: There is no such view or feature.
        """

    def set_threads(self, threads: int) -> None:
        """Lets `apply` use up to `threads` threads, 1 to 16; no value depends on it. Small steps use one."""

    def vector(self, index: int, batch: ArrowArray) -> tuple[Batch, Batch]:
        """Reads the inputs of one vector for request rows, each at its own event time; state does not change.

        A request is no event: unlike the event that triggers a vector in `apply`, it is itself in no window.

        Args:
            index: Which vector of the plan.
            batch: The trigger stream's fields in plan order (`_arrival` may follow and is ignored).

        Returns:
            `time` int64, then one nullable float64 column per input; a row per request row. And what of it is
            null because it is beyond the range of its type, as `StepResult.overflow`.

        Raises:
            BatchError: Wrong columns, or a null or non-finite value where the stream forbids it.
            StaleReadError: A row is older than the views it reads keep events for.
        """

    def values(self, view: int, keys: ArrowArray, t_us: int) -> Batch:
        """Reads every feature of a view for some entities as of one time.

        Args:
            view: Which view of the plan.
            keys: The view's `by` columns, a row per entity. A null part or an unknown entity reads as empty.
            t_us: Event time; events up to and including it count.

        Returns:
            A column per feature (int64, float64, bool, timestamp[us, UTC] or duration[us]), a row per key.
            A value beyond the range of its type is null, and `overflows` names it. A list feature is a list
            column. Features with a '#' in their names are left out.

        Raises:
            BatchError, StaleReadError: As `vector`.
        """

    def overflows(self, view: int, keys: ArrowArray, t_us: int) -> list[tuple[int, str]]:
        """What `values` has null because it is beyond the range of its type, or its function failed.

        Args:
            view: Which view of the plan.
            keys: As for `values`.
            t_us: As for `values`.

        Returns:
            Row of the key and "View.feature", as in `StepResult.overflow`; nearly always empty.

        Raises:
            BatchError, StaleReadError: As `vector`.
        """

    def events(self, view: int, key: ArrowArray, t_us: int) -> Batch:
        """The events kept for one entity with event time up to `t_us`, oldest first.

        Returns:
            One column per distinct feature argument (named by its expression), one bool column per distinct
            feature filter (named "where <expression>"), then `time` timestamp[us, UTC], `partition` int32,
            `offset` int64.
        """

    def provenance(self, view: int, key: ArrowArray) -> tuple[int | None, int | None, int | None]:
        """(event time us, partition, offset) of the newest event applied to an entity; Nones when unknown."""

    def watermarks(self) -> list[int | None]:
        """Watermark of each stream, None before its first accepted event."""

    def horizons(self) -> list[int | None]:
        """Earliest time each view can be read at, None when everything is still kept."""

    def counters(self) -> list[Counters]:
        """Counts per (stream, partition) seen, in that order."""

    def entities(self) -> list[int]:
        """Number of live entities per view."""

    def bytes_per_entity(self) -> list[float]:
        """Memory per live entity of each view, an estimate that includes its events; 0.0 without entities."""

    def asleep(self) -> list[int]:
        """Entities per view that are not in memory; they are among `entities()`."""

    def windows_asleep(self) -> list[int]:
        """Per emitter, what of its open windows is not in memory: parts of panes, or sessions."""

    def spill(self, memory: int, load: Callable[[Batch], ArrowArray]) -> None:
        """Lets entities and open windows use so many bytes; `relieve` puts others to sleep until asked for.

        Args:
            memory: Bytes, as counted for what is in memory; the process takes more.
            load: Of `view` int32, `key` binary makes `view`, `key`, `state`; what it raises ends the kernel.
        """

    def sleep(self, keys: ArrowArray) -> None:
        """Notes entities that only the store has: `view` int32 and `key` binary. Right after `restore`."""

    def relieve(self, stored: bool) -> bool:
        """Puts entities to sleep when they take more than `spill` allows: of the stored those unseen longest.

        True when too much is left: taking and storing what has changed would help.

        Args:
            stored: Whether `load` finds what `take_changed` gave last; else nobody is put to sleep.
        """

    def changes(self) -> int:
        """About how many entities `take_changed` would give, without windows of emitters."""

    def take_changed(self) -> Batch:
        """Entities changed since the last call: `view` int32, `key` binary, `state` binary (null = evicted).

        Open windows of emitters follow, numbered after the views. Ordered by (view, key). Store all
        over earlier ones, with `header()`, and `restore` continues.
        """

    def header(self) -> bytes:
        """What is not per entity: format, plan fingerprint, clocks, watermarks, counters, recent ids."""

    @classmethod
    def restore(
        cls,
        plan_json: str,
        header: bytes,
        entities: ArrowArray,
        functions: Mapping[str, Function] | None = None,
    ) -> Kernel:
        """A kernel that continues where `header()` and the entities (`view`, `key`, `state`) were taken.

        Raises:
            PlanError: The plan cannot be compiled.
            StateFormatError: The bytes are of another format or plan, or damaged.
        """

    def state_hash(self) -> str:
        """SHA-256 (hex) of the whole state: the same for the same journal, however batched or restored."""
