"""Which workspace the module-level names (``Jobs``, ``User`` …) speak to."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luajobs_kit.api.workspace import Workspace

_current: ContextVar[Workspace | None] = ContextVar("luajobs_workspace", default=None)
_own: list[Workspace] = []  # the process's: the last one opened, else one made at its first use


def current_workspace() -> Workspace:
    """Return the workspace of the block around, else this process's own.

    That is the one last opened by ``Workspace.open``. Otherwise it is found once, at its first use: ``LUAJOBS_HOME``, else the nearest
    ``.luajobs`` folder walking up from the working directory, else one made there.
    """
    entered = _current.get()
    if entered is not None:
        return entered
    if not _own:
        from luajobs_kit.api.workspace import Workspace  # noqa: PLC0415 - the two need each other

        _own.append(Workspace())
    return _own[-1]


def adopt(workspace: Workspace) -> None:
    """Make this the process's own workspace, in every task and cell."""
    disown(workspace)
    _own.append(workspace)


def disown(workspace: Workspace) -> None:
    """Go back to the one that was the process's own before; nothing happens if it was not."""
    _own[:] = [one for one in _own if one is not workspace]


def enter(workspace: Workspace) -> Token[Workspace | None]:
    return _current.set(workspace)


def leave(token: Token[Workspace | None]) -> None:
    _current.reset(token)


class Bound:
    """What speaks to one workspace, or (with None) to the current one at each call."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        self._bound = workspace

    @property
    def _workspace(self) -> Workspace:
        return self._bound if self._bound is not None else current_workspace()

    def __repr__(self) -> str:
        name = type(self).__name__
        return (
            f"<{name} of {self._bound!r}>" if self._bound else f"<{name} of the current workspace>"
        )
