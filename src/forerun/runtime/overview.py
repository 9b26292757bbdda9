"""The engine's status, put together from where the numbers are."""

from collections import Counter

from forerun.monitoring.status import ModelStatus, Status, StreamStatus
from forerun.monitoring.timing import Timing
from forerun.runtime.processor import Processor
from forerun.serving.backend import ModelFacts


def status_of(processor: Processor, *, commit: Timing, outbox_pending: int, events_per_s: float) -> Status:
    """How far a processor is.

    Args:
        processor: The processor.
        commit: How long its commits took.
        outbox_pending: Deliveries waiting.
        events_per_s: Records per second, lately.
    """
    layout, state, tally = processor.layout, processor.state, processor.tally
    views = [view.name for view in layout.views]
    return Status(
        app=layout.app,
        app_version=layout.version,
        streams=tuple(_stream(processor, number) for number in range(len(layout.streams))),
        models=tuple(_model(processor, name) for name in layout.models),
        feature_versions={view.name: view.version for view in layout.declared.values()},
        entities=dict(zip(views, state.kernel.entities(), strict=True)),
        asleep=dict(zip(views, state.kernel.asleep(), strict=True)),
        decisions={
            rule.name: tally.decisions.get(rule.name, 0)
            for model in layout.models.values()
            for rule in model.rules
        },
        overflows=dict(sorted(tally.overflows.items())),
        failed=dict(sorted(tally.failed.items())),
        windows={emitter.name: tally.windows.get(emitter.name, 0) for emitter in layout.emitters},
        windows_asleep=dict(
            zip((emitter.name for emitter in layout.emitters), state.kernel.windows_asleep(), strict=True)
        ),
        outbox_pending=outbox_pending,
        journal_step=state.step,
        events_per_s=events_per_s,
        last_commit_us=processor.last_commit_us,
        step=processor.stopwatch.read(),
        commit=commit,
    )


def models_of(processor: Processor) -> list[ModelFacts]:
    """The models of an app, with the versions that answer.

    Args:
        processor: The processor.
    """
    return [
        {
            "name": name,
            "stream": model.spec.on.name,
            "version": None if (active := processor.models[name]) is None else active.version,
            "inputs": [item.name for item in model.spec.inputs],
        }
        for name, model in processor.layout.models.items()
    ]


def _stream(processor: Processor, number: int) -> StreamStatus:
    state, name = processor.state, processor.layout.streams[number].name
    totals: Counter[str] = Counter()
    for counts in state.kernel.counters():
        if counts["stream"] == number:
            for part in ("consumed", "applied", "invalid", "early", "late", "duplicate"):
                totals[part] += counts[part]
    return StreamStatus(
        name=name,
        consumed=totals["consumed"],
        applied=totals["applied"],
        invalid=totals["invalid"],
        early=totals["early"],
        late=totals["late"],
        duplicate=totals["duplicate"],
        quarantined=processor.tally.quarantined.get(name, 0),
        watermark_us=state.kernel.watermarks()[number],
        event_time_high_us=state.highs_us[number],
        arrival_high_us=state.arrivals_us[number],
    )


def _model(processor: Processor, name: str) -> ModelStatus:
    join, active = processor.state.joins[name], processor.models[name]
    counts = join.counts
    made = processor.tally.predictions.get(name, {})
    return ModelStatus(
        name=name,
        version=None if active is None else active.version,
        predictions={version: dict(grades) for version, grades in made.items()},
        labels_pending=join.pending,
        labels_joined=counts.joined + counts.timed_out,
        labels_expired=counts.expired,
    )
