"""``/developer/agents/{agentId}/logs``: Lua's route for logs."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogLine, LogQuery
from luajobs_kit.port import Port
from luajobs_kit.server.lua.request_parameters import check_agent, number, pages
from luajobs_kit.server.responses import success

LEVELS: Final = ("debug", "info", "warn", "error")


def routes(port: Port) -> list[Route]:
    """Return the route for logs."""

    async def logs(request: Request) -> Response:
        await check_agent(port, request)
        asked = request.query_params
        level = asked.get("logType") or None
        if level is not None and level not in LEVELS:
            raise InvalidInput(f"logType must be one of {', '.join(LEVELS)}.", field="logType")
        source = asked.get("logSource", "all")
        page = await port.logs(
            LogQuery.model_validate(
                {
                    "source": None if source == "all" else source,
                    "job_id": asked.get("primitiveId"),
                    "name": asked.get("primitiveName"),
                    "tool_name": asked.get("toolName"),
                    "user_id": asked.get("userId"),
                    "level": level,
                    "limit": number(request, "limit", 20),
                    "page": number(request, "page", 1),
                }
            )
        )
        return success(
            {
                "logs": [_shown(line) for line in page.logs],
                "pagination": pages(page.pagination.to_json()),
            }
        )

    return [Route("/developer/agents/{agent}/logs", logs, methods=["GET"])]


def _shown(line: LogLine) -> dict[str, Any]:
    return {"id": line.id} | line.to_json()
