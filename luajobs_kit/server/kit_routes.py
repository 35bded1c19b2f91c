"""The kit's own routes: one for each verb of the port, and the two that stream."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit import http_protocol, port_schema
from luajobs_kit._version import __version__
from luajobs_kit.errors import InvalidInput, NotAllowed
from luajobs_kit.port import Port, ToolOffer
from luajobs_kit.server.event_broadcast import Broadcast, message
from luajobs_kit.server.responses import HttpRefusal, answer, documents, many, read_body, success
from luajobs_kit.server.sse import EventStream, left

MAX_KEY: Final = 200  # characters of an idempotency key
MAX_WAIT: Final = 600.0  # seconds an answer may be waited for
GIVEN_UP: Final = frozenset({"simulate"})
"""Verbs that change nothing, and may take minutes of work: they end when nobody waits for the answer."""
TRANSFERS: Final = frozenset({"export_workspace", "import_workspace"})


def routes(
    port: Port, broadcast: Broadcast, identify: Callable[[], Awaitable[str | None]] | None = None
) -> list[Route]:
    """Return the routes under ``/kit/v1``.

    ``identify`` returns the id by which clients know the engine of their folder. Raises
    ``WorkspaceGone`` where it owns the folder no more.
    """

    async def hello(_: Request) -> Response:
        id_ = None if identify is None else await identify()
        return success({"luajobs": __version__, "cursor": broadcast.cursor, "id": id_})

    async def ask(request: Request) -> Response:
        verb = port_schema.verb(request.url.path.rpartition("/")[2])
        arguments = verb.read_request(await read_body(request))
        if verb.name == "wait_execution":
            arguments["timeout"] = min(arguments.get("timeout", 30.0), MAX_WAIT)
        if verb.name in TRANSFERS and arguments.get("file") and not _is_here(request):
            raise NotAllowed(
                "The engine reads and writes files for clients on its own machine only; from "
                "here an export can be had as JSON."
            )
        if verb.keyed:
            arguments["key"] = idempotency_key(request)
        asked = getattr(port, verb.name)(**arguments)
        found = await (_while_wanted(request, asked) if verb.name in GIVEN_UP else asked)
        if verb.name == "call":
            return await many(found)
        return answer(await documents(found) or verb.write_answer(found))

    async def events(request: Request) -> EventStream:
        after = request.query_params.get("after") or request.headers.get("last-event-id")
        return EventStream(broadcast.follow(after))

    async def offer(request: Request) -> EventStream:
        arguments = port_schema.verb("offer").read_request(await read_body(request))
        return EventStream(_calls(port, arguments["tools"]))

    return [
        Route(f"{http_protocol.PREFIX}/hello", hello, methods=["GET"]),
        Route(f"{http_protocol.PREFIX}/events", events, methods=["GET"]),
        Route(f"{http_protocol.PREFIX}/offer", offer, methods=["POST"]),
        *(
            Route(f"{http_protocol.PREFIX}/{name}", ask, methods=["POST"])
            for name in port_schema.VERBS
        ),
    ]


async def _while_wanted(request: Request, asked: Coroutine[Any, Any, Any]) -> Any:
    """Return what was asked for. Raises ``HttpRefusal``, which nobody hears, when the client leaves."""
    working = asyncio.create_task(asked)
    leaving = asyncio.create_task(left(request.receive))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HttpRefusal(400, "The client left before it was answered.")
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.wait([working, leaving])


def idempotency_key(request: Request) -> str | None:
    """Return the request's key. Raises ``InvalidInput`` for one that is too long."""
    key = request.headers.get(http_protocol.KEY_HEADER)
    if key is not None and len(key) > MAX_KEY:
        raise InvalidInput(f"{http_protocol.KEY_HEADER} may have {MAX_KEY} characters.")
    return key or None


def _is_here(request: Request) -> bool:
    """Whether the client runs on this machine."""
    if request.client is None:
        return False
    far_end = ipaddress.ip_address(request.client.host)
    return far_end.is_loopback or request.client.host == request.scope["server"][0]


async def _calls(port: Port, tools: list[ToolOffer]) -> AsyncIterator[bytes]:
    kind: Any = port_schema.verb("offer").answer
    calls = port.offer(tools)
    yield message("offered", "{}")
    async for call in calls:
        yield message("call", kind.dump_json(call, by_alias=True, exclude_none=True).decode())
    yield message("end", "{}")
