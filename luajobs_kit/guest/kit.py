"""The kit's own names inside: what ``from luajobs_kit import …`` finds, and the job itself."""

from __future__ import annotations

from typing import Any, Final

from luajobs_kit import errors
from luajobs_kit.guest.api.data import Data, Products
from luajobs_kit.guest.api.env_http_tools import Http, Tools, env
from luajobs_kit.guest.api.jobs import JobInstance, Jobs
from luajobs_kit.guest.api.records import Entry, Fixed, Product, Snapshot
from luajobs_kit.guest.api.schedules import cron, every, once
from luajobs_kit.guest.api.users import Profile, User, UserInstance
from luajobs_kit.guest.guards.sealed import make
from luajobs_kit.guest.guards.write import OPEN
from luajobs_kit.guest.runtime.run import Run

EVERYWHERE: Final = ("Jobs", "User", "Data", "Products", "env", "http", "tools")
"""Names that need no import."""

_ERRORS: Final = [
    "Conflict",
    "InvalidInput",
    "LuaJobsError",
    "NotAllowed",
    "NotFound",
    "PowerUnavailable",
    "ToolError",
]

# Their fields are attributes; what is not kept says so when it is set.
OPEN.update({UserInstance, Entry, Product, JobInstance, Fixed, Snapshot, Profile})


NAMES: Final[dict[str, Any]] = {
    "Jobs": Jobs,
    "JobInstance": JobInstance,
    "User": User,
    "Data": Data,
    "Products": Products,
    "env": env,
    "http": make(Http),
    "tools": make(Tools),
    "once": once,
    "every": every,
    "cron": cron,
    **{name: getattr(errors, name) for name in _ERRORS},
}
"""Every name of the kit, the same in every run."""


def job_for(run: Run) -> JobInstance:
    """Return the argument of the entry function."""
    context = run.context
    return make(JobInstance, context.get("job") or {}, context.get("execution") or {})
