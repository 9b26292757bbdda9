"""The state of a running engine at one instant, as `/v1/status`, `/metrics` and `forerun status` show it."""

from dataclasses import dataclass, field

from forerun.monitoring.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """Counts of one stream, over all partitions, since its first event.

    They conserve: consumed = applied + invalid + early + late + duplicate.

    >>> StreamStatus(name="Departed", consumed=3, applied=2, late=1).applied
    2
    """

    name: str
    consumed: int = 0
    applied: int = 0
    invalid: int = 0
    early: int = 0
    late: int = 0
    duplicate: int = 0
    quarantined: int = 0
    """Rows refused at a door, before they got an offset; not part of `consumed`."""
    watermark_us: int | None = None
    """None before the first accepted event."""
    event_time_high_us: int | None = None
    arrival_high_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """What one model has answered and learnt so far, counted per version and grade.

    >>> ModelStatus(name="LateArrival", predictions={"3f2a": {"fresh": 7}}).predictions["3f2a"]
    {'fresh': 7}
    """

    name: str
    version: str | None = None
    """None until a version is trained and active."""
    predictions: dict[str, dict[str, int]] = field(default_factory=dict)
    """Model version ("" for none) -> grade -> count."""
    labels_pending: int = 0
    labels_joined: int = 0
    """Joined with an event, or decided by the declared `otherwise`."""
    labels_expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything about one engine that people and scrapers ask for.

    >>> Status(app="flights", app_version="9c1d", streams=(StreamStatus(name="Departed"),)).streams[0].name
    'Departed'
    """

    app: str
    app_version: str
    streams: tuple[StreamStatus, ...] = ()
    models: tuple[ModelStatus, ...] = ()
    feature_versions: dict[str, str] = field(default_factory=dict)
    """View name -> its version."""
    entities: dict[str, int] = field(default_factory=dict)
    """View name -> entities held."""
    asleep: dict[str, int] = field(default_factory=dict)
    """View name -> entities that are not in memory; they are among those held."""
    decisions: dict[str, int] = field(default_factory=dict)
    """Rule name -> decisions made."""
    windows: dict[str, int] = field(default_factory=dict)
    """Windows class -> windows closed."""
    windows_asleep: dict[str, int] = field(default_factory=dict)
    """Windows class -> parts of open windows that are not in memory."""
    overflows: dict[str, int] = field(default_factory=dict)
    """Feature ("View.feature") -> values out of range, served null; features without one are not listed."""
    failed: dict[str, str] = field(default_factory=dict)
    """Feature -> what its custom function said when it last failed; features without one are not listed."""
    outbox_pending: int = 0
    journal_step: int = 0
    events_per_s: float = 0.0
    last_commit_us: int | None = None
    """When the last commit was made durable; None before the first."""
    step: Timing = field(default_factory=Timing)
    commit: Timing = field(default_factory=Timing)
