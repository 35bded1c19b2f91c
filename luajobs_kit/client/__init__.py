"""The port over HTTP: clients find the workspace's engine, or start it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from luajobs_kit.client.find_workspace import find

if TYPE_CHECKING:
    from luajobs_kit.client.http_port import HttpPort


async def connect(path: Path | str | None = None) -> HttpPort:
    """Return a port to the workspace's engine, which is started if none runs.

    ``path`` is read as ``find_workspace.find`` does. Raises ``EngineUnavailable`` with the
    engine's last words, ``WorkspaceError`` for a folder that cannot be used.
    """
    from luajobs_kit.client.http_port import HttpPort  # noqa: PLC0415 - see __getattr__

    return await HttpPort.connect(find(path))


def __getattr__(name: str) -> Any:
    # The port's models are a third of a command's time, and listing jobs needs none of them.
    if name == "HttpPort":
        from luajobs_kit.client.http_port import HttpPort  # noqa: PLC0415 - likewise

        return HttpPort
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["HttpPort", "connect"]
