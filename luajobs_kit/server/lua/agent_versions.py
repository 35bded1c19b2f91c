"""``/developer/agents/{agentId}/versions``: Lua's versions of a whole agent, of which there are none here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit.errors import NotFound
from luajobs_kit.port import Port
from luajobs_kit.server.lua.request_parameters import check_agent
from luajobs_kit.server.responses import success

PATH = "/developer/agents/{agent}/versions"


def routes(port: Port) -> list[Route]:
    """Return the routes for versions of the agent."""

    async def listed(request: Request) -> Response:
        await check_agent(port, request)
        return success([])

    async def refused(request: Request) -> Response:
        await check_agent(port, request)
        raise NotFound(
            "Here each job has versions of its own, and the agent as a whole has none: `luajobs jobs "
            "versions NAME` lists a job's, ws.deploy(agent) makes the next ones."
        )

    return [
        Route(PATH, listed, methods=["GET"]),
        Route(PATH, refused, methods=["POST"]),
        Route(PATH + "/{rest:path}", refused, methods=["GET", "POST", "PATCH", "DELETE"]),
    ]
