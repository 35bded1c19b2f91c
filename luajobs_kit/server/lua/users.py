"""``/developer/user`` and the messages to users: Lua's routes for people."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit.errors import NotFound
from luajobs_kit.port import Port
from luajobs_kit.server.kit_routes import idempotency_key
from luajobs_kit.server.lua.request_parameters import check_agent, read_patch
from luajobs_kit.server.responses import many, read_object, success

DATA: Final = "/developer/user/data/agent/{agent}"


def routes(port: Port) -> list[Route]:
    """Return the routes for users, their data and their messages."""
    return [*_kept(port), *_reached(port)]


def _kept(port: Port) -> list[Route]:
    """Return the routes for what is kept about a user."""

    async def shown(who: dict[str, Any]) -> dict[str, Any]:
        user: dict[str, dict[str, Any]] = await port.call("user.get", who)
        return user["data"] | {"_luaProfile": user["profile"]}

    async def get(request: Request) -> Response:
        await check_agent(port, request)
        return success(await shown(_who(request)))

    async def update(request: Request) -> Response:
        await check_agent(port, request)
        who = _who(request)
        body = await read_object(request)
        body.pop("_luaProfile", None)  # read-only, and the client sends back what it was given
        await port.call("user.update", who | {"data": body})
        return success(await shown(who))

    async def patch(request: Request) -> Response:
        await check_agent(port, request)
        who = _who(request)
        body = await read_object(request)
        changes = read_patch(body, "set", "unset")
        await port.call("user.patch", who | {"data": changes.set, "unset": changes.unset})
        return success(await shown(who))

    async def clear(request: Request) -> Response:
        await check_agent(port, request)
        await port.call("user.clear", _who(request))
        return success({"success": True})

    answered = {"GET": get, "PUT": update, "PATCH": patch, "DELETE": clear}
    return [
        Route(path, endpoint, methods=[method])
        for path in (DATA, DATA + "/user/{user}")
        for method, endpoint in answered.items()
    ]


def _reached(port: Port) -> list[Route]:
    """Return the routes for finding a user and for messages."""

    async def by_address(request: Request) -> Response:
        kind, address = request.path_params["kind"], request.path_params["address"]
        if kind not in {"email", "phone"}:
            raise NotFound(f"Users are looked up by email or phone, not by {kind[:40]!r}.")
        user = await port.call("user.get", {kind: address})
        if user is None:
            raise NotFound(f"User not found: nobody has the {kind} {address!r}.")
        return success({"id": user["id"]} | user["profile"])

    async def send(request: Request) -> Response:
        await check_agent(port, request)
        messages = (await read_object(request)).get("messages")
        kept = await port.call("user.send", {"messages": messages}, key=idempotency_key(request))
        return await many(kept)

    async def history(request: Request) -> Response:
        await check_agent(port, request)
        user = request.query_params.get("userId")
        kept = await port.call("user.history", {} if user is None else {"id": user})
        return await many(kept[::-1])  # a conversation is read from its beginning

    return [
        Route("/developer/user/profile/{kind}/{address}", by_address, methods=["GET"]),
        Route("/admin/agents/{agent}/conversations/me", send, methods=["POST"]),
        Route("/chat/history/{agent}", history, methods=["GET"]),
    ]


def _who(request: Request) -> dict[str, Any]:
    user = request.path_params.get("user")
    return {} if user is None else {"id": user}
