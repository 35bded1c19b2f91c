"""The start of the monitor on a workspace's folder."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from luajobs_kit.client import connect, find_workspace
from luajobs_kit.errors import UnsupportedPlatform
from luajobs_tui.app import MonitorApp


def run(folder: Path | None = None) -> None:
    """Show the jobs of a workspace until the reader quits; its engine is started if none runs.

    ``folder`` is the workspace's; None finds it as every face does. Raises
    ``WorkspaceError`` or ``EngineUnavailable`` before the screen is taken, and
    ``UnsupportedPlatform`` where there is no terminal.
    """
    # Textual draws on stderr. textual-serve shows it in a browser: then a driver is named,
    # and pipes are right.
    if not (sys.stdin.isatty() and sys.stderr.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise UnsupportedPlatform(
            "The monitor needs a terminal; `luajobs jobs list` and `luajobs logs` do not."
        )
    asyncio.run(_run(folder))


async def _run(folder: Path | None) -> None:
    found = find_workspace.find(folder)
    port = await connect(found)
    try:
        await MonitorApp(port, workspace_label=str(found)).run_async()
    finally:
        await port.aclose()
