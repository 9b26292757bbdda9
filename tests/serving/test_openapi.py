"""The description is made from the declarations and the routes, so it cannot lag behind either."""

from typing import Any

import pytest
from tests.serving.client import GOOD, Caller


@pytest.fixture
def described(caller: Caller) -> dict[str, Any]:
    """The description, as served."""
    reply = caller.send("GET", "/openapi.json")
    assert reply.status == 200
    return dict(reply.json)


def test_every_route_is_described_and_nothing_else(caller: Caller, described: dict[str, Any]) -> None:
    """Paths and methods are those that answer."""
    routes = {(route.path, route.method.lower()) for route in caller.endpoint.routes}
    found = {(path, method) for path, item in described["paths"].items() for method in item}
    assert found == routes


def test_every_route_that_needs_a_key_says_so(caller: Caller, described: dict[str, Any]) -> None:
    """Security in the description is the routes' own."""
    for route in caller.endpoint.routes:
        operation = described["paths"][route.path][route.method.lower()]
        assert operation.get("x-permission") == route.permission
        assert ("security" in operation) == (route.permission is not None)


def test_a_request_is_described_by_the_stream(described: dict[str, Any]) -> None:
    """Required are the fields that are not nullable, but for the time; unknown ones are excluded."""
    operation = described["paths"]["/v1/models/WillReturn/predict"]["post"]
    inputs = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["inputs"]
    assert set(inputs["required"]) == set(GOOD) - {"at"}
    assert inputs["additionalProperties"] is False
    assert inputs["properties"]["count"] == {"type": "integer", "format": "int64"}
    assert inputs["properties"]["discount"] == {"type": ["number", "null"], "format": "double"}


def test_a_key_is_described_by_the_view(described: dict[str, Any]) -> None:
    """Each part of the key is a required parameter of its type; the time is optional."""
    parameters = described["paths"]["/v1/features/ShelfNow"]["get"]["parameters"]
    assert [(p["name"], p["required"], p["schema"]["type"]) for p in parameters] == [
        ("shelf", True, "integer"),
        ("order", True, "string"),
        ("at", False, "string"),
    ]


def test_references_lead_somewhere(described: dict[str, Any]) -> None:
    """Every $ref names a schema of the document."""

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for item in node for found in references(item)] if isinstance(node, list) else []

    found = references(described)
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert found
    assert set(found) <= known
