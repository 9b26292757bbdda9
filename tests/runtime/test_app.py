"""An app is what was declared, every default filled in, and nothing happens until it runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.features.flights import declare

import forerun as fr
from forerun.errors import DefinitionError
from forerun.features.window import Lifetime
from forerun.runtime.load import load

APP = declare()


def test_stream_with_all_settings() -> None:
    """What was said, in microseconds."""
    spec = APP.streams["Departed"]

    assert (spec.time, spec.key, spec.id, spec.topic) == ("at", ("flight",), ("flight", "leg"), "departed")
    assert (spec.lateness_us, spec.max_skew_us, spec.idle_us) == (1_800_000_000, 60_000_000, 600_000_000)
    assert (spec.dedup_us, spec.freshness_us) == (86_400_000_000, 60_000_000)


def test_stream_with_defaults() -> None:
    """What was not said is explicit all the same."""
    spec = APP.streams["Scheduled"]

    assert (spec.max_skew_us, spec.idle_us, spec.dedup_us, spec.id, spec.freshness_us) == (
        300_000_000, None, None, None, None,
    )  # fmt: skip
    assert spec.field("seats") is not None
    assert spec.field("nothing") is None


def test_id_is_the_key_unless_said_otherwise() -> None:
    """With `duplicates` alone."""
    app = fr.App("a")

    @app.stream(key="k", lateness="1m", duplicates="1h")
    class CheckIn(fr.Event):
        k: str
        at: fr.EventTime

    assert (app.streams["CheckIn"].id, app.streams["CheckIn"].topic) == (("k",), "check_in")


def test_stream_of_a_class_made_elsewhere() -> None:
    """The call and the decorator are the same."""

    class CheckIn(fr.Event):
        k: str
        at: fr.EventTime

    called, decorated = fr.App("a"), fr.App("a")

    assert called.stream(CheckIn, key="k", lateness="1m") is CheckIn
    assert decorated.stream(key="k", lateness="1m")(CheckIn) is CheckIn
    assert called.plan() == decorated.plan()


def test_keys_may_be_given_as_fields() -> None:
    """An editor completes them."""
    app = fr.App("a")

    class CheckIn(fr.Event):
        k: str
        at: fr.EventTime

    app.stream(CheckIn, key=CheckIn.k, lateness="1m")

    @app.features(CheckIn, by=CheckIn.k)
    class Guest:
        n = fr.count()

    assert (app.streams["CheckIn"].key, app.views["Guest"].by) == (("k",), ("k",))


def test_model_has_its_parts() -> None:
    """Trigger, inputs, label, training, versions."""
    spec = APP.models["Late"]

    assert spec.on is APP.streams["Scheduled"]
    assert (spec.risk, spec.warmup_us, spec.doc) == ("high", 90 * 86_400_000_000, "Late or not.")
    assert (spec.label.stream.name, spec.label.within_us, spec.label.otherwise) == (
        "Departed", 36 * 3_600_000_000, True,
    )  # fmt: skip
    assert spec.fit("a table") == "a table"  # type: ignore[arg-type]  # the specimen gives back what it gets
    assert "def fit" in spec.source


def test_inputs_are_named() -> None:
    """By field, by view and feature, by binding, or by hand; times stay out of a features class."""
    assert APP.models["Late"].vector.names == (
        "distance",
        "seats",
        *(f"OriginNow.{name}" for name in ("departures", "towed", "total", "mean", "low", "high")),
        *(f"OriginNow.{name}" for name in ("var", "std", "rate", "legs_per_s", "first")),
        "OriginNow@dest.departures",
        "PlaneHere.towed",
        "PlaneValues.skew",
        *(f"PlaneValues.delays.{element}" for element in range(2)),
        *(f"PlaneValues.{name}" for name in ("places", "legs", "median")),
        *(f"PlaneValues.bins.{element}" for element in range(4)),
        *(f"PlaneValues.{name}" for name in ("late_in_a_row", "pace", "faded", "per_leg", "from_jfk")),
        "at_base",
        "origin=JFK",
        "origin=EWR",
        "idle_s",
        "weather_age_s",
        "Weather.visib",
    )


def test_field_of_another_stream_is_its_latest_value() -> None:
    """A view that nobody wrote: by the stream's key, of all that is no string."""
    view = APP.views["Weather"]

    assert (view.stream.name, view.by) == ("Weather", ("origin",))
    assert [(f.name, f.agg, f.window) for f in view.aggregates] == [
        ("at", "last", Lifetime()), ("seen", "last", Lifetime()), ("visib", "last", Lifetime()),
    ]  # fmt: skip


