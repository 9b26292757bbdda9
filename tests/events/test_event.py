"""An event class declares, names and validates its fields, whatever way it is written."""

import copy
import pickle
from pathlib import Path

import pytest
from tests.events.flights import Flown

import forerun as fr
from forerun.errors import EventError, FieldError, UnknownNameError
from forerun.events.event import fields_of, time_of
from forerun.events.fields import FieldSpec
from forerun.runtime.load import load


def flown(**values: object) -> Flown:
    """A flight, with some values changed."""
    plain = {"flight": "UA1", "at": fr.EventTime(0), "planned": None, "delay": 2.0, "gate": None}
    return Flown(**{**plain, "towed": None, "tailnum": None, **values})  # type: ignore[arg-type]  # of many types


def test_fields_are_read_in_order() -> None:
    """Name, type, nullable; the event time is known."""
    assert fields_of(Flown)[:4] == (
        FieldSpec("flight", "string", nullable=False),
        FieldSpec("at", "time", nullable=False),
        FieldSpec("planned", "time", nullable=True),
        FieldSpec("delay", "float", nullable=True),
    )
    assert time_of(Flown) == "at"


def test_inherited_fields_come_first() -> None:
    """A base class holds what several events share; its fields belong to each of them."""

    class Flight(fr.Event):
        flight: str
        at: fr.EventTime

    class Departed(Flight):
        delay: float

    assert [field.name for field in fields_of(Departed)] == ["flight", "at", "delay"]
    assert (time_of(Departed), repr(Departed.flight)) == ("at", "Departed.flight")


def test_second_event_time_is_found_through_a_base() -> None:
    """An event happens once, also when the first time is inherited."""

    class Flight(fr.Event):
        at: fr.EventTime

    with pytest.raises(FieldError, match="at and then"):

        class Departed(Flight):
            then: fr.EventTime


def test_annotations_may_be_text(tmp_path: Path) -> None:
    """`from __future__ import annotations` changes nothing."""
    file = tmp_path / "app.py"
    file.write_text(
        "from __future__ import annotations\nimport forerun as fr\napp = fr.App('a')\n"
        "@app.stream(key='k', lateness='1m')\n"
        "class E(fr.Event):\n    k: str\n    x: float | None\n    at: fr.EventTime\n"
    )

    assert [field.type for field in load(file).streams["E"].fields] == ["string", "float", "time"]


def test_annotation_that_is_not_imported_is_named(tmp_path: Path) -> None:
    """A name under `if TYPE_CHECKING` is no name when the class is made."""
    file = tmp_path / "app.py"
    file.write_text(
        "from __future__ import annotations\nimport forerun as fr\nclass E(fr.Event):\n    at: EventTime\n"
    )

    with pytest.raises(FieldError, match="'EventTime', which is not defined") as caught:
        load(file)
    assert caught.value.line == 3


def test_methods_and_private_names_are_left_alone() -> None:
    """An event may have methods; they are no fields."""

    class Opened(fr.Event):
        _doors = 3
        at: fr.EventTime
        door: int

        def is_front(self) -> bool:
            """Whether it is the front door."""
            return self.door == 1

    assert [field.name for field in fields_of(Opened)] == ["at", "door"]
    assert Opened(at=fr.EventTime(0), door=1).is_front()


def test_probing_a_class_does_not_fail() -> None:
    """`hasattr`, copying and documentation tools ask for names that are not there."""
    assert not hasattr(Flown, "nothing")
    assert not hasattr(Flown, "__nothing__")
    assert not hasattr(Flown.delay, "nothing")
    with pytest.raises(UnknownNameError):
        getattr(Flown, "dely")  # noqa: B009  # a checker would refuse the attribute
    assert copy.copy(Flown.delay).same_as(Flown.delay)  # type: ignore[union-attr]  # an expression at run time


def test_instances_are_values() -> None:
    """Equal, hashable, printable, copied and pickled by value; never changed."""
    event = flown()

    assert event == flown(delay=2)
    assert {event, flown()} == {event}
    assert event != flown(delay=3)
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event
    assert repr(event).startswith(
        "Flown(flight='UA1', at=EventTime('1970-01-01T00:00:00Z'), planned=None, delay=2.0"
    )
    with pytest.raises(AttributeError, match=r"Flown\.delay: an event has happened"):
        event.delay = 3.0


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"delay": "2"}, "delay", "Expected `float | null`, got `str`"),
        ({"delay": float("nan")}, "delay", "nan is not a number"),
        ({"flight": None}, "flight", "got `null`"),
        ({"at": "2013-01-01"}, "at", "not a time"),
        ({"dely": 1}, "dely", "Did you mean 'delay'?"),
    ],
)
def test_values_are_checked(values: dict[str, object], field: str, reason: str) -> None:
    """The constructor is a door like any other."""
    with pytest.raises(EventError) as caught:
        flown(**values)
    assert caught.value.field == field
    assert reason in caught.value.message


def test_times_are_of_their_class() -> None:
    """The event time is an `EventTime`, another instant a `Time`, whatever was given."""
    event = flown(at="2013-01-01T00:00:00Z", planned=fr.Time(7))

    assert (type(event.at), event.at) == (fr.EventTime, fr.EventTime("2013-01-01T00:00:00Z"))
    assert (type(event.planned), event.planned) == (fr.Time, fr.Time(7))
