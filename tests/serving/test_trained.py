"""A model that was trained on a stream answers over HTTP, alone and in crowds, with what it decides."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.runtime.shop import events, make, source_of
from tests.serving.sockets import WAIT_S, Wire

from forerun.runtime.engine import Engine
from forerun.security.keys import KeyRing
from forerun.serving.server import Server

PATH = "/v1/models/Refunded/predict"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Server, str]]:
    """The shop after a day of orders: a version was trained and answers."""
    folder = tmp_path_factory.mktemp("shop")
    source = source_of(events(24))
    keys = KeyRing(folder / "keys.json")
    key = keys.create("test", roles=["owner"], now_us=0)
    app = make(source=source)
    with Engine.open(app, folder / "data") as engine:
        engine.run(source)
        with Server(app, engine, keys, port=0) as server:
            yield engine, server, key


def ask(wire: Wire, **inputs: object) -> dict[str, Any]:
    """Predict for one order."""
    wire.request("POST", PATH, json.dumps({"inputs": inputs}).encode())
    status, _, content = wire.reply()
    assert status == 200, content
    return dict(content)


def test_the_answer_is_the_engine_s(served: tuple[Engine, Server, str]) -> None:
    """A score by the version the registry has, and the same score as asked in process at the same instant."""
    engine, server, key = served
    fields: dict[str, object] = {"order": "new", "at": engine.now_us(), "shop": "s4", "amount": 400.0}
    with Wire(server, key) as wire:
        got = ask(wire, **fields)
        wire.request("GET", "/v1/models")
        _, _, listed = wire.reply()
    expected = engine.predict("Refunded", fields)
    assert 0 < got["score"] < 1
    assert got["score"] == expected["score"]
    assert got["model_version"] == listed["models"][0]["version"] == expected["model_version"]
    assert got["feature_version"] == listed["models"][0]["feature_version"]
    assert got["prediction_id"] != expected["prediction_id"]
    assert got["decisions"] == expected["decisions"]


def test_a_dear_order_is_decided_on_and_a_cheap_one_is_not(served: tuple[Engine, Server, str]) -> None:
    """Rules fire on requests as they do on the stream."""
    _, server, key = served
    with Wire(server, key) as wire:
        assert ask(wire, order="a", shop="s4", amount=5000.0)["decisions"] == ["review"]
        assert ask(wire, order="b", shop="s0", amount=1.0)["decisions"] == []


def test_a_crowd_gets_each_its_own_answer(served: tuple[Engine, Server, str]) -> None:
    """Requests that share a commit share neither ids nor inputs: each score is that of its own amount."""
    engine, server, key = served
    at_us = engine.now_us()
    amounts = [float(10 + 7 * number) for number in range(96)]
    found: dict[float, dict[str, Any]] = {}

    def call(mine: list[float]) -> None:
        with Wire(server, key) as wire:
            for amount in mine:
                found[amount] = ask(wire, order=f"o-{amount}", at=at_us, shop="s1", amount=amount)

    threads = [threading.Thread(target=call, args=(amounts[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(found) == amounts
    assert len({answer["prediction_id"] for answer in found.values()}) == len(amounts)
    for amount in amounts[::16]:
        alone = engine.predict("Refunded", {"order": "again", "at": at_us, "shop": "s1", "amount": amount})
        assert found[amount]["score"] == alone["score"]


def test_an_order_before_what_is_kept_is_refused(served: tuple[Engine, Server, str]) -> None:
    """A time that the features no longer reach is 422 on the time field, not a wrong answer."""
    _, server, key = served
    with Wire(server, key) as wire:
        body = {"inputs": {"order": "old", "at": 0, "shop": "s1", "amount": 1.0}}
        wire.request("POST", PATH, json.dumps(body).encode())
        status, _, content = wire.reply()
    assert (status, content["error"]["code"], content["error"]["field"]) == (422, "too_old", "at")