def test_features_are_found_by_name() -> None:
    """Or not at all."""
    view = APP.views["OriginNow"]

    assert view.feature("departures") is view.features[0]
    assert view.feature("nothing") is None


def test_rules_read_columns() -> None:
    """The score, the trigger's fields and the inputs, each by name."""
    first, second = APP.rules

    assert (first.name, first.fields, first.inputs) == ("Late-rebooking", (), ("OriginNow.departures",))
    assert (second.name, second.fields, second.inputs) == ("lax", ("dest",), ())
    assert first.when.canonical() == {
        "op": "and",
        "args": [
            {
                "op": "gt",
                "args": [{"op": "field", "name": "score"}, {"op": "lit", "type": "float", "value": 0.8}],
            },
            {
                "op": "gt",
                "args": [
                    {"op": "field", "name": "OriginNow.departures"},
                    {"op": "lit", "type": "int", "value": 3},
                ],
            },
        ],
    }
    assert first.do.topic == "rebooking"


def test_rule_finds_whole_inputs(tmp_path: Path) -> None:
    """An expression that is an input is read as that column, named or not."""
    file = tmp_path / "app.py"
    file.write_text(
        (Path(__file__).parent / "mistakes_app.txt").read_text()
        + """
idle = fr.named("idle_s", fr.seconds(Scheduled.at - OriginNow.last_left))

@app.model(on=Scheduled, label=late)
class Idle(fr.Model):
    inputs = [idle, Departed.dep_delay]
    def fit(self, table): ...

app.decide(Idle, when=(idle > 60) & (Departed.dep_delay > Scheduled.distance), do=fr.emit("x"))
"""
    )
    rule = load(file).rules[0]

    assert (rule.fields, rule.inputs) == (("distance",), ("idle_s", "Departed.dep_delay"))


def test_version_follows_everything(tmp_path: Path) -> None:
    """The topic, the freshness, the training code and the rules, not only the plan."""
    text = (Path(__file__).parent / "mistakes_app.txt").read_text()
    changes = {
        "nothing": text,
        "topic": text.replace('key="gate"', 'key="gate", topic="gates"'),
        "freshness": text.replace('key="gate"', 'key="gate", freshness="1m"'),
        "fit": text.replace("def fit(self, table): ...", "def fit(self, table): return 1"),
        "risk": text.replace("label=late", 'label=late, risk="high"'),
        "label": text.replace('within="36h"', 'within="35h"'),
        "rule": text + 'app.decide(Late, when=Late.score > 0.5, do=fr.emit("x"))\n',
        "name": text.replace('App("flights")', 'App("planes")'),
    }
    versions = {}
    for name, changed in changes.items():
        file = tmp_path / name / "app.py"
        file.parent.mkdir()
        file.write_text(changed)
        versions[name] = load(file).version

    assert len(set(versions.values())) == len(changes)


def test_same_file_elsewhere_has_the_same_version(tmp_path: Path) -> None:
    """No path, no clock, no order of hashing is in it."""
    text = (Path(__file__).parent / "mistakes_app.txt").read_text()
    script = "import sys; from forerun.runtime.load import load; print(load(sys.argv[1]).version)"
    versions = set()
    for name in ("here", "there"):
        file = tmp_path / name / "app.py"
        file.parent.mkdir()
        file.write_text(text)
        out = subprocess.run(
            [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
        )
        versions.add(out.stdout)

    assert len(versions) == 1


def test_definition_error_points_at_the_user(tmp_path: Path) -> None:
    """The text begins with code, file and line, as compilers write it."""
    file = tmp_path / "app.py"
    file.write_text("import forerun as fr\n\napp = fr.App('flights')\nfr.count(over='5x')\n")

    with pytest.raises(DefinitionError) as caught:
        load(file)
    assert str(caught.value).startswith(f"[FR-DEF-DURATION] {file}:4: over='5x' is not a duration; write")
