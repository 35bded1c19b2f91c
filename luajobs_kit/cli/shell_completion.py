"""Completion in a shell: the names of jobs, where an engine runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luajobs_kit.client import discover
from luajobs_kit.client.find_workspace import find
from luajobs_kit.client.session import EngineSession
from luajobs_kit.errors import LuaJobsError

if TYPE_CHECKING:
    import click


def complete_jobs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the names that begin like this; none rather than a word that is no name."""
    given = ctx.find_root().params.get("workspace")
    try:
        jobs = asyncio.run(_jobs(Path(given) if given else None))
    except LuaJobsError:
        return []
    return sorted({job["name"] for job in jobs if job["name"].startswith(incomplete)})


async def _jobs(given: Path | None) -> list[dict[str, Any]]:
    folder = find(given, make=False)
    address = await discover.find(folder)
    if address is None:
        return []  # a TAB starts no engine
    session = EngineSession(folder, address, discover.PATIENCE)
    try:
        found: list[dict[str, Any]] = await session.ask_json("list_jobs", includeDynamic=True)
    finally:
        session.close()
    return found
