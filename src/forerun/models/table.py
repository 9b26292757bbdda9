"""The table a model learns from: what was served at the time, beside what happened then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forerun.errors import TrainingTableError

# `import forerun` names this class, and must not wait for arrays: they are imported where they are used.
if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Labelled predictions in the order of their event times: what `fit` is given.

    A row holds the inputs exactly as they were served, bit for bit, whatever is known by now; an input
    that was null is NaN. Predictions without a label are not in the table.

    >>> import numpy as np
    >>> table = Table(
    ...     features=np.array([[3.0], [1.0], [np.nan], [2.0]], np.float32),
    ...     label=np.array([1.0, 0.0, 0.0, 1.0]),
    ...     names=("OriginNow.departures_30m",),
    ...     times=np.array([10, 20, 30, 40]),
    ... )
    >>> earlier, later = table.split(0.75)
    >>> len(earlier), later.label.tolist()
    (3, [1.0])
    """

    features: "NDArray[np.float32]"
    """One row per prediction, one column per input; NaN where the input was null."""
    label: "NDArray[np.float64]"
    """One per row; 0.0 or 1.0 where the label is a condition."""
    names: tuple[str, ...]
    """Names of the columns, in order."""
    times: "NDArray[np.int64]"
    """Event time of each prediction, microseconds UTC, ascending."""
    label_times: "NDArray[np.int64] | None" = None
    """Event time at which each label was known; None: with the prediction."""
    ids: tuple[str, ...] = ()
    """Ids of the predictions; empty when the rows do not come from a prediction log."""
    stream: str = ""
    """Stream whose events triggered the predictions."""
    partitions: "NDArray[np.int32] | None" = None
    """Partition of each triggering event; -1 for predictions asked for by request."""
    offsets: "NDArray[np.int64] | None" = None
    """Offset of each triggering event; the request's number for those asked for."""

    def __post_init__(self) -> None:
        rows = len(self.label)
        shape = (rows, len(self.names))
        if self.features.shape != shape or len(self.times) != rows:
            raise TrainingTableError(
                f"features have shape {self.features.shape}, not {shape}: "
                "one row per label, one column per name"
            )
        if rows and (self.times[1:] < self.times[:-1]).any():
            raise TrainingTableError("rows must be in the order of their event times; sort them first")

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        if not len(self):
            return f"Table(0 rows, {len(self.names)} inputs)"
        first, last = (_moment(int(self.times[i])).date().isoformat() for i in (0, -1))
        return (
            f"Table({len(self):,} rows, {len(self.names)} inputs, {first} to {last}, "
            f"mean label {self.label.mean():.3f})"
        )

    def split(self, at: float | datetime) -> "tuple[Table, Table]":
        """Cut in two by time, never at random: the earlier rows, and those that follow.

        Args:
            at: Share of the rows that go to the earlier part, between 0 and 1, or the event time at
                which the later part begins (a datetime with a time zone).

        Returns:
            Earlier and later. Rows of the same event time stay together, in the later part.

        Raises:
            TrainingTableError: The share is not between 0 and 1, or the datetime has no time zone.
        """
        import numpy as np

        if isinstance(at, datetime):
            if at.tzinfo is None:
                raise TrainingTableError(
                    f"split at {at!r}: which time zone? Write datetime(2013, 3, 1, tzinfo=timezone.utc)"
                )
            cut_us = (at - _moment(0)) // _MICROSECOND
        elif 0 < at < 1:
            if not len(self):
                return self, self
            cut_us = int(self.times[int(len(self) * at)])
        else:
            raise TrainingTableError(f"split at {at!r}: a share lies between 0 and 1, like 0.8")
        cut = int(np.searchsorted(self.times, cut_us, side="left"))
        return self._rows(slice(0, cut)), self._rows(slice(cut, None))

    def tail(self, share: float) -> "Table":
        """The last rows, say to stop early on.

        Args:
            share: How many of all rows, between 0 and 1.

        Raises:
            TrainingTableError: The share is not between 0 and 1.
        """
        return self.split(1 - share)[1]

    def select(self, names: Sequence[str]) -> "Table":
        """The same rows with fewer inputs, in the order given.

        Args:
            names: Inputs to keep.

        Raises:
            TrainingTableError: There is no such input.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise TrainingTableError(f"no input {unknown[0]!r}; there are {', '.join(self.names)}")
        columns = [self.names.index(name) for name in names]
        return self._with(features=self.features[:, columns], names=tuple(names))

    def settled(self, time_us: int, *, within_us: int) -> "Table":
        """The rows whose labels were known at a time, whichever way they turned out.

        A label may come early as an event, or at the end of its time when nothing came. To take all that are
        known would take the early kind only from the latest rows, and teach the model that it is commoner.

        Args:
            time_us: Microseconds UTC.
            within_us: Longest time from prediction to label, in microseconds.
        """
        return self._rows(self.times <= time_us - within_us)

    def to_arrow(self) -> "pa.Table":
        """Inputs under their names, then `label` and `event_time`.

        Where an input has one of these names, the label or time has an underscore behind its own.
        """
        import numpy as np
        import pyarrow as pa

        columns = {
            name: pa.array(column, mask=np.isnan(column))
            for name, column in zip(self.names, self.features.T, strict=True)
        }
        columns[_free("label", self.names)] = pa.array(self.label)
        columns[_free("event_time", self.names)] = pa.array(self.times, pa.int64()).cast(
            pa.timestamp("us", "UTC")
        )
        return pa.table(columns)

    def to_pandas(self) -> "pd.DataFrame":
        """The columns of `to_arrow` as a pandas frame; nulls are NaN."""
        import pandas as pd

        frame = pd.DataFrame(self.features, columns=list(self.names))
        frame[_free("label", self.names)] = self.label
        frame[_free("event_time", self.names)] = pd.to_datetime(self.times, unit="us", utc=True)
        return frame

    def hash(self) -> str:
        """Hex sha256 of everything in it: two tables of the same hash train the same model."""
        from hashlib import sha256  # loads OpenSSL, a tenth of what `import forerun` may cost

        import numpy as np

        digest = sha256("\n".join((*self.names, "", *self.ids)).encode())
        # One NaN has many bit patterns; all of them mean "missing".
        features = np.where(np.isnan(self.features), np.float32(np.nan), self.features)
        for column in (features, self.label, self.times, self.label_times, self.partitions, self.offsets):
            if column is not None:
                # Little-endian whatever the machine.
                digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
            digest.update(b"|")
        return digest.hexdigest()

    def _rows(self, chosen: "slice | NDArray[np.bool_]") -> "Table":
        def pick(column: "NDArray[np.generic] | None") -> "NDArray[np.generic] | None":
            return None if column is None else column[chosen]

        ids = self.ids
        if ids:
            import numpy as np

            ids = tuple(self.ids[i] for i in np.arange(len(self))[chosen])
        return self._with(
            features=self.features[chosen],
            label=self.label[chosen],
            times=self.times[chosen],
            label_times=pick(self.label_times),
            ids=ids,
            partitions=pick(self.partitions),
            offsets=pick(self.offsets),
        )

    def _with(self, **changes: object) -> "Table":
        return Table(**{**self.__dict__, **changes})


_MICROSECOND = datetime.resolution


def _moment(time_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + time_us * _MICROSECOND


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
