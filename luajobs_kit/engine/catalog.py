"""Looking jobs and their versions up, as people ask for them."""

from __future__ import annotations

import difflib
from datetime import datetime

from luajobs_kit.engine.state import State
from luajobs_kit.engine.views import show
from luajobs_kit.errors import Conflict, NotFound
from luajobs_kit.model import Change, Job, JobRecord, JobVersion


class Catalog:
    """Every job there is; what is not there is said with what is near."""

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

    def find(self, name: str, user_id: str) -> Job:
        """Return the job of that name or id, ``user_id``'s own first."""
        definitions = self._state.store.definitions
        by_id = definitions.job(name)
        if by_id is not None and not by_id.deleted:
            return show(self._state, by_id)
        agent = self._state.settings.values.agent_id
        found = [job for job in definitions.jobs_with_name(agent, name) if not job.deleted]
        mine = [job for job in found if job.user_id in {user_id, None}]
        if not found:
            names = sorted({job.name for job in definitions.jobs() if not job.deleted})
            close = difflib.get_close_matches(name, names, n=3)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise NotFound(f"There is no job named {name!r}.{hint}", name=name)
        if len(found) > 1 and not mine:
            owners = ", ".join(f"{job.id} of {job.user_id}" for job in found)
            raise Conflict(
                f"Several users have a job named {name!r}: {owners}. Use the id, or act as its user.",
                ids=[job.id for job in found],
            )
        return show(self._state, (mine or found)[0])

    def list_jobs(self, *, include_dynamic: bool, include_deleted: bool) -> list[Job]:
        """Return the agent's jobs, oldest first."""
        agent = self._state.settings.values.agent_id
        records = [
            record
            for record in self._state.store.definitions.jobs()
            if record.agent_id == agent
            and (include_dynamic or not record.dynamic)
            and (include_deleted or not record.deleted)
        ]
        return [show(self._state, record) for record in sorted(records, key=_age)]

    def version(self, job_id: str, wanted: str) -> JobVersion:
        """Return the job's version with that id or number. Raises ``NotFound``."""
        versions = self._state.store.definitions.versions(job_id)
        for version in versions:
            if wanted in {version.id, version.version}:
                return version
        there = ", ".join(version.version for version in versions)
        raise NotFound(f"There is no version {wanted!r} of {job_id}; there are {there}.")

    def shown(self, job_id: str, change: Change | None = None) -> Job:
        """Return the job as it now is, hidden or not. Raises ``NotFound``."""
        record = self._state.store.definitions.job(job_id)
        if record is None:
            raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
        return show(self._state, record, change=change)


def _age(record: JobRecord) -> datetime:
    return record.created_at
