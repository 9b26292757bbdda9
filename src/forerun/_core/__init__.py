"""The boundary to Rust: re-exports and nothing else. No other module imports `_rust`."""

from forerun._core._rust import (
    STATE_FORMAT,
    TZ_DATABASE,
    Batch,
    BatchError,
    EventResult,
    Formula,
    Kernel,
    PlanError,
    Reader,
    StaleReadError,
    StateFormatError,
    StepResult,
    memory,
    version,
    zone_data,
    zone_names,
)

__all__ = [
    "STATE_FORMAT",
    "TZ_DATABASE",
    "Batch",
    "BatchError",
    "EventResult",
    "Formula",
    "Kernel",
    "PlanError",
    "Reader",
    "StaleReadError",
    "StateFormatError",
    "StepResult",
    "memory",
    "version",
    "zone_data",
    "zone_names",
]
