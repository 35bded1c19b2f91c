"""Lua's own routes, so that the real ``lua`` command and the ``lua-cli`` package work here."""

from __future__ import annotations

from starlette.routing import Route

from luajobs_kit.port import Port
from luajobs_kit.server.lua import agent_versions, data, jobs, logs, users


def routes(port: Port) -> list[Route]:
    """Return every route of Lua's that this kit answers."""
    return [
        *agent_versions.routes(port),
        *jobs.routes(port),
        *logs.routes(port),
        *users.routes(port),
        *data.routes(port),
    ]
