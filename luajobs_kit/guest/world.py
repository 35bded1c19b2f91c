"""Entry points of the guest: the sandbox calls them to preload, prepare, bind and drive a run."""

from __future__ import annotations

import warnings
from typing import Any, Final

from luajobs_kit import errors
from luajobs_kit.guest import imports as guest_imports
from luajobs_kit.guest import preload as preloading
from luajobs_kit.guest.api.data import Data, Products
from luajobs_kit.guest.api.env_http_tools import Env, Http, Tools
from luajobs_kit.guest.api.jobs import JobInstance, Jobs
from luajobs_kit.guest.api.records import Entry, Product, ReadOnlyMetadata, ReadOnlyRecord
from luajobs_kit.guest.api.schedules import cron, every, once
from luajobs_kit.guest.api.unkept_changes import MOST_NAMED
from luajobs_kit.guest.api.users import Profile, User, UserInstance
from luajobs_kit.guest.builtins import builtins_for
from luajobs_kit.guest.guards import ownership
from luajobs_kit.guest.guards.sealed import make
from luajobs_kit.guest.guards.write import OPEN
from luajobs_kit.guest.runtime import run
from luajobs_kit.guest.runtime.call_channel import Channel
from luajobs_kit.guest.runtime.constants_at_top import ConstantsAtTop
from luajobs_kit.guest.runtime.loop import CancelledError
from luajobs_kit.guest.runtime.run import Run
from luajobs_kit.guest.stdlib import httpx_client, requests_client
from luajobs_kit.guest.stdlib.patches import LibraryChanged


def preload() -> None:
    """Load everything that Python would load on first use: behind the walls it cannot."""
    try:
        preloading.load_lazy_parts()
    except LibraryChanged as error:
        raise SystemExit(str(error)) from None  # the message alone: a traceback would add nothing
    guest_imports.load(NAMES)
    preloading.resolve_lazy_imports()


def prepare(channel: Channel, simulated: dict[str, Any] | None = None) -> None:
    """Make everything of a run that does not depend on its context.

    The fork server calls this before it forks, so that a child writes to, and copies, fewer pages.
    """
    this = run.begin(channel, simulated)
    imports = guest_imports.Imports(this)
    this.globals = {
        "__builtins__": builtins_for(imports),
        "__name__": "job",
        **{name: NAMES[name] for name in EVERYWHERE},
    }
    ownership.begin(this.globals)


def bind(context: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Begin the run prepared: return the globals its code is executed in, its entry's argument."""
    simulated = context.get("clock")
    if simulated:
        prepare(run.current().channel, simulated)
    this = run.current()
    this.enter(context)
    return this.globals, job_for(this)


def defined() -> None:
    """Take note of what the source has defined, before its function is called."""
    this = run.current()
    this.at_top = ConstantsAtTop(this.globals)


def masked(text: str) -> str:
    """Return ``text`` without the values of settings that the run was given."""
    return run.current().masked(text)


def drive(value: Any) -> Any:
    """Return ``value``, or what it gives when it is awaited; then end what it left running."""
    this = run.current()
    show = warnings.showwarning
    warnings.showwarning = _as_log_line  # type: ignore[assignment]  # it takes the rest unnamed
    try:
        if not hasattr(type(value), "__await__"):
            return value
        try:
            return this.loop.run(value)
        except CancelledError:
            raise RuntimeError("the job cancelled itself") from None
    finally:
        this.loop.cancel_leftover_tasks()
        for failure in this.loop.unretrieved_failures():
            this.log("warn", failure)
        end()
        warnings.showwarning = show


def end() -> None:
    """Finish the log: an unfinished line, and changes that were not saved.

    ``drive`` calls it; a run that fails before ``drive`` needs it called.
    """
    this = run.current()
    this.end_line()
    this.copies.log_unsaved(this.log)
    changed = [] if this.at_top is None else this.at_top.changed()
    if changed:
        was = "was" if len(changed) == 1 else "were"
        this.log(
            "warn",
            f"{', '.join(changed[:MOST_NAMED])} {was} changed by this run, and that is lost: each run "
            "begins with what the line at the top gives. Keep it with "
            f'await job.update_metadata({{"{changed[0]}": …}}), or with Data.',
        )


def _as_log_line(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Log a warning of Python's, above all that a coroutine was never awaited."""
    text = str(message)
    if "was never awaited" in text:
        text += ": put await in front of the call"
    run.current().log("warn", f"{category.__name__}: {text}")


EVERYWHERE: Final = ("Jobs", "User", "Data", "Products", "env", "http", "tools")
"""Names that need no import."""

_ERRORS: Final = [
    "Conflict",
    "ConnectFailed",
    "HttpError",
    "InvalidInput",
    "LuaJobsError",
    "NotAllowed",
    "NotFound",
    "TimedOut",
    "ToolError",
    "ToolUnavailable",
]

# Their fields may be set as attributes; a read-only one raises an error that says so.
OPEN.update({requests_client.Session, httpx_client.Client, httpx_client.AsyncClient})
OPEN.update({UserInstance, Entry, Product, JobInstance, ReadOnlyRecord, ReadOnlyMetadata, Profile})


NAMES: Final[dict[str, Any]] = {
    "Jobs": Jobs,
    "JobInstance": JobInstance,
    "User": User,
    "Data": Data,
    "Products": Products,
    "env": make(Env),
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
