"""luajobs_kit: a function in a cell becomes a scheduled, isolated, watchable job.

Every public name is here, and loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luajobs_kit._version import __version__ as __version__

if TYPE_CHECKING:
    from luajobs_kit.acting_user import acting_as as acting_as
    from luajobs_kit.acting_user import acting_user as acting_user
    from luajobs_kit.api.agent.agents import LuaAgent as LuaAgent
    from luajobs_kit.api.agent.agents import LuaJob as LuaJob
    from luajobs_kit.api.agent.agents import LuaSkill as LuaSkill
    from luajobs_kit.api.agent.agents import lua_job as lua_job
    from luajobs_kit.api.agent.tools import LuaTool as LuaTool
    from luajobs_kit.api.agent.tools import lua_tool as lua_tool
    from luajobs_kit.api.data.users import UserInstance as UserInstance
    from luajobs_kit.api.env_and_http import env as env
    from luajobs_kit.api.env_and_http import http as http
    from luajobs_kit.api.jobs.execution import JobExecution as JobExecution
    from luajobs_kit.api.jobs.job import JobInstance as JobInstance
    from luajobs_kit.api.namespaces import Data as Data
    from luajobs_kit.api.namespaces import Jobs as Jobs
    from luajobs_kit.api.namespaces import Products as Products
    from luajobs_kit.api.namespaces import User as User
    from luajobs_kit.api.namespaces import tools as tools
    from luajobs_kit.api.run_isolated import Sandbox as Sandbox
    from luajobs_kit.api.run_isolated import run_isolated as run_isolated
    from luajobs_kit.api.workspace import Workspace as Workspace
    from luajobs_kit.clock import VirtualClock as VirtualClock
    from luajobs_kit.errors import Conflict as Conflict
    from luajobs_kit.errors import ConnectFailed as ConnectFailed
    from luajobs_kit.errors import EngineFrozen as EngineFrozen
    from luajobs_kit.errors import EngineStopped as EngineStopped
    from luajobs_kit.errors import EngineUnavailable as EngineUnavailable
    from luajobs_kit.errors import HttpError as HttpError
    from luajobs_kit.errors import InvalidInput as InvalidInput
    from luajobs_kit.errors import LuaJobsError as LuaJobsError
    from luajobs_kit.errors import NotAllowed as NotAllowed
    from luajobs_kit.errors import NotFound as NotFound
    from luajobs_kit.errors import NotSelfContained as NotSelfContained
    from luajobs_kit.errors import PolicyViolation as PolicyViolation
    from luajobs_kit.errors import SandboxError as SandboxError
    from luajobs_kit.errors import StorageFull as StorageFull
    from luajobs_kit.errors import TimedOut as TimedOut
    from luajobs_kit.errors import ToolError as ToolError
    from luajobs_kit.errors import ToolUnavailable as ToolUnavailable
    from luajobs_kit.errors import UnsupportedPlatform as UnsupportedPlatform
    from luajobs_kit.errors import VersionMismatch as VersionMismatch
    from luajobs_kit.errors import WorkspaceError as WorkspaceError
    from luajobs_kit.errors import WorkspaceGone as WorkspaceGone
    from luajobs_kit.errors import WorkspaceLocked as WorkspaceLocked
    from luajobs_kit.timing.builders import cron as cron
    from luajobs_kit.timing.builders import every as every
    from luajobs_kit.timing.builders import once as once
    from luajobs_kit.timing.description import describe as describe
    from luajobs_kit.timing.dst_notes import marked_fires as marked_fires
    from luajobs_kit.timing.fire_preview import preview as preview
    from luajobs_kit.widgets import JobsPanel as JobsPanel

_HOMES = {
    "acting_user": ["acting_as", "acting_user"],
    "api.agent.agents": ["LuaAgent", "LuaJob", "LuaSkill", "lua_job"],
    "api.jobs.execution": ["JobExecution"],
    "api.agent.tools": ["LuaTool", "lua_tool"],
    "api.run_isolated": ["Sandbox", "run_isolated"],
    "api.jobs.job": ["JobInstance"],
    "api.namespaces": ["Data", "Jobs", "Products", "User", "tools"],
    "api.data.users": ["UserInstance"],
    "api.env_and_http": ["env", "http"],
    "api.workspace": ["Workspace"],
    "clock": ["VirtualClock"],
    "errors": [
        "Conflict",
        "ConnectFailed",
        "EngineFrozen",
        "EngineStopped",
        "EngineUnavailable",
        "HttpError",
        "InvalidInput",
        "LuaJobsError",
        "NotAllowed",
        "NotFound",
        "NotSelfContained",
        "PolicyViolation",
        "SandboxError",
        "StorageFull",
        "TimedOut",
        "ToolError",
        "ToolUnavailable",
        "UnsupportedPlatform",
        "VersionMismatch",
        "WorkspaceError",
        "WorkspaceGone",
        "WorkspaceLocked",
    ],
    "timing.builders": ["cron", "every", "once"],
    "timing.description": ["describe"],
    "timing.dst_notes": ["marked_fires"],
    "timing.fire_preview": ["preview"],
    "widgets": ["JobsPanel"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# `%load_ext luajobs_kit` asks for these; they are no part of what people import.
_FOR_IPYTHON = {"load_ipython_extension": "magics", "unload_ipython_extension": "magics"}


def _public() -> list[str]:
    """Return the public names; the panel is one where what it is made of is installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - only `import *` and dir() ask

    bare = find_spec("ipywidgets") is None or find_spec("anywidget") is None
    return [*sorted(_HOME_OF.keys() - ({"JobsPanel"} if bare else set())), "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public()
    home = _HOME_OF.get(name) or _FOR_IPYTHON.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
