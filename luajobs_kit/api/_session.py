"""Session: a workspace as this package's objects need it, and which one is the current."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from luajobs_kit.port import Port

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[Concatenate[Port, P], Awaitable[R]]
"""A method of ``Port``, such as ``Port.get_job``."""


class Session(Protocol):
    """What jobs, users, data and tools need of their workspace; ``Workspace`` is one."""

    def now(self) -> datetime:
        """Return the time by the workspace's clock, aware, in UTC."""
        ...

    async def ask(self, verb: Verb[P, R], /, *arguments: P.args, **options: P.kwargs) -> R:
        """Ask the engine a verb of its port, as ``ask(Port.get_job, job_id)``; return the answer."""
        ...

    def offered(self, name: str, /) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
        """Return what calls a tool that this process offers. Raises ``ToolUnavailable``."""
        ...


_current: ContextVar[Session | None] = ContextVar("luajobs_workspace", default=None)
_own: list[Session] = []  # the process's: the last one opened, else one made at its first use
_factories: list[Callable[[], Session]] = []


def make_own_by(factory: Callable[[], Session]) -> None:
    """Register what makes the process's own workspace at its first use.

    That is ``Workspace``, which is built of this module and so cannot be imported here.
    """
    _factories[:] = [factory]


def current_session() -> Session:
    """Return the workspace of the block around, else this process's own.

    That is the one last opened by ``Workspace.open``. Otherwise it is found once, at its first
    use: ``LUAJOBS_HOME``, else the nearest ``.luajobs`` folder walking up from the working
    directory, else one made there.
    """
    entered = _current.get()
    if entered is not None:
        return entered
    if not _own:
        _own.append(_factories[0]())
    return _own[-1]


def adopt(session: Session) -> None:
    """Make this the process's own workspace, in every task and cell."""
    disown(session)
    _own.append(session)


def disown(session: Session) -> None:
    """Go back to the one that was the process's own before; nothing happens if it was not."""
    _own[:] = [one for one in _own if one is not session]


def enter(session: Session) -> Token[Session | None]:
    """Make this the current workspace, until ``leave`` is given the token."""
    return _current.set(session)


def leave(token: Token[Session | None]) -> None:
    """Make the workspace current again that was before ``enter``."""
    _current.reset(token)


@contextmanager
def entered(session: Session) -> Iterator[None]:
    """Make this the current workspace inside the block."""
    token = enter(session)
    try:
        yield
    finally:
        leave(token)


class Bound:
    """A namespace of one workspace, or (with None) of the current one at each call."""

    def __init__(self, session: Session | None = None) -> None:
        self._bound = session

    @property
    def _session(self) -> Session:
        return self._bound if self._bound is not None else current_session()

    def __repr__(self) -> str:
        name = type(self).__name__
        return (
            f"<{name} of {self._bound!r}>" if self._bound else f"<{name} of the current workspace>"
        )
