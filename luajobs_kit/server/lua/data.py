"""``…/custom-data`` and ``…/products``: Lua's routes for entries and products."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit.field_changes import check_index
from luajobs_kit.port import Port
from luajobs_kit.server.kit_routes import idempotency_key
from luajobs_kit.server.lua.request_parameters import (
    check_agent,
    check_keys,
    criteria,
    fraction,
    number,
    pages,
    read_patch,
)
from luajobs_kit.server.responses import many, read_object, success

AGENT: Final = "/developer/agents/{agent}"
DATA: Final = AGENT + "/custom-data"
PRODUCTS: Final = AGENT + "/products"


def routes(port: Port) -> list[Route]:
    """Return the routes for data collections and products."""
    return [*_data(port), *_entries(port), *_products(port)]


def _data(port: Port) -> list[Route]:
    async def collections(request: Request) -> Response:
        await check_agent(port, request)
        names = await port.call("data.collections", {})
        found = []
        for name in names:
            page = await port.call("data.get", {"collection": name, "limit": 1})
            found.append({"name": name, "entryCount": page["pagination"]["totalCount"]})
        return await many({"data": found, "count": len(found)})

    async def create(request: Request) -> Response:
        arguments = await _arguments(port, request, "data", "searchText", "index")
        check_index(arguments.pop("index", None))
        entry = await port.call("data.create", arguments, key=idempotency_key(request))
        return success(_entry(entry), 201)

    async def page(request: Request) -> Response:
        arguments = await _arguments(port, request)
        found = await port.call(
            "data.get",
            arguments
            | {
                "filter": criteria(request),
                "page": number(request, "page", 1),
                "limit": number(request, "limit", 10),
            },
        )
        told = {
            "data": [_entry(entry) for entry in found["data"]],
            "pagination": pages(found["pagination"]),
        }
        return await many(told)

    async def search(request: Request) -> Response:
        arguments = await _arguments(port, request)
        found = await port.call(
            "data.search",
            arguments
            | {
                "searchText": request.query_params.get("searchText", ""),
                "limit": number(request, "limit", 10),
                "scoreThreshold": fraction(request, "scoreThreshold", 0.6),
            },
        )
        return await many({"data": [_entry(entry) for entry in found]})

    return [
        Route(DATA, collections, methods=["GET"]),
        Route(DATA + "/{collection}", create, methods=["POST"]),
        Route(DATA + "/{collection}", page, methods=["GET"]),
        Route(DATA + "/{collection}/search", search, methods=["GET"]),
    ]


def _entries(port: Port) -> list[Route]:
    async def get(request: Request) -> Response:
        return success(_entry(await port.call("data.get_entry", await _arguments(port, request))))

    async def update(request: Request) -> Response:
        await port.call("data.update", await _arguments(port, request, "data", "searchText"))
        return success({"status": "success", "message": "The entry was updated."})

    async def patch(request: Request) -> Response:
        where = await _arguments(port, request)
        body = await read_object(request)
        changes = read_patch(body, "set", "unset", "searchText")
        text = {} if changes.search_text is None else {"searchText": changes.search_text}
        fields = {"data": changes.set, "unset": changes.unset}
        await port.call("data.patch", where | fields | text)
        return success({"status": "success", "message": "The entry was updated."})

    async def delete(request: Request) -> Response:
        await port.call("data.delete", await _arguments(port, request))
        return success({"status": "success", "message": "The entry was deleted."})

    one = DATA + "/{collection}/{id}"
    answered = {"GET": get, "PUT": update, "PATCH": patch, "DELETE": delete}
    return [Route(one, endpoint, methods=[method]) for method, endpoint in answered.items()]


def _products(port: Port) -> list[Route]:
    async def page(request: Request) -> Response:
        await check_agent(port, request)
        found = await port.call(
            "products.get",
            {
                "page": number(request, "page", 1),
                "limit": number(request, "limit", 10),
                "filter": criteria(request),
            },
        )
        # Lua's client reads the page beside the envelope's own fields.
        return await many(found["data"], pagination=pages(found["pagination"]))

    async def search(request: Request) -> Response:
        await check_agent(port, request)
        arguments = {
            "searchQuery": request.query_params.get("searchQuery", ""),
            "limit": number(request, "limit", 5),
        }
        return await many(await port.call("products.search", arguments), message="Found.")

    async def get(request: Request) -> Response:
        await check_agent(port, request)
        return success(await port.call("products.get_by_id", {"id": request.path_params["id"]}))

    async def create(request: Request) -> Response:
        await check_agent(port, request)
        product = await port.call(
            "products.create",
            {"product": await read_object(request)},
            key=idempotency_key(request),
        )
        return success({"updated": True, "isNew": True, "product": product}, 201)

    async def update(request: Request) -> Response:
        await check_agent(port, request)
        changes = await read_object(request)
        product = await port.call("products.update", {"id": changes.get("id"), "product": changes})
        return success({"updated": True, "isNew": False, "product": product})

    async def delete(request: Request) -> Response:
        await check_agent(port, request)
        await port.call("products.delete", {"id": request.path_params["id"]})
        return success({"deleted": True})

    return [
        Route(PRODUCTS, page, methods=["GET"]),
        Route(PRODUCTS, create, methods=["POST"]),
        Route(PRODUCTS, update, methods=["PUT"]),
        Route(PRODUCTS + "/search", search, methods=["GET"]),
        Route(PRODUCTS + "/{id}", get, methods=["GET"]),
        Route(PRODUCTS + "/{id}", delete, methods=["DELETE"]),
    ]


async def _arguments(port: Port, request: Request, *fields: str) -> dict[str, Any]:
    await check_agent(port, request)
    body = await read_object(request) if fields else {}
    check_keys(body, fields, "An entry")
    given = {field: body[field] for field in fields if body.get(field) is not None}
    where = {name: value for name, value in request.path_params.items() if name != "agent"}
    return where | given


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return Lua's entry, whose times are milliseconds since 1970."""
    return entry | {
        name: round(datetime.fromisoformat(entry[name]).timestamp() * 1000)
        for name in ("createdAt", "updatedAt")
    }
