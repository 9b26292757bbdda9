"""A source, cut into portions of the right size for a step, each ending at a place a restart can begin at."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from forerun.errors import SourceOrderError
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN
from forerun.events.schema import StreamSpec
from forerun.events.table import schema_of
from forerun.streams.log import ARRIVAL
from forerun.streams.source import Slice, Source, arrival_of_row, take_until

if TYPE_CHECKING:
    from forerun.events.decode import Quarantined

PORTION_ROWS = 8_192
"""Records of a step at full speed. Larger steps cost fewer commits, smaller ones let requests in sooner."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source has been read.

    Args:
        position: The slice to read next.
        cut_us: Of that slice, records that arrived up to this instant are taken already; None: none are.

    >>> Place().position
    0
    """

    position: int = 0
    cut_us: int | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """Records for one step.

    Args:
        tables: By stream name; empty when only refused rows were found.
        quarantined: Refused rows found on the way: stream name and row.
        after: Where to go on once this portion is committed.
    """

    tables: Mapping[str, pa.RecordBatch]
    quarantined: "Sequence[tuple[str, Quarantined]]"
    after: Place


@dataclass(frozen=True, slots=True)
class _Held:
    """A slice read and not wholly taken yet; None as arrivals: it has no records."""

    position: int
    low_us: int | None
    high_us: int | None
    quarantined: "Sequence[tuple[str, Quarantined]]"


class Feed:
    """Reads a source from a place on. What portions hold depends only on the source and where they are cut.

    Args:
        source: The source.
        streams: The app's streams by name.
        place: Where to begin.
        rows: Records of a portion, about: records of one arrival are not torn apart.
    """

    def __init__(
        self, source: Source, streams: Mapping[str, StreamSpec], place: Place, *, rows: int = PORTION_ROWS
    ) -> None:
        self._rows = rows
        self._columns = {name: [*schema_of(spec), _ARRIVAL_FIELD] for name, spec in streams.items()}
        self._slices = _slices(source(place.position))
        self._next = place.position
        # Records of the first slice up to here were taken before, and its refused rows with them.
        self._skip_us = place.cut_us
        self._ended = False
        self._held: list[_Held] = []
        self._tables: dict[str, pa.RecordBatch] = {}
        self._raw: dict[str, list[pa.RecordBatch]] = {}
        self._count = 0
        self._high_us: int | None = None

    def peek(self, until_us: int | None = None) -> Mapping[str, pa.RecordBatch]:
        """What the next portion is cut from; empty at the end of the source.

        Args:
            until_us: Do not read on once records that arrived after this instant are there.
        """
        while not self._ended and self._count <= self._rows and not self._beyond(until_us):
            self._read_slice()
        # Slices may be small and many: they are joined first, and put into the stream's form once.
        for name, parts in self._raw.items():
            joined = self._conform(name, _joined(parts))
            before = self._tables.get(name)
            self._tables[name] = joined if before is None else _joined([before, joined])
        self._raw = {}
        return self._tables

    def take(self, until_us: int | None = None) -> Portion | None:
        """The next portion; None when nothing has arrived until then, or at the end of the source.

        Args:
            until_us: Only records that arrived up to this instant; None: whatever comes next.
        """
        tables = self.peek(until_us)
        cut_us = arrival_of_row(tables, self._rows)
        if cut_us is not None and (until_us is None or cut_us < until_us):
            # The next slice may begin with records of the very arrival that is cut at.
            while not self._ended and not self._beyond(cut_us):
                self._read_slice()
            tables = self.peek(cut_us)
        else:
            cut_us = until_us
        if cut_us is None or not self._beyond(cut_us):
            if not self._held:
                return None
            return self._taken(tables, {}, len(self._held), Place(self._next))
        first, rest = take_until(tables, cut_us)
        whole = next(
            i for i, part in enumerate(self._held) if part.high_us is not None and part.high_us > cut_us
        )
        partly = self._held[whole]
        assert partly.low_us is not None, "a slice with a newest arrival has an oldest one"
        if partly.low_us <= cut_us:
            return self._taken(first, rest, whole, Place(partly.position, cut_us), partly=True)
        if whole == 0:
            return None
        return self._taken(first, rest, whole, Place(partly.position))

    @property
    def ended(self) -> bool:
        """Whether everything has been taken."""
        return self._ended and not self._held

    def _taken(
        self,
        first: Mapping[str, pa.RecordBatch],
        rest: Mapping[str, pa.RecordBatch],
        whole: int,
        after: Place,
        *,
        partly: bool = False,
    ) -> Portion:
        """Hand out the first records and keep the rest."""
        gone = self._held[: whole + partly]
        quarantined = [row for part in gone for row in part.quarantined]
        self._held = self._held[whole:]
        if partly:
            # Its refused rows have gone; its oldest record is now the oldest of all that are left.
            head, low_us = self._held[0], Slice(0, rest).arrival_low_us
            self._held[0] = _Held(head.position, low_us, head.high_us, ())
        self._tables = dict(rest)
        self._count = sum(table.num_rows for table in rest.values())
        return Portion(first, quarantined, after)

    def _beyond(self, until_us: int | None) -> bool:
        """Whether records that arrived after an instant are held."""
        if until_us is None or self._high_us is None:
            return False
        return self._count > 0 and self._high_us > until_us

    def _read_slice(self) -> None:
        part: object = next(self._slices, _END)
        if part is _END:
            self._ended = True
            return
        part = _checked(part)
        if part.position != self._next:
            raise SourceOrderError(
                f"the source gave slice {part.position} where {self._next} was due; "
                "positions count up by one from the position asked for"
            )
        self._next += 1
        for name, table in part.tables.items():
            self._check_columns(name, _checked_table(name, table).schema.names)
            _check_arrivals(name, table)
        tables = {name: table for name, table in part.tables.items() if table.num_rows}
        quarantined = part.quarantined
        if self._skip_us is not None:
            _, tables = take_until(tables, self._skip_us)
            quarantined, self._skip_us = (), None
        left = Slice(part.position, tables)
        low_us, before_us = left.arrival_low_us, self._high_us
        if low_us is not None and before_us is not None and low_us < before_us:
            raise SourceOrderError(
                f"slice {part.position} of the source begins with arrival {low_us}, and the slice "
                f"before it ends with {before_us}; slices are ordered by arrival"
            )
        self._held.append(_Held(part.position, left.arrival_low_us, left.arrival_high_us, quarantined))
        for name, table in tables.items():
            parts = self._raw.setdefault(name, [])
            if parts and parts[0].schema is not table.schema and parts[0].schema != table.schema:
                parts[:] = [self._conform(name, part) for part in parts]
                table = self._conform(name, table)
            parts.append(table)
        self._count += left.rows
        self._high_us = self._high_us if left.arrival_high_us is None else left.arrival_high_us

    def _check_columns(self, name: str, found: Sequence[str]) -> None:
        columns = self._columns.get(name)
        if columns is None:
            raise SourceOrderError(
                f"the source gives a table {name!r}; the app's streams are {', '.join(self._columns)}"
            )
        for field in columns:
            if found.count(field.name) != 1:
                many = "more than one" if field.name in found else "no"
                raise SourceOrderError(f"the source's table {name!r} has {many} column {field.name!r}")

    def _conform(self, name: str, table: pa.RecordBatch) -> pa.RecordBatch:
        """The table with exactly the stream's columns, in order."""
        # Without the nullability of the declaration: a null where none may be is the kernel's to refuse.
        names = [field.name for field in self._columns[name]]
        return pa.record_batch([_cast(name, table, field) for field in self._columns[name]], names=names)


