"""The look-up of jobs and their versions by id, name or number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.engine.jobs.view import show, why_it_cannot_fire
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import DEFAULT_AGENT, Change, Job, JobRecord, JobVersion

SHOWN_AT_ONCE: Final = 20  # jobs, before the loop gets its turn


def _not_text(given: Any, call: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"{call} takes the {what} as text, not {type(given).__name__} ({shortened(given)})."
    )


class JobLookup:
    """The agent's jobs; ``NotFound`` for what is not there suggests similar names."""

    def __init__(self, state: State) -> None:
        self._state = state

    def record(self, job_id: str) -> JobRecord:
        """Return the record of a job that is not hidden. Raises ``NotFound``."""
        record = self._state.store.definitions.job(job_id)
        if record is None or record.deleted:
            raise NotFound(
                f"There is no job {job_id!r}. Jobs.get_all(include_dynamic=True) lists what there is.",
                job_id=job_id,
            )
        return record

    def find(
        self, name: str, user_id: str | None, reached: Callable[[JobRecord], bool] = lambda _: True
    ) -> Job:
        """Return the job with that name or id; of several, ``user_id``'s own or a pre-defined one.

        Only those that are ``reached`` are looked for. Raises ``NotFound``, and ``Conflict`` when
        only other users have jobs of that name.
        """
        if not isinstance(name, str):
            raise _not_text(name, "Jobs.get_job", "id or name")
        definitions = self._state.store.definitions
        by_id = definitions.job(name)
        if by_id is not None and not by_id.deleted and reached(by_id):
            return show(self._state, by_id)
        agent = self._state.settings.values.agent_id
        named = definitions.jobs_with_name(agent, name)
        found = [job for job in named if not job.deleted and reached(job)]
        mine = [job for job in found if job.user_id in {user_id, None}]
        if not found:
            there = (job for job in definitions.jobs() if job.agent_id == agent and reached(job))
            names = sorted({job.name for job in there if not job.deleted})
            meant = did_you_mean(name, names, most=3)
            raise NotFound(f"There is no job named {name!r}.{meant}", name=name)
        if len(found) > 1 and not mine:
            owners = ", ".join(f"{job.id} of {job.user_id}" for job in found)
            raise Conflict(
                f"Several users have a job named {name!r}: {owners}. Use the id, or act as its user.",
                ids=[job.id for job in found],
            )
        return show(self._state, (mine or found)[0])

    async def each_job(self, *, include_dynamic: bool, include_deleted: bool) -> AsyncIterator[Job]:
        """Yield the agent's jobs, oldest first, each as it is when its turn comes.

        There may be many, and showing one takes time, so it yields to the loop in between.
        """
        agent = self._state.settings.values.agent_id
        definitions = self._state.store.definitions
        # Selected by the raw documents: parsing those that are left out would take seconds.
        ids = [
            str(row.get("id"))
            for row in sorted(definitions.rows("jobs"), key=_age)
            if row.get("agentId", DEFAULT_AGENT) == agent
            and (include_dynamic or not row.get("dynamic", True))
            and (include_deleted or not row.get("deleted", False))
        ]
        for number, job_id in enumerate(ids, 1):
            if (record := definitions.job(job_id)) is not None:
                yield show(self._state, record)
            if number % SHOWN_AT_ONCE == 0:
                await asyncio.sleep(0)

    def predefined(self) -> list[JobRecord]:
        """Return the agent's pre-defined jobs that are not hidden."""
        agent = self._state.settings.values.agent_id
        return [
            record
            for record in self._state.store.definitions.jobs()
            if not record.dynamic and not record.deleted and record.agent_id == agent
        ]

    def unable(self) -> dict[str, str]:
        """Return why jobs cannot fire on this machine that are switched on, by their names."""
        return {
            record.name: why
            for record in self._state.store.definitions.jobs()
            if record.active and not record.deleted
            if (why := why_it_cannot_fire(self._state, record)) is not None
        }

    def version(self, job_id: str, wanted: str) -> JobVersion:
        """Return the job's version with that id or number. Raises ``NotFound``."""
        if not isinstance(wanted, str):
            raise _not_text(wanted, "job.trigger", "version's id or number")
        versions = self._state.store.definitions.versions(job_id)
        for version in versions:
            if wanted in {version.id, version.version}:
                return version
        numbers = ", ".join(version.version for version in versions)
        raise NotFound(f"There is no version {shortened(wanted)} of {job_id}; there are {numbers}.")

    def shown(self, job_id: str, change: Change | None = None) -> Job:
        """Return the job as it now is, hidden or not. Raises ``NotFound``."""
        record = self._state.store.definitions.job(job_id)
        if record is None:
            raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
        return show(self._state, record, change=change)


def _age(row: dict[str, Any]) -> str:
    return str(row.get("createdAt")).removesuffix("Z")  # in UTC, so text sorts by time
