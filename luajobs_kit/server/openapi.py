"""``/openapi.json``: the kit's routes described, from the same signatures that answer them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from luajobs_kit import http_protocol, port_schema
from luajobs_kit._version import __version__

_Input = tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]

_REF: Final = "#/components/schemas/{model}"


def routes() -> list[Route]:
    """Return the route of the description, behind authentication like every other."""

    async def openapi(_: Request) -> JSONResponse:
        return JSONResponse(describe())

    return [Route("/openapi.json", openapi, methods=["GET"])]


@cache
def describe() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of ``/kit/v1``."""
    known = [port_schema.verb(name) for name in port_schema.VERBS]
    inputs: list[_Input] = [(verb.name, "validation", TypeAdapter(verb.request)) for verb in known]
    inputs += [(verb.name, "serialization", verb.answer) for verb in known]
    inputs.append(("events", "serialization", port_schema.verb("events").answer))
    schemas, definitions = TypeAdapter.json_schemas(
        inputs,
        by_alias=True,
        ref_template=_REF,
        schema_generator=GenerateJsonSchema,
    )
    paths: dict[str, Any] = {verb.path: {"post": _operation(verb, schemas)} for verb in known}
    paths[f"{http_protocol.PREFIX}/events"] = {
        "get": {
            "operationId": "events",
            "summary": port_schema.verb("events").summary,
            "parameters": [
                {"name": "after", "in": "query", "schema": {"type": "string"}, "required": False}
            ],
            "responses": {"200": _stream(schemas["events", "serialization"])} | _refusals(),
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "luajobs_kit engine",
            "version": __version__,
            "description": "The verbs of a workspace's engine. Lua's own routes stand beside them.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": definitions.get("$defs", {}),
        },
    }


def _operation(verb: port_schema.Verb, schemas: Any) -> dict[str, Any]:
    parameters = [_header(http_protocol.USER_HEADER, "The acting user's id, percent-encoded.")]
    if verb.keyed:
        parameters.append(
            _header(http_protocol.KEY_HEADER, "The same key twice does the thing once.")
        )
    answered = {
        "type": "object",
        "required": ["success", "data"],
        "properties": {
            "success": {"const": True},
            "data": schemas[verb.name, "serialization"],
        },
    }
    return {
        "operationId": verb.name,
        "summary": verb.summary,
        "parameters": parameters,
        "requestBody": {
            "required": any(one.default is one.empty for one in verb.parameters),
            "content": {"application/json": {"schema": schemas[verb.name, "validation"]}},
        },
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": answered}}}
        }
        | _refusals(),
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


def _stream(schema: Any) -> dict[str, Any]:
    return {
        "description": "Server-sent events; each 'event' message holds one of these.",
        "content": {"text/event-stream": {"schema": schema}},
    }


def _refusals() -> dict[str, Any]:
    envelope = {
        "type": "object",
        "required": ["success", "error"],
        "properties": {
            "success": {"const": False},
            "error": {
                "type": "object",
                "required": ["message", "statusCode"],
                "properties": {
                    "message": {"type": "string"},
                    "statusCode": {"type": "integer"},
                    "code": {"type": "string"},
                    "details": {"type": "object"},
                },
            },
        },
    }
    return {
        "default": {
            "description": "Refused or failed; the message says what to do.",
            "content": {"application/json": {"schema": envelope}},
        }
    }
