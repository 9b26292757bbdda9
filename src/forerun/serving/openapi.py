"""The OpenAPI description, made from the app's declarations and the very routes that answer."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from forerun.events.fields import FieldSpec
from forerun.events.types import TypeName
from forerun.serving.declared import Declared
from forerun.serving.route import Route
from forerun.serving.schema import key_fields

Schema: TypeAlias = dict[str, object]

_TYPES: dict[TypeName, Schema] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "duration": {"type": "integer", "format": "int64"},
}
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": ["string", "null"]},
                "id": {"type": "string"},
            },
        }
    },
}


def document(app: Declared, routes: Iterable[Route]) -> dict[str, Any]:
    """Describe every route.

    Args:
        app: The declarations.
        routes: All there is.

    Returns:
        An OpenAPI 3.1 document.

    >>> from forerun.runtime.app import App
    >>> document(App("shop"), [])["info"]["title"]
    'shop'
    """
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(app, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": app.name, "version": app.version[:12]},
        "paths": paths,
        "components": {
            "schemas": {
                "Error": _ERROR,
                **{stream.name: _object(stream.fields) for stream in app.streams.values()},
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(app: Declared, route: Route) -> Schema:
    operation: Schema = {
        "summary": route.summary,
        "responses": {
            "200": {"description": "The answer."},
            "default": {
                "description": "What is wrong, and with which field.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if route.permission is not None:
        operation["security"] = [{"bearer": []}, {"header": []}]
        operation["x-permission"] = str(route.permission)
    name = route.path.split("/")[3] if route.path.count("/") > 2 else ""
    match route.template, route.method:
        case "/v1/models/{model}/predict", _:
            stream = app.models[name].on
            operation["requestBody"] = _body(
                {"inputs": _object(stream.fields, optional=stream.time)}, ["inputs"]
            )
        case "/v1/features/{view}", "GET":
            operation["parameters"] = [
                *({"name": f.name, "in": "query", "required": True, "schema": _TYPES[f.type]}
                  for f in _key(app, name)),
                {"name": "at", "in": "query", "required": False, "schema": _TYPES["time"]},
            ]  # fmt: skip
        case "/v1/features/{view}", _:
            properties = {"key": _object(_key(app, name)), "at": _TYPES["time"]}
            operation["requestBody"] = _body(properties, ["key"])
        case "/v1/events/{stream}", _:
            reference = {"schema": {"$ref": f"#/components/schemas/{name}"}}
            content = {media_type.decode(): reference for media_type in route.media_types}
            operation["requestBody"] = {"required": True, "content": content}
    return operation


def _key(app: Declared, view: str) -> list[FieldSpec]:
    return key_fields(app.views[view].stream, app.views[view].by)


def _object(fields: Iterable[FieldSpec], *, optional: str | None = None) -> Schema:
    fields = list(fields)
    required = [field.name for field in fields if not field.nullable and field.name != optional]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {field.name: _type(field) for field in fields},
    }


def _type(field: FieldSpec) -> Schema:
    schema = _TYPES[field.type]
    return {**schema, "type": [schema["type"], "null"]} if field.nullable else schema


def _body(properties: Mapping[str, object], required: list[str]) -> Schema:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}
