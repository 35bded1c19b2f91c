"""The ASGI application: the routes behind authentication."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.port import Port
from luajobs_kit.server import kit_routes, lua, openapi
from luajobs_kit.server.auth import Authentication
from luajobs_kit.server.event_broadcast import Broadcast
from luajobs_kit.server.responses import FAILED, HttpRefusal, failure


def make_app(
    port: Port,
    broadcast: Broadcast,
    *,
    token: str,
    hosts: Iterable[str],
    identify: Callable[[], Awaitable[str | None]] | None = None,
) -> Authentication:
    """Return the ASGI application that answers for ``port``.

    ``hosts`` are the values of the Host header that are ours, such as ``127.0.0.1:8080``.
    ``identify`` returns the id in the lock file of the folder, by which clients know their engine.
    """
    app = Starlette(
        routes=[
            *kit_routes.routes(port, broadcast, identify),
            *lua.routes(port),
            *openapi.routes(),
        ],
        exception_handlers={
            LuaJobsError: _error_response,
            HTTPException: _no_route,
            OverflowError: _too_large,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False  # a path of ours is written in one way
    return Authentication(app, token=token, hosts=hosts)


async def _error_response(_: Request, error: Exception) -> Response:
    assert isinstance(error, LuaJobsError)
    return failure(error)


async def _too_large(_: Request, error: Exception) -> Response:
    return failure(InvalidInput(f"A number is larger than what can be counted here: {error}."))


async def _failed(_: Request, __: Exception) -> Response:
    # Told without its details, which may hold a secret; Starlette raises it on to ``Authentication``.
    return failure(LuaJobsError(FAILED))


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(
        HttpRefusal(
            error.status_code, f"{request.method} {request.url.path[:200]} is no route here."
        )
    )
