"""``Jobs``: creating, finding and listing jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luajobs_kit.api._html import table
from luajobs_kit.api._json_values import build, to_object
from luajobs_kit.api._session import Bound
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.data.records import paged
from luajobs_kit.api.jobs.job import JobInstance
from luajobs_kit.api.jobs.options import (
    Execute,
    RetryLike,
    ScheduleLike,
    bundle_of,
    retry_of,
    schedule_of,
)
from luajobs_kit.model import CatchUp, IfExists, JobSpec, Overlap
from luajobs_kit.port import Port


class JobList(list[JobInstance]):
    """Jobs, and how many dynamic ones were left out."""

    def __init__(self, jobs: list[JobInstance], left_out: int) -> None:
        super().__init__(jobs)
        self.left_out = left_out

    @property
    def note(self) -> str:
        """What the list leaves out, in words; empty when nothing."""
        if not self.left_out:
            return ""
        jobs = "1 dynamic job is" if self.left_out == 1 else f"{self.left_out} dynamic jobs are"
        return f"{jobs} left out: Jobs.get_all(include_dynamic=True) shows all."

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *filter(None, [self.note])])

    def _repr_html_(self) -> str:
        rows = [
            [
                job.name,
                job.data.status,
                job.when,
                job.last_outcome,
                job.data.user_id or "pre-defined",
            ]
            for job in self
        ]
        return table(["job", "status", "next fire", "last run", "user"], rows, note=self.note)


@awaited_as("Jobs")
class Jobs(Bound):
    """Jobs of a workspace; ``luajobs_kit.Jobs`` is that of the current one."""

    __inside__ = "Jobs"

    async def create(
        self,
        *,
        name: str,
        schedule: ScheduleLike,
        execute: Execute | None = None,
        source: str | Path | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the job's, not this call's
        retry: RetryLike = None,
        activate: bool | None = None,
        if_exists: IfExists = "update",
        overlap: Overlap = "skip",
        catch_up: CatchUp = "once",
        jitter: float = 0,
        pause_after_failures: int | None = None,
        max_concurrent: int | None = None,
        tools: list[str] | None = None,
        env: list[str] | None = None,
    ) -> JobInstance:
        """Create a job of the acting user, or bring the one of that name up to date.

        ``execute`` is a function of the job. Functions, classes and constants of its own file or
        notebook that it uses are taken along; the answer shows which. Variables do not
        travel: what the job is to know goes into ``metadata``. ``source`` is its text, or a ``Path`` to it, where there is no
        function. ``schedule`` takes ``once(…)``, ``every(…)``, ``cron(…)`` or a dict as Lua
        writes it. ``timeout`` (None: 300, or the workspace's ``timeout_ceiling`` where that is less)
        and ``jitter`` are seconds; ``retry`` is ``{"maxAttempts": …, "backoffSeconds": …}``, counting
        the tries after the first.
        ``tools`` limits the tools it may call (``["get_weather"]``; None: all),
        ``env`` the settings that ``env(NAME)`` answers in it (``["WEATHER_KEY"]``; None: all).

        Creating it again, as when a cell is run twice, changes nothing unless something
        was declared differently; the answer's ``change`` says ``created``, ``unchanged``,
        ``updated`` (a next version) or ``rearmed``. ``activate`` switches it on or off; None
        leaves a job that is there as it is, and a new one is on.

        Raises ``NotSelfContained``, ``PolicyViolation`` or another ``InvalidInput`` for
        what cannot be a job, ``Conflict`` for a name that is taken. Then nothing is stored.
        """
        session = self._session
        spec = build(
            JobSpec,
            "Jobs.create",
            name=name,
            bundle=bundle_of(execute, source),
            schedule=schedule_of(schedule, session.now),
            metadata=to_object(metadata or {}, "metadata"),
            description=description,
            timeout=timeout,
            retry=retry_of(retry),
            activate=activate,
            if_exists=if_exists,
            overlap=overlap,
            catch_up=catch_up,
            jitter=jitter,
            pause_after_failures=pause_after_failures,
            max_concurrent=max_concurrent,
            tools=tools,
            env=env,
        )
        return JobInstance(await session.ask(Port.create_job, spec), session)

    async def get_job(self, job_id: str) -> JobInstance:
        """Return a job by id, or by name: the acting user's first.

        Raises ``NotFound`` (with close names), and ``Conflict`` listing the jobs when
        several users have one of that name and the acting user does not.
        """
        session = self._session
        return JobInstance(await session.ask(Port.find_job, job_id), session)

    async def get_all(
        self, *, include_dynamic: bool = False, limit: int | None = None, page: int = 1
    ) -> JobList:
        """Return the agent's jobs, oldest first; dynamic ones only when asked, as in Lua.

        All of them; with ``limit`` (1 to 1000) page by page, counted from 1.
        """
        session = self._session
        every_job = await session.ask(Port.list_jobs, include_dynamic=True)
        shown = [job for job in every_job if include_dynamic or not job.dynamic]
        jobs = [JobInstance(job, session) for job in paged(shown, limit, page)]
        return JobList(jobs, len(every_job) - len(shown))
