"""The engine: one app on one data directory. Everything people and doors ask for goes through it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from forerun.errors import NothingYetError, StateError, UsageError
from forerun.events.decode import decode_row
from forerun.events.table import schema_of
from forerun.governance.registry import Registry
from forerun.governance.version import ModelVersion
from forerun.models.table import Table
from forerun.monitoring.status import Status
from forerun.monitoring.timing import Stopwatch
from forerun.runtime.active import Roster
from forerun.runtime.clock import Clock, SystemClock
from forerun.runtime.commit import Commits
from forerun.runtime.feed import Feed
from forerun.runtime.followup import FollowUp
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.ledger import Ledger
from forerun.runtime.overview import models_of, status_of
from forerun.runtime.past import Moved, unwatched
from forerun.runtime.processor import Processor
from forerun.runtime.progress import Judge, Progress
from forerun.runtime.reading import Reader
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.recovery import ends, recover
from forerun.runtime.requests import Requests
from forerun.runtime.room import LOOKING, Room
from forerun.runtime.run import Run
from forerun.runtime.tables import DATABASE, Tables
from forerun.runtime.tally import Tally
from forerun.runtime.trainer import Trainer
from forerun.runtime.training_set import AsOf, training_set
from forerun.runtime.world import World
from forerun.serving.backend import ModelFacts, Prediction, Reading
from forerun.state.database import Database, opened
from forerun.state.files import RealFiles, disk_errors, make_durably
from forerun.state.lock import DirectoryLock
from forerun.streams.source import Source

if TYPE_CHECKING:
    from forerun.events.decode import Quarantined
    from forerun.runtime.app import App


class Engine:
    """A running app. Make it with `Engine.open`.

    Every method may be called from any thread. Whatever a method returns or answers is on the disk.

    >>> import tempfile
    >>> import forerun as fr
    >>> from forerun.events.decode import decode_rows
    >>> app = fr.App("shop")
    >>> @app.stream(key="shop", lateness="10m")
    ... class Sold(fr.Event):
    ...     shop: str
    ...     at: fr.EventTime
    >>> @app.features(Sold, by="shop")
    ... class Shop:
    ...     sold_1h = fr.count(over="1h")
    >>> with tempfile.TemporaryDirectory() as folder, Engine.open(app, Path(folder)) as engine:
    ...     row = {"shop": "a", "at": engine.now_us()}
    ...     batch, _ = decode_rows(app.streams["Sold"], [row, row])
    ...     print(engine.append("Sold", batch), engine.read("Shop", {"shop": "a"})["values"])
    (0, 1) {'sold_1h': 2}
    """

    def __init__(
        self, app: "App", directory: Path, world: World, lock: DirectoryLock | None, database: Database
    ) -> None:
        self._app = app
        self._world = world
        self._lock = lock
        self._database = database
        self._directory = directory
        self._read_only = lock is None
        self._closed = False
        self._running = threading.Lock()
        self._layout = layout = Layout(app)
        self._registry = Registry(
            directory, read_only=self._read_only, files=world.files, connect=world.connect
        )
        self._roster = Roster(layout, self._registry, world.load)
        self._trainer = Trainer(
            layout, directory, self._registry, world.clock, world.connect, files=world.files, fit=world.train
        )
        topics = list(dict.fromkeys(rule.do.topic for rule in app.rules))
        topics += [emitter.topic for emitter in app.emitters.values() if emitter.topic is not None]
        self._follow_up = FollowUp(database, directory, topics, world)
        self._commit_stopwatch = Stopwatch()
        self._memory = LOOKING if self._read_only and world.memory is None else world.memory
        self._room: Room | None = None
        self._processor = self._prepare()
        self._requests = Requests(self._processor)
        self._reader = Reader(self._processor, self._roster, directory, world.connect, self._memory)
        self._progress: Progress | None = None

    @classmethod
    def open(
        cls,
        app: "App",
        data_dir: Path,
        *,
        clock: Clock | None = None,
        read_only: bool = False,
        memory: int | None = None,
        world: World | None = None,
    ) -> "Engine":
        """Open an app's data and recover what the last process had, however it ended.

        Args:
            app: The app.
            data_dir: The data directory; made if missing.
            clock: Time; by default the operating system's.
            read_only: Look as of the last commit, beside a process that runs; nothing can be moved on.
            memory: Bytes that entities and open windows may take in memory; those beyond sleep in the
                database until they are needed. None: as many as they take; of an engine that only looks,
                256 MiB.
            world: All that can be put in place of the real world; None: the real one.

        Raises:
            AppChangedError: The data belongs to another app, or to this one before its features changed.
            DirectoryBusyError: Another process runs it.
            NothingYetError: `read_only`, and the app has not been run here.
            StateError: The data cannot be read.
        """
        world = world or World(clock or SystemClock(), RealFiles(), memory=memory)
        if read_only and not (data_dir / DATABASE).exists():
            raise NothingYetError(f"{app.name} has not been run in {data_dir}; start: forerun run")
        make_durably(world.files, data_dir)
        lock = None if read_only else DirectoryLock(data_dir)
        try:
            database = Database(data_dir / DATABASE, read_only=read_only, connect=world.connect)
            if read_only:
                Tables(database.connection).require_begun(app.name)
            return cls(app, data_dir, world, lock, database)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def _prepare(self) -> Processor:
        """Make the tables, finish what a crash interrupted, and recover the state."""
        if not self._read_only:
            with self._database.transaction() as connection:
                Tables(connection).create(self._layout)
                self._follow_up.create(connection)
            with disk_errors(self._directory):
                self._world.files.sync_directory(self._directory)
            self._trainer.describe()
            self._follow_up.recover()
        if self._memory is not None:
            path = self._directory / DATABASE
            self._room = Room(self._memory, path, opened(path, self._world.connect, read_only=True))
        held = self._room.hold() if self._room and self._read_only else self._database.snapshot()
        with held as connection:
            tables = Tables(connection)
            tables.check(self._layout)
            state = recover(self._layout, tables, self._room)
            return Processor(
                layout=self._layout,
                state=state,
                commits=Commits(self._database, self._world.clock, self._commit_stopwatch.observe),
                clock=self._world.clock,
                ends=ends(self._layout, state),
                models=self._roster.active(),
                tally=Tally.from_json(tables.fact("tally")),
                recorded=self._app.source is not None,
                arrival_us=tables.log.arrival_high_us() or 0,
                checkpoint_rows=self._world.checkpoint_rows,
                last_commit_us=tables.journal.last_committed_us(),
            )

    # Moving on ----------------------------------------------------------------------------------

    def run(
        self,
        source: Source,
        *,
        speed: float | None = None,
        until_us: int | None = None,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Take a source, from where the last run stopped, until its end.

        Models without a version are trained when their warm-up is over. What is killed, stopped or breaks
        off goes on with the next `run`, with the same result as if nothing had happened.

        Args:
            source: The source; the same one every time.
            speed: Event time per real time; None: as fast as it goes.
            until_us: Take only what arrived up to this instant.
            stop: When set, the step in hand is finished and the method returns.
            on_progress: Told after every step, and while a model is fitted.

        Raises:
            ForerunError: What stopped it.
        """
        self._require_writing()
        with self._running:
            self._processor.recorded = True
            with self._database.snapshot() as connection:
                place = Tables(connection).place()
            feed = Feed(source, self._app.streams, place, rows=self._world.portion_rows)
            try:
                Run(
                    processor=self._processor,
                    feed=feed,
                    source=source,
                    train=self._train_in_run,
                    judge=None if on_progress is None else self._judge(),
                    stop=stop or threading.Event(),
                    speed=speed,
                    until_us=until_us,
                    on_progress=self._watched(on_progress),
                    after_step=self._follow_up.follow,
                ).go()
            finally:
                if not self._processor.commits.failed:
                    self._processor.checkpoint()
            self._follow_up.follow()

    def append(
        self,
        stream: str,
        batch: pa.RecordBatch,
        partition: int = 0,
        *,
        quarantined: "Sequence[Quarantined]" = (),
    ) -> tuple[int, int] | None:
        """Append events to a stream and take them; durable on return.

        Args:
            stream: The stream.
            batch: Its fields in order, without an arrival: they arrive now.
            partition: The partition.
            quarantined: Rows refused at the door, kept with their reasons.

        Returns:
            First and last offset; None for an empty batch.
        """
        self._require_writing()
        spec = self._layout.streams[self._layout.stream(stream)]
        schema = schema_of(spec)
        columns = [batch.column(field.name).cast(field.type) for field in schema]
        taken = self._processor.take(
            {stream: pa.record_batch(columns, names=schema.names)},
            partition=partition,
            quarantined=[(stream, row) for row in quarantined],
        )
        self._follow_up.follow()
        if taken is None:
            return None
        [appended] = taken.ranges
        return appended.start, appended.stop - 1

    def submit_predict(
        self, model: str, fields: Mapping[str, object], done: Callable[[Prediction | BaseException], None]
    ) -> None:
        """Queue a prediction; see `forerun.serving.backend.Backend`."""
        self._require_writing()
        self._layout.model(model)
        self._requests.submit(model, fields, done)

    def predict(self, model: str, fields: Mapping[str, object]) -> Prediction:
        """Predict for given fields of the trigger event, with the features as they are now.

        Args:
            model: The model.
            fields: The trigger stream's fields; without the time, it is now.

        Returns:
            The prediction; it is in the log already.

        Raises:
            EventError: A field is missing, unknown or of another type.
            StaleRequestError: The time is older than the features are kept for.
        """
        spec = self._layout.model(model).spec.on
        values = decode_row(spec, {spec.time: self.now_us(), **fields}, extra="refuse")
        if spec.time not in fields:
            # What "now" is, is decided when the vector is read: by then steps may have been taken.
            del values[spec.time]
        answered = threading.Event()
        answers: list[Prediction | BaseException] = []

        def done(answer: Prediction | BaseException) -> None:
            answers.append(answer)
            answered.set()

        self.submit_predict(model, values, done)
        answered.wait()
        [answer] = answers
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def train(self, model: str, *, by: str, reason: str, activate: bool = True) -> ModelVersion:
        """Train a model on every labelled prediction so far.

        Args:
            model: The model.
            by: Who trains it.
            reason: Why; kept in the registry's history.
            activate: Whether it answers from the next step on.
        """
        self._require_writing()
        version = self._trainer.train(
            model, by=by, reason=reason, step=self._processor.state.step, activate=activate
        )
        self.refresh()
        return version

    def refresh(self) -> None:
        """Let the versions answer that are active in the registry now."""
        models = self._roster.active()
        with self._processor.lock:
            self._processor.models = models

    # Looking ------------------------------------------------------------------------------------

    def read(self, view: str, key: Mapping[str, object], at_us: int | None = None) -> Reading:
        """An entity's features, now or as they were; see `Reader.read`."""
        return self._reader.read(view, key, at_us)

    def look(
        self, view: str, key: Mapping[str, object], at_us: int | None = None, on_progress: Moved = unwatched
    ) -> tuple[Reading, dict[str, pa.RecordBatch]]:
        """An entity's features, and the events behind them by stream; see `Reader.look`."""
        return self._reader.look(view, key, at_us, on_progress)

    def explain(self, prediction_id: str, on_progress: Moved = unwatched) -> dict[str, object]:
        """Why a prediction was what it was; see `Reader.explain`."""
        return self._reader.explain(prediction_id, on_progress)

    def training_set(self, model: str, *, as_of: AsOf = "served") -> Table:
        """Every labelled prediction of a model: as served, bit for bit, or as corrected in hindsight.

        Args:
            model: The model.
            as_of: See `forerun.runtime.training_set.training_set`.
        """
        connect, memory = self._world.connect, self._world.memory
        return training_set(self._layout, self._directory, model, as_of=as_of, connect=connect, memory=memory)

    def late_ledger(self) -> Ledger:
        """What lateness cost; see `forerun.runtime.reckoning.late_ledger`."""
        world = self._world
        return late_ledger(self._layout, self._directory, connect=world.connect, memory=world.memory)

    def history(self) -> History:
        """Everything predicted, labelled and refused so far; close it after use."""
        return History(self._layout, self._directory, connect=self._world.connect, files=self._world.files)

    def now_us(self) -> int:
        """The log's clock: the newest arrival while a source replays the past, else the wall clock."""
        return self._processor.now_us()

    def state_hash(self) -> str:
        """Hash of all features' state: the same for the same journal."""
        return self._processor.state.kernel.state_hash()

    def models(self) -> list[ModelFacts]:
        """The models with the versions that answer."""
        return models_of(self._processor)

    def status(self) -> Status:
        """How far the engine is."""
        return status_of(
            self._processor,
            commit=self._commit_stopwatch.read(),
            outbox_pending=self._follow_up.pending(closed=self._closed),
            events_per_s=0.0 if self._progress is None else self._progress.events_per_s,
        )

    def ready(self) -> tuple[bool, str]:
        """Whether answers can be given, and if not, why."""
        if self._closed or self._processor.commits.failed:
            return False, "stopped after an error" if not self._closed else "closed"
        return True, ""

    def close(self) -> None:
        """Answer what is waiting, write a checkpoint, finish exports and deliveries; twice is harmless.

        Raises:
            StateError: Something could not be finished; the next start does it.
        """
        if self._closed:
            return
        self._closed = True
        with ExitStack() as last:
            if self._lock is not None:
                last.callback(self._lock.release)
            last.callback(self._registry.close)
            last.callback(self._database.close)
            if self._room is not None:
                last.callback(self._room.close)
            if not self._read_only:
                self._requests.close()
                if not self._processor.commits.failed:
                    self._processor.checkpoint()
                    self._follow_up.finish()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _train_in_run(self, model: str, on_progress: Callable[[str], None]) -> str:
        version = self._trainer.train(
            model,
            by="run",
            reason="warm-up is over",
            step=self._processor.state.step,
            on_progress=on_progress,
        )
        self.refresh()
        return version.version

    def _judge(self) -> Judge:
        waiting = {name: join.waiting() for name, join in self._processor.state.joins.items()}
        history = self.history()
        try:
            return Judge(waiting, history)
        finally:
            history.close()

    def _watched(self, on_progress: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
        def watch(progress: Progress) -> None:
            self._progress = progress
            if on_progress is not None:
                on_progress(progress)

        return watch

    def _require_writing(self) -> None:
        if self._read_only:
            raise UsageError("this engine was opened to look only; open it without read_only")
        if self._closed:
            raise StateError("the engine is closed; open it again")