_END = object()
_ARRIVAL_FIELD = pa.field(ARRIVAL, pa.int64())


def _slices(made: object) -> Iterator[Slice]:
    if not isinstance(made, Iterable):
        raise SourceOrderError(f"the source returned {made!r}; it yields slices: write `yield Slice(...)`")
    return iter(made)


def _checked(part: object) -> Slice:
    if not isinstance(part, Slice):
        raise SourceOrderError(
            f"the source yielded a {type(part).__name__}; it yields slices: "
            "forerun.streams.source.Slice(position, tables)"
        )
    tables: object = part.tables
    if not isinstance(tables, Mapping):
        raise SourceOrderError(
            f"slice {part.position} of the source has a {type(tables).__name__} for tables; "
            "they are a dict of pyarrow.RecordBatch by the name of their stream"
        )
    return part


def _checked_table(name: str, table: object) -> pa.RecordBatch:
    if not isinstance(table, pa.RecordBatch):
        raise SourceOrderError(
            f"the source's table {name!r} is a {type(table).__module__}.{type(table).__name__}; "
            "it is a pyarrow.RecordBatch"
        )
    return table


def _check_arrivals(name: str, table: pa.RecordBatch) -> None:
    """Refuse arrivals that are no instants: nanoseconds, nulls, fractions."""
    column = table.column(ARRIVAL)
    found = f"is {column.type}" if column.type != pa.int64() else f"has {column.null_count} nulls"
    if column.type != pa.int64() or column.null_count:
        raise SourceOrderError(
            f"the source's table {name!r}: {ARRIVAL!r} {found}; an arrival is an int64, microseconds since "
            "1970, UTC"
        )
    for arrival in (column[0].as_py(), column[-1].as_py()) if len(column) else ():
        if not TIME_US_MIN <= arrival <= TIME_US_MAX:
            raise SourceOrderError(
                f"the source's table {name!r} has a record that arrived {arrival} us since 1970, which is "
                "not within years 1 to 9999; send microseconds, UTC"
            )


def _cast(name: str, table: pa.RecordBatch, field: Any) -> Any:  # Any: of any Arrow type
    column = table.column(field.name)
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceOrderError(
            f"the source's table {name!r} has {column.type} in {field.name!r}, which cannot become "
            f"{field.type}: {error}"
        ) from error


def _joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
