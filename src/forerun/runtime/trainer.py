"""Training from history: what was served becomes a table, the table a version, the version answers next."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from forerun.events.canonical import canonical_json
from forerun.governance.registry import Registry
from forerun.governance.version import ModelVersion
from forerun.models.history import from_history
from forerun.models.training import Trained, train
from forerun.monitoring.quality import quality
from forerun.runtime.clock import Clock
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.state.database import Connect
from forerun.state.files import Files


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains the models of one app.

    Args:
        layout: The app.
        directory: The data directory.
        registry: Where versions go.
        clock: For durations and dates in the registry.
        connect: How to open the database.
        files: The file system the history is on.
        fit: Trains on a table.
    """

    layout: Layout
    directory: Path
    registry: Registry
    clock: Clock
    connect: Connect | None = None
    files: Files | None = None
    fit: Callable[..., Trained] = train

    def train(
        self,
        model: str,
        *,
        by: str,
        reason: str,
        step: int,
        activate: bool = True,
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> ModelVersion:
        """Train a model on every prediction whose label's time has passed and register it.

        The same history gives the same version: a process that was killed and does it again doubles nothing.

        Args:
            model: The model.
            by: Who trains it.
            reason: Why; kept in the registry's history.
            step: Last step of the journal that the history comes from.
            activate: Whether it answers from now on.
            on_progress: Told in a few words what is done now.

        Raises:
            TrainingTableError: Too few labelled predictions, or of one kind only.
            ModelError: It cannot be fitted or converted.
        """
        spec = self.layout.model(model).spec
        on_progress("reading what was served")
        history = History(self.layout, self.directory, connect=self.connect, files=self.files)
        try:
            labels = history.labels(model)
            table = from_history(history.predictions(model), labels, feature_version=spec.feature_version)
        finally:
            history.close()
        newest = pc.max(labels["label_time"]).cast(pa.int64()).as_py()
        if newest is not None:
            # The label stream's watermark has come up to the newest label less the lateness, at least.
            lateness_us = self.layout.streams[self.layout.model(model).label].lateness_us
            table = table.settled(newest - lateness_us, within_us=spec.label.within_us)
        trained = self.fit(
            spec,
            table,
            measure=lambda label, score: quality(label, score).to_json(),
            clock_us=self.clock.tick_us,
            steps=(1, step),
            on_progress=on_progress,
        )
        self.describe()
        version = self.registry.register(
            model,
            trained.onnx,
            baseline=trained.baseline,
            app_version=self.layout.version,
            feature_version=spec.feature_version,
            code_version=spec.code_version,
            facts=trained.facts,
            created_us=self.clock.now_us(),
            by=by,
        )
        if not activate:
            return version
        return self.registry.activate(model, version.number, at_us=self.clock.now_us(), by=by, reason=reason)

    def describe(self) -> None:
        """Tell the registry which app and features there are; what it knows stays as it is."""
        now_us = self.clock.now_us()
        self.registry.add_app(
            self.layout.version, name=self.layout.app, definition=self.layout.plan, created_us=now_us
        )
        vectors = {vector["name"]: vector for vector in json.loads(self.layout.plan)["vectors"]}
        for name, model in self.layout.models.items():
            self.registry.add_features(
                model.spec.feature_version,
                name=name,
                definition=canonical_json(vectors[name]),
                created_us=now_us,
            )
