"""One registered version of a model, and what happened to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["candidate", "active", "retired"]
What = Literal["registered", "activated", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A trained model with everything it came from.

    >>> ModelVersion(
    ...     name="LateArrival", number=2, sha256="3f2a9c01" * 8, baseline_sha256=None, app_version="9c",
    ...     feature_version="77", code_version="a0", facts={}, created_us=0, status="active",
    ... ).version
    'v2-3f2a9c01'
    """

    name: str
    number: int
    """1 for the first version of that name, then 2, 3, ..."""
    sha256: str
    """Content address of the ONNX file."""
    baseline_sha256: str | None
    """The same of the baseline without streaming inputs; None when there is none."""
    app_version: str
    feature_version: str
    code_version: str
    """Hash of the text of `fit`."""
    facts: Mapping[str, object]
    """What training found out: rows, range, metrics, statistics of the inputs, library versions."""
    created_us: int
    status: Status

    @property
    def version(self) -> str:
        """What prediction records call it: number and the first eight digits of its content address."""
        return f"v{self.number}-{self.sha256[:8]}"

    def to_json(self) -> dict[str, object]:
        """All of it by name, with `version`."""
        return {**asdict(self), "facts": dict(self.facts), "version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent:
    """Something that happened to a version. Events are added, never changed.

    >>> ModelEvent(
    ...     sequence=1, name="LateArrival", number=1, what="activated", at_us=0, by="run", reason="first",
    ... ).what
    'activated'
    """

    sequence: int
    """Order over all models of the registry."""
    name: str
    number: int
    what: What
    at_us: int
    by: str
    reason: str

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return asdict(self)
