"""Versions change with what they stand for, and with nothing else."""

from tests.features.flights import declare

APP = declare()


def test_versions_are_stable_across_processes() -> None:
    """Written down: same version, same bits, on every machine. A change here is a change of meaning."""
    assert {name: view.version[:16] for name, view in APP.views.items()} == {
        "OriginNow": "8e4ee1568d04eed8",
        "PlaneHere": "99d71717da702b95",
        "PlaneValues": "ca2dce70901ff0fb",
        "PlaneWindows": "803a254c05902598",
        "Weather": "3f85dd57176a3b79",
    }
    assert APP.models["Late"].feature_version[:16] == "8222f8d6283bb829"


def test_view_version_follows_its_window() -> None:
    """And leaves the other views alone."""
    other = declare(over="2h")

    assert other.views["OriginNow"].version != APP.views["OriginNow"].version
    assert other.views["PlaneHere"].version == APP.views["PlaneHere"].version
    assert other.models["Late"].feature_version != APP.models["Late"].feature_version
    assert other.version != APP.version


def test_view_version_follows_the_lateness_of_its_stream() -> None:
    """Which events count is part of the value."""
    other = declare(lateness="31m")

    assert other.views["OriginNow"].version != APP.views["OriginNow"].version
    assert other.views["Weather"].version == APP.views["Weather"].version


def test_feature_version_ignores_what_the_model_does_not_read() -> None:
    """Another stream changes the app, no feature."""
    other = declare(extra=True)

    assert other.models["Late"].feature_version == APP.models["Late"].feature_version
    assert {name: view.version for name, view in other.views.items()} == {
        name: view.version for name, view in APP.views.items()
    }
    assert other.version != APP.version
