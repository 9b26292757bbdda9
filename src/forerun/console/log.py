"""The prediction log as it is on the disk: exported files, and what the database still holds.

Reading needs no lock and disturbs nobody: a run may be going on beside it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forerun.events.records import LABEL_SCHEMA
from forerun.runtime.outputs import Outputs
from forerun.state.database import Database

Logged = Literal["prediction", "label"]


class PredictionLog:
    """Predictions and labels of one data directory.

    Args:
        data: The data directory; the app has been run there.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._database = Database(data / "forerun.db", read_only=True)

    def predictions(self, model: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """All predictions of a model, in the order in which they were made.

        Args:
            model: The model.
            columns: Only these; None: all, with the inputs.

        Returns:
            A table, or None when there is none.
        """
        return self._read("prediction", model, columns)

    def labels(self, model: str) -> pa.Table:
        """All labels of a model, in the order in which they became known.

        Args:
            model: The model.
        """
        found = self._read("label", model, None)
        return LABEL_SCHEMA.empty_table() if found is None else found

    def labelled(self, model: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Predictions with `label`, `label_source` and `label_time` beside them, null where none is known.

        Args:
            model: The model.
            columns: Columns of the predictions besides `prediction_id`; None: all.
        """
        wanted = None if columns is None else ["prediction_id", *columns]
        predictions = self.predictions(model, wanted)
        if predictions is None:
            return None
        labels = self.labels(model)
        place = pc.index_in(predictions["prediction_id"], value_set=labels["prediction_id"].combine_chunks())
        return (
            predictions.append_column("label", labels["label"].take(place))
            .append_column("label_source", labels["source"].take(place))
            .append_column("label_time", labels["label_time"].take(place))
        )

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _read(self, kind: Logged, model: str, columns: Sequence[str] | None) -> pa.Table | None:
        """Files first, then the rows that are in none yet: numbered, so each is read once."""
        with self._database.snapshot() as connection:
            outputs = Outputs(connection)
            parts = outputs.parts(done=True, kind=kind, model=model)
            kept = [
                pa.Table.from_batches([batch])
                for batch in outputs.rows(kind, model, max((part.stop for part in parts), default=0))
            ]
        names = None if columns is None else list(columns)
        tables = [pq.read_table(self._data / part.path, columns=names) for part in parts]
        tables += [table if names is None else table.select(names) for table in kept]
        # An app that changed its inputs has parts with others; a missing input reads as null.
        return pa.concat_tables(tables, promote_options="permissive") if tables else None
