"""``JobInstance``: one job, as ``Jobs`` gives it and as job code is given it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from luajobs_kit.api._html import facts
from luajobs_kit.api._json_values import build, to_object
from luajobs_kit.api._session import Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.data.records import paged
from luajobs_kit.api.data.users import User, UserInstance
from luajobs_kit.api.jobs.execution import JobExecution, newest
from luajobs_kit.api.jobs.log_lines import LogLines
from luajobs_kit.api.jobs.options import (
    Execute,
    RetryLike,
    ScheduleLike,
    bundle_of,
    retry_of,
    schedule_of,
)
from luajobs_kit.api.jobs.version_diff import VersionDiff, diff_versions, pick
from luajobs_kit.errors import NotAllowed
from luajobs_kit.model import (
    Cancellation,
    Deletion,
    Job,
    JobVersion,
    LogQuery,
    VersionSpec,
)
from luajobs_kit.port import Port
from luajobs_kit.record import Record, metadata_refusal, update_metadata_call, wrap

if TYPE_CHECKING:
    from luajobs_kit.model import Change
else:
    Change = str  # jedi cannot take a Literal here: see execution.py


class ReadOnlyMetadata(Record):
    """A job's metadata to read: a change in place raises, and says how to store one."""

    __slots__ = ()

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise NotAllowed(metadata_refusal(*given, **named))

    __setitem__ = __delitem__ = __ior__ = __setattr__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


