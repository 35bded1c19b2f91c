"""The port over HTTP: clients find the workspace's engine, or start it."""

from __future__ import annotations

from pathlib import Path

from luajobs_kit.client.http_port import HttpPort
from luajobs_kit.client.workspace import find


async def connect(path: Path | str | None = None) -> HttpPort:
    """Return a port to the workspace's engine, which is started if none runs.

    ``path`` is read as ``workspace.find`` does. Raises ``EngineUnavailable`` with the
    engine's last words, ``WorkspaceError`` for a folder that cannot be used.
    """
    return await HttpPort.connect(find(path))


__all__ = ["HttpPort", "connect"]
