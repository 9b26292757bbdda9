"""Everything that was ever predicted, labelled, refused or closed, as tables: files and what is in none yet.

Reading needs no lock and disturbs nobody; a run may go on beside it.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forerun.errors import NotFoundError
from forerun.events.records import (
    LABEL_SCHEMA,
    OPERATIONAL,
    QUARANTINE_SCHEMA,
    REJECTED_SCHEMA,
    prediction_schema,
)
from forerun.runtime.layout import Layout
from forerun.runtime.outputs import Kind, Outputs
from forerun.runtime.tables import DATABASE
from forerun.runtime.windows import schema_of_windows
from forerun.state.database import Connect, Database
from forerun.state.files import Files, RealFiles


class History:
    """The records of one data directory.

    Args:
        layout: The app.
        directory: The data directory; the app has been run there.
        connect: How to open the database.
        files: The file system the files are on.
    """

    def __init__(
        self,
        layout: Layout,
        directory: Path,
        *,
        connect: Connect | None = None,
        files: Files | None = None,
    ) -> None:
        self._layout = layout
        self._directory = directory
        self._files = files or RealFiles()
        self._database = Database(directory / DATABASE, read_only=True, connect=connect)

    def predictions(self, model: str, *, columns: Sequence[str] | None = None) -> pa.Table:
        """All predictions of a model, in the order of their commits.

        Args:
            model: The model.
            columns: Only these; None: all.
        """
        inputs = [item.name for item in self._layout.model(model).spec.inputs]
        return self._read("prediction", model, prediction_schema(inputs), columns)

    def labels(self, model: str) -> pa.Table:
        """All labels of a model, in the order in which they became known.

        Args:
            model: The model.
        """
        return self._read("label", model, LABEL_SCHEMA)

    def labelled(self, model: str, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Predictions with `label`, `label_time` and `label_source` beside them; null while none is known.

        Args:
            model: The model.
            columns: Only these columns of the predictions; None: all.
        """
        wanted = None if columns is None else ["prediction_id", *(n for n in columns if n != "prediction_id")]
        predictions, labels = self.predictions(model, columns=wanted), self.labels(model)
        ids = labels["prediction_id"].combine_chunks()
        place = pc.index_in(predictions["prediction_id"], value_set=ids)
        for name, column in (("label", "label"), ("label_time", "label_time"), ("label_source", "source")):
            predictions = predictions.append_column(name, labels[column].take(place))
        return predictions

    def windows(self, name: str) -> pa.Table:
        """All closed windows of a windows class, in the order of their commits; within one by end and key.

        Args:
            name: The windows class.

        Raises:
            NotFoundError: There is none of that name.
        """
        return self._read("window", name, schema_of_windows(self._layout.emitter(name)))

    def rejected(self) -> pa.Table:
        """Records of the log that were not applied, with the reason."""
        return self._read("rejected", "", REJECTED_SCHEMA)

    def quarantined(self) -> pa.Table:
        """Rows that never became records, with the reason."""
        return self._read("quarantine", "", QUARANTINE_SCHEMA)

    def find(self, prediction_id: str) -> pa.Table:
        """The prediction of an id, as a table of one row with its label beside it.

        Args:
            prediction_id: The id.

        Raises:
            NotFoundError: No model of the app made it.
        """
        for model in self._layout.models:
            ids = self.predictions(model, columns=["prediction_id"])
            at = pc.index(ids["prediction_id"], prediction_id).as_py()
            if at >= 0:
                return self.labelled(model).slice(at, 1)
        raise NotFoundError(f"there is no prediction {prediction_id!r}; list them with `forerun predictions`")

    def close(self) -> None:
        """Close the database; calling it twice is harmless."""
        self._database.close()

    def _read(
        self, kind: Kind, model: str, schema: pa.Schema, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Files first, then the rows that are in none yet: numbered, so each is read once."""
        with self._database.snapshot() as connection:
            outputs = Outputs(connection)
            parts = outputs.parts(done=True, kind=kind, model=model)
            exported = max((part.stop for part in parts), default=0)
            rest = pa.Table.from_batches(outputs.rows(kind, model, exported), schema=schema)
        names = schema.names if columns is None else list(columns)
        # What the snapshot calls done is durable and never changes, so files are read without it.
        tables = [
            pq.read_table(pa.BufferReader(self._files.read(self._directory / part.path)), columns=names)
            for part in parts
        ]
        return pa.concat_tables([*(table.select(names) for table in tables), rest.select(names)])


def comparable(predictions: pa.Table) -> pa.Table:
    """Predictions without what depends on the day they were made.

    Args:
        predictions: Rows of the prediction log.
    """
    return predictions.drop_columns(list(OPERATIONAL))