@awaited_as("job")
class JobInstance:
    """A job. Its properties are as of the last answer; ``refresh()`` asks again."""

    def __init__(self, data: Job, session: Session) -> None:
        self._session = session
        self._update(data)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise NotAllowed(
                f"job.{name} cannot be set, and would not be kept; keep a value with "
                f"{update_metadata_call(name, value)}"
            )
        super().__setattr__(name, value)

    # Properties

    @property
    def id(self) -> str:
        return self._data.id

    @property
    def name(self) -> str:
        return self._data.name

    @property
    def active_version(self) -> JobVersion | None:
        """The version that runs: its schedule, timeout, retry and code."""
        return self._data.active_version

    @property
    def metadata(self) -> dict[str, Any]:
        """The data passed to the job, read-only; ``update_metadata`` changes what is kept."""
        return self._data.metadata

    @property
    def data(self) -> Job:
        """Everything known of the job, all versions included."""
        return self._data

    @property
    def change(self) -> Change | None:
        """What creating it did: ``created``, ``unchanged``, ``updated`` or ``rearmed``."""
        return self._data.change

    @property
    def when(self) -> str:
        """When it fires next, in words for people, in their own time zone."""
        upcoming = self._data.next_run_at
        if upcoming is None:
            return self._data.note or "never"
        return upcoming.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")

    @property
    def last_outcome(self) -> str:
        """How its newest run ended, in words for people."""
        last = self._data.last_execution
        return "has not run" if last is None else str(JobExecution(last, self._session).outcome)

    # Lua's methods

    async def user(self) -> UserInstance:
        """Return the user whose job this is.

        Raises ``NotAllowed`` for a pre-defined job, which has none.
        """
        if self._data.user_id is None:
            raise NotAllowed(
                f"{self.name} is a pre-defined LuaJob and has no user of its own: put the id in "
                'its metadata and use User.get(job.metadata["userId"]).'
            )
        return await User(self._session).get(self._data.user_id)

    async def update_metadata(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Merge ``data`` into the metadata, shallowly, and return all of it."""
        changes = to_object(data, "metadata")
        self._update(await self._session.ask(Port.update_metadata, self.id, changes))
        return self._data.metadata

    async def trigger(
        self, version_id: str | None = None, *, metadata: Mapping[str, Any] | None = None
    ) -> JobExecution:
        """Run the job now, whatever its schedule, and return at once.

        ``version_id`` (an id or a number such as ``1.0.1``) runs another than the active
        version. ``metadata`` is laid over the job's for this run alone. ``await
        execution.wait()`` gives the outcome. Raises ``InvalidInput`` for metadata that is not JSON.
        """
        given = None if metadata is None else to_object(metadata, "metadata")
        run = await self._session.ask(Port.trigger_job, self.id, version_id, metadata=given)
        return JobExecution(run, self._session)

    async def activate(self) -> JobInstance:
        """Let it run on schedule, counting from now.

        Raises ``Conflict`` for a once-job whose time has passed, and for a schedule that the
        engine's machine cannot work out.
        """
        return self._update(await self._session.ask(Port.activate_job, self.id))

    async def deactivate(self) -> JobInstance:
        """Switch it off and cancel its waiting runs; ``data.cancelled_runs`` is how many.

        A run that has begun goes on, and is not retried. ``trigger()`` still works.
        """
        return self._update(await self._session.ask(Port.deactivate_job, self.id))

    async def delete(self, *, force: bool = False) -> Deletion:
        """Delete it; with more than one version, deactivate and hide it unless ``force``."""
        return await self._session.ask(Port.delete_job, self.id, force=force)

    # Beyond Lua

    async def cancel(self) -> Cancellation:
        """Cancel all its waiting and running runs; return how many. Its schedule goes on.

        One run alone is cancelled by ``cancel()`` of the execution.
        """
        return await self._session.ask(Port.cancel_job, self.id)

    async def refresh(self) -> JobInstance:
        """Ask the engine how the job is now."""
        return self._update(await self._session.ask(Port.get_job, self.id))

    async def executions(self, limit: int = 50) -> list[JobExecution]:
        """Return its runs, newest first."""
        return await newest(self._session, limit, job_id=self.id)

    async def logs(self, limit: int = 20) -> LogLines:
        """Return its newest log lines, in reading order: the oldest of them first."""
        query = build(LogQuery, "job.logs", job_id=self.id, limit=limit)
        return LogLines.of(await self._session.ask(Port.logs, query))

    async def versions(self, limit: int | None = None, page: int = 1) -> list[JobVersion]:
        """Return its versions, oldest first; with ``limit`` page by page, counted from 1."""
        return paged((await self.refresh()).data.versions, limit, page)

    async def next_runs(self, count: int = 5) -> list[datetime]:
        """Return its next fires, in UTC; none while it is not active."""
        return await self._session.ask(Port.next_runs, self.id, count)

    async def push_version(
        self,
        *,
        execute: Execute | None = None,
        source: str | Path | None = None,
        version: str | None = None,
        schedule: ScheduleLike | None = None,
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the version's, not this call's
        retry: RetryLike = None,
    ) -> JobVersion:
        """Add a version without publishing it; what is not given is as in the one active then.

        ``version`` None is the next patch number. ``publish`` makes it the active one,
        ``trigger(version.id)`` tries it first.
        """
        code = execute is not None or source is not None
        spec = build(
            VersionSpec,
            "push_version",
            version=version,
            bundle=bundle_of(execute, source) if code else None,
            schedule=None if schedule is None else schedule_of(schedule, self._session.now),
            metadata=None if metadata is None else to_object(metadata, "metadata"),
            description=description,
            timeout=timeout,
            retry=None if retry is None else retry_of(retry),
        )
        return await self._session.ask(Port.push_version, self.id, spec)

    async def publish(self, version: str) -> JobInstance:
        """Make a version (its id or number) the active one; its schedule counts from now.

        Waiting runs of the version before are cancelled, ``data.cancelled_runs`` is how many. Raises
        ``NotFound``, and ``Conflict`` for a version that was to run once, at a time that has
        passed, unless the job is switched off.
        """
        return self._update(await self._session.ask(Port.publish_version, self.id, version))

    async def diff(self, one: str, other: str | None = None) -> VersionDiff:
        """Return what differs from version ``one`` to ``other`` (None: the active one)."""
        versions = await self.versions()
        wanted = other or self._data.active_version_id or versions[-1].id
        return diff_versions(pick(versions, one, self.name), pick(versions, wanted, self.name))

    def _update(self, data: Job) -> JobInstance:
        self._data = data.evolve(metadata=ReadOnlyMetadata(wrap(data.metadata)))
        return self

    @property
    def _takes_along(self) -> str:
        version = self._data.active_version
        return "" if version is None else version.bundle.carried_in_words

    def __repr__(self) -> str:
        change = f" {self.change}" if self.change else ""
        along = f", takes along {self._takes_along}" if self._takes_along else ""
        cancelled = self._data.cancelled_in_words
        return (
            f"<Job {self.name!r} {self._data.status}{change}{along}, next fire: {self.when}{cancelled} "
            f"({self.id})>"
        )

    def _repr_html_(self) -> str:
        version = self._data.active_version
        along = {"takes along": self._takes_along} if self._takes_along else {}
        return facts(
            self.name,
            {
                "status": self._data.status + (f" ({self.change})" if self.change else ""),
                "next fire": self.when,
                "last run": self.last_outcome,
                "version": version.version if version else "none",
                **along,
                "metadata": self.metadata,
                "id": self.id,
            },
        )
