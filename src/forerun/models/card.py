"""The model card: what a version is, learnt from what, how good, and where it ends. Written by facts only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from forerun.events.duration import spell_duration
from forerun.models.definition import ModelSpec
from forerun.models.statistics import InputStatistics

_OFTEN_MISSING = 0.5


class Version(Protocol):
    """A version as the registry keeps it."""

    @property
    def version(self) -> str:
        """What predictions call it."""

    @property
    def status(self) -> str:
        """candidate, active or retired."""

    @property
    def sha256(self) -> str:
        """Content address of its file."""

    @property
    def app_version(self) -> str:
        """Hash of the app it was trained in."""

    @property
    def feature_version(self) -> str:
        """Hash of its inputs."""

    @property
    def code_version(self) -> str:
        """Hash of the model's class."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `training.train` found out; Any: it is JSON."""

    @property
    def created_us(self) -> int:
        """When it was registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQuality:
    """One scorer on the held-out rows.

    >>> CardQuality(scorer="base rate", auc=0.5, log_loss=0.54, brier=0.18).auc
    0.5
    """

    scorer: str
    """streaming (the model), static (the same without streaming inputs) or base rate."""
    auc: float | None
    log_loss: float | None
    brier: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardInput:
    """One input, those that move scores most first.

    >>> CardInput(name="delay_1h", streaming=True, mean_change=0.04, missing=0.01, median=3.5).streaming
    True
    """

    name: str
    streaming: bool
    mean_change: float
    """Mean change of the score when the input is put to its median."""
    missing: float
    """Share of training rows without it."""
    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Everything a reader must know before trusting a version.

    Made by `model_card`; nobody writes one by hand, so it cannot say what is not so.
    """

    model: str
    version: str
    status: str
    purpose: str
    """The first paragraph of the class's docstring."""
    risk: str
    trigger: str
    label: str
    rows: int
    base_rate: float
    learnt_from_us: int
    learnt_to_us: int
    holdout_rows: int
    quality: tuple[CardQuality, ...]
    """Empty when nothing could be held out."""
    inputs: tuple[CardInput, ...]
    limits: tuple[str, ...]
    estimator: str
    lineage: Mapping[str, str]
    """Hashes of file, app, inputs, code and table; where in the log the rows are."""
    libraries: Mapping[str, str]
    created_us: int

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return asdict(self)


def model_card(spec: ModelSpec, version: Version) -> ModelCard:
    """Write the card of a version.

    Args:
        spec: The model, as the version's app declares it.
        version: From the registry.
    """
    facts = version.facts
    holdout, span = facts["holdout"], facts["range"]
    inputs = [InputStatistics.from_json(one) for one in facts["inputs"]]
    return ModelCard(
        model=spec.name,
        version=version.version,
        status=version.status,
        purpose=" ".join(spec.doc.partition("\n\n")[0].split()),
        risk=spec.risk,
        trigger=spec.on.name,
        label=_label(spec),
        rows=facts["rows"],
        base_rate=facts["base_rate"],
        learnt_from_us=span["event_time_from_us"],
        learnt_to_us=span["event_time_to_us"],
        holdout_rows=holdout["rows"],
        quality=_quality(holdout),
        inputs=_inputs(inputs, facts["static_inputs"], facts["influence"]),
        limits=tuple(_limits(facts, inputs)),
        estimator=facts["estimator"],
        lineage={
            "file": version.sha256,
            "app": version.app_version,
            "inputs": version.feature_version,
            "code": version.code_version,
            "table": facts["table_sha256"],
            **{
                f"offsets of partition {partition}": f"{first} to {last}"
                for partition, (first, last) in span.get("offsets", {}).items()
            },
        },
        libraries=facts["libraries"],
        created_us=version.created_us,
    )


def _label(spec: ModelSpec) -> str:
    label = spec.label
    text = f"{label.value!r} within {spell_duration(label.within_us)}"
    return text if label.otherwise is None else f"{text}, otherwise {label.otherwise}"


def _quality(holdout: Mapping[str, Any]) -> tuple[CardQuality, ...]:
    names = {"model": "streaming", "static": "static", "base": "base rate"}
    return tuple(
        CardQuality(scorer=name, auc=found["auc"], log_loss=found["log_loss"], brier=found["brier"])
        for key, name in names.items()
        if (found := holdout.get(key))
    )


def _inputs(
    inputs: Sequence[InputStatistics], static: Sequence[str], influence: Mapping[str, float]
) -> tuple[CardInput, ...]:
    found = [
        CardInput(
            name=one.name,
            streaming=one.name not in static,
            mean_change=influence[one.name],
            missing=one.missing,
            median=one.median,
        )
        for one in inputs
    ]
    return tuple(sorted(found, key=lambda one: -one.mean_change))


def _limits(facts: Mapping[str, Any], inputs: Sequence[InputStatistics]) -> list[str]:
    """Sentences that follow from the facts."""
    first, last = (_day(facts["range"][f"event_time_{end}_us"]) for end in ("from", "to"))
    found = [f"It knows what happened from {first} to {last}, and nothing of other seasons."]
    if facts["equality"]["missing_rows"] == 0:
        found.append("It gives no score when any of its inputs is missing.")
    constant = [one.name for one in inputs if one.low == one.high]
    if constant:
        found.append(f"It has learnt nothing from what never varied in training: {', '.join(constant)}.")
    rare = [one.name for one in inputs if one.missing > _OFTEN_MISSING and one.low != one.high]
    if rare:
        found.append(f"Missing in more than half of the training rows: {', '.join(rare)}.")
    if "reason" in facts["holdout"]:
        found.append(f"Its quality was not measured: {facts['holdout']['reason']}.")
    if isinstance(facts["baseline"], str):
        found.append(f"No static baseline stands beside it: {facts['baseline']}.")
    return found


def _day(time_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).date().isoformat()
