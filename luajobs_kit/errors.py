"""One exception root for the whole kit.

Every message says what was wrong, where in the user's own code or input, and what
to do about it. ``code`` names the class on the wire, so an error raised in the engine
is raised again as the same class in whichever process asked (see ``rebuild``).
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, ClassVar


class LuaJobsError(Exception):
    """The root of every error this kit raises on purpose.

    ``details`` is plain JSON for programs (a field's path, a line number, names that
    were close); the message alone must be enough for a person.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in a cell: the caller's own lines; ``%tb`` shows them all."""
        tb = own_lines(self.__traceback__) or self.__traceback__
        shell = sys.modules["IPython"].get_ipython()
        lines: list[str] = shell.InteractiveTB.structured_traceback(type(self), self, tb)
        return lines


class InvalidInput(LuaJobsError, ValueError):
    """A value that was given cannot be used; nothing was changed or stored."""

    code = "invalid_input"


class NotSelfContained(InvalidInput):
    """A job's function uses something that will not exist where it runs."""

    code = "not_self_contained"


class PolicyViolation(InvalidInput):
    """A job's source uses what the sandbox's policy refuses; each line is named."""

    code = "policy_violation"


class NotFound(LuaJobsError, LookupError):
    """No job, version, execution, user or entry answers to that name or id."""

    code = "not_found"


class Conflict(LuaJobsError):
    """What was asked for collides with what is there (a taken name, several matches)."""

    code = "conflict"


class NotAllowed(LuaJobsError):
    """The caller may not do this (a job reaching past its own user, a refused host)."""

    code = "not_allowed"


class WorkspaceError(LuaJobsError):
    """The workspace's folder cannot be used: not ours, not writable, damaged, newer."""

    code = "workspace"


class WorkspaceLocked(WorkspaceError):
    """Another engine owns this workspace; the message says which."""

    code = "workspace_locked"


class WorkspaceGone(WorkspaceError):
    """The folder that the engine owned no longer stands at its path; it keeps nothing more."""

    code = "workspace_gone"


class StorageFull(WorkspaceError):
    """The disk had no room; nothing acknowledged was lost, and trying again is safe."""

    code = "storage_full"


class EngineUnavailable(LuaJobsError):
    """No engine answers and none could be started; its last words are in the message."""

    code = "engine_unavailable"


class EngineStopped(EngineUnavailable):
    """The engine left on purpose, and who only watches does not start it again."""

    code = "engine_stopped"


class EngineFrozen(EngineUnavailable):
    """The engine's process is there and was stopped (SIGSTOP, Ctrl-Z, a debugger): it goes on if let."""

    code = "engine_frozen"


class VersionMismatch(LuaJobsError):
    """Client and engine are of different versions of the kit."""

    code = "version_mismatch"


class UnsupportedPlatform(LuaJobsError):
    """This operating system cannot do what was asked; the message names what can."""

    code = "unsupported_platform"


class SandboxError(LuaJobsError):
    """The sandbox itself failed (not the code in it)."""

    code = "sandbox"


class HttpError(LuaJobsError):
    """A request to the web got no answer, or was answered by an error (``raise_for_status``).

    ``kind`` says which: ``NotAllowed``, ``ConnectFailed``, ``TimedOut``, ``BadStatus`` (then
    ``response`` is the answer), or ``Failed`` for the rest, such as an answer that is too large.
    """

    code = "http"
    kind = "Failed"
    response: Any = None


class ConnectFailed(HttpError):
    """No connection to the host: it has no address, or nothing answers there."""

    code = "connect_failed"
    kind = "ConnectFailed"


class TimedOut(HttpError):
    """The host did not answer in time."""

    code = "timed_out"
    kind = "TimedOut"


class HostNotAllowed(NotAllowed, HttpError):
    """A job asked for a host that the workspace does not let it reach."""

    code = "host_not_allowed"
    kind = "NotAllowed"


HostNotAllowed.__name__ = "NotAllowed"  # shown by the name that people know and catch


class ToolUnavailable(LuaJobsError):
    """Nobody offers the tool that job code asked for."""

    code = "tool_unavailable"


class ToolError(LuaJobsError):
    """A tool refused its input or raised; the message names the tool and the field."""

    code = "tool"


def own_lines(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames inside this kit."""
    if trace is None:
        return None
    rest = own_lines(trace.tb_next)
    module = trace.tb_frame.f_globals.get("__name__") or ""
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _subclasses(root: type[LuaJobsError]) -> dict[str, type[LuaJobsError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _subclasses(child)
    return found


def rebuild(code: str, message: str, details: dict[str, Any] | None = None) -> LuaJobsError:
    """Return the error that ``code`` names; an unknown code gives the root class."""
    kind = _subclasses(LuaJobsError).get(code, LuaJobsError)
    return kind(message, **(details or {}))
