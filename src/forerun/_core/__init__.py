"""The boundary to Rust: re-exports and nothing else. No other module imports `_rust`."""

from forerun._core._rust import (
    STATE_FORMAT,
    BatchError,
    FeatureOverflowError,
    Kernel,
    PlanError,
    StaleReadError,
    StateFormatError,
    StepResult,
    version,
)

__all__ = [
    "STATE_FORMAT",
    "BatchError",
    "FeatureOverflowError",
    "Kernel",
    "PlanError",
    "StaleReadError",
    "StateFormatError",
    "StepResult",
    "version",
]
