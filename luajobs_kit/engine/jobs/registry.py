"""The registry of jobs: created, updated, activated, published, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from luajobs_kit.engine.jobs.declarations import Declarations, passed
from luajobs_kit.engine.jobs.lookup import JobLookup
from luajobs_kit.engine.jobs.validation import (
    check_metadata,
)
from luajobs_kit.engine.jobs.versions import check_in_full, new_version, number_for
from luajobs_kit.engine.jobs.view import active_version, announce, why_it_cannot_fire
from luajobs_kit.engine.schedule.firing import Counts, Firing, Rearming
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.model import (
    DEFAULT_AGENT,
    Declaration,
    Deletion,
    Job,
    JobDeleted,
    JobRecord,
    JobVersion,
    VersionSpec,
)
from luajobs_kit.model.job import cancelled_in_words
from luajobs_kit.store import Put, Remove
from luajobs_kit.store.history.idempotency import refuse_other
from luajobs_kit.timing import why_unreadable

_MICROSECOND = timedelta(microseconds=1)


class Registry:
    """The verbs that change jobs and versions. Changes of one job name are made one at a time."""

    def __init__(
        self,
        state: State,
        lookup: JobLookup,
        firing: Firing,
        declarations: Declarations,
        drop: Callable[[str], Awaitable[int]],
    ) -> None:
        self._state = state
        self._lookup = lookup
        self._firing = firing
        self._declarations = declarations
        self._drop = drop

    # Versions

    async def push(self, job_id: str, spec: VersionSpec, key: str | None) -> JobVersion:
        """Add a version without publishing it."""
        async with self._lock(job_id):
            record = self._lookup.record(job_id)
            definitions = self._state.store.definitions
            made = definitions.version_with_key(key) if key else None
            if made is not None:
                refuse_other(made.job_id, job_id, "job")
                return made
            active = definitions.version(record.active_version_id or "")
            declared = await check_in_full(
                self._state,
                _whole(spec, active, record),
                kept=active.schedule if active is not None else None,
            )
            versions = definitions.versions(job_id)
            number = number_for(spec.version, record.name, versions)
            version = new_version(
                self._state,
                (job_id, record.name),
                number,
                declared,
                now=self._state.clock.now(),
                key=key,
            )
            await definitions.commit(Put(version))
            self._declarations.warn_of_unset(version, record.user_id)
            announce(self._state, record)
            return version

    async def publish(self, job_id: str, wanted: str) -> Job:
        """Make a version the active one; its schedule counts from now (see ``Port.publish_version``)."""
        async with self._lock(job_id):
            record = self._lookup.record(job_id)
            # None where it was lost by damage: publishing another version repairs that.
            before = self._state.store.definitions.version(record.active_version_id or "")
            version = self._lookup.version(job_id, wanted)
            if before is not None and version.id == before.id:
                return self._lookup.shown(job_id)
            at = passed(version, self._state.clock.now())
            if at is not None and record.active:  # an inactive job runs nothing by being published
                raise Conflict(
                    f"Version {version.version} of {record.name} was to run once, at "
                    f"{at.isoformat()}, which has passed, and publishing runs nothing of the past. "
                    f"trigger({version.version!r}) runs it now; push a version with a later time to "
                    "publish that."
                )
            if record.active and (why := why_unreadable(version.schedule)):
                raise Conflict(
                    f"Version {version.version} of {record.name} was not published: it could not "
                    f"fire. {why}"
                )
            planned = self._declarations.switch(record, record, before, version, on=record.active)
            return (await self._declarations.carry_out(planned))[0].evolve(change=None)

    # The agent

    async def take_along(self) -> None:
        """Have every job be one of the workspace's agent: one of another would fire, and nobody see it.

        A job whose user and name another one has here stays as it is, and the doctor tells of it.
        """
        agent = self._state.settings.values.agent_id
        definitions = self._state.store.definitions
        now = self._state.clock.now()
        moved = []
        identities = set()
        for row in definitions.rows("jobs"):  # not parsed: there may be many, and few are another's
            if row.get("agentId", DEFAULT_AGENT) == agent:
                continue
            record = definitions.job(str(row.get("id")))
            if record is None:
                continue
            identity = (record.user_id, record.name)
            if identity in identities or definitions.job_named(agent, *identity) is not None:
                definitions.report(
                    f"job {record.name} ({record.id}) belongs to the agent {record.agent_id} and fires, "
                    f"but {agent} has one of that name: `luajobs jobs delete {record.id} --force` "
                    "deletes it"
                )
                continue
            identities.add(identity)
            moved.append(record.evolve(agent_id=agent, updated_at=now))
        if moved:
            await definitions.commit(*map(Put, moved))
        for record in moved:
            announce(self._state, record)

    # Activating, metadata, deleting

    async def activate(self, job_id: str) -> Job:
        """Arm the job from now; change nothing when it is armed already (see ``Port.activate_job``)."""
        async with self._lock(job_id):
            record = self._lookup.record(job_id)
            if why := why_it_cannot_fire(self._state, record):
                raise Conflict(f"{record.name} was not activated. {why}")
            if record.active and self._state.fire(record).state == "armed":
                if job_id not in self._state.next_fires:
                    await self._firing.arm_as_kept(job_id)  # its zone is known here only since now
                return self._lookup.shown(job_id)
            now = self._state.clock.now()
            at = passed(active_version(self._state, record), now)
            if at is not None:
                raise Conflict(
                    f"{record.name} was to run once, at {at.isoformat()}, which has "
                    "passed. trigger() runs it now; create it again to give it a new time."
                )
            switched = record.evolve(active=True, left_out=False)
            [changed] = await self._firing.keep(Rearming(switched, Counts.ANEW))
            announce(self._state, changed)
            return self._lookup.shown(job_id)

    async def deactivate(self, job_id: str) -> Job:
        """Disarm the job and cancel its waiting runs (see ``Port.deactivate_job``)."""
        async with self._lock(job_id):
            record = self._lookup.record(job_id)
            if not record.active and not record.left_out:
                return self._lookup.shown(job_id).evolve(cancelled_runs=0)
            # The record first: after a crash in between the job is off, and the next engine cancels
            # its waiting runs. In the other order it would begin those that are left.
            switched = self._declarations.off(record)
            [changed] = await self._firing.keep(Rearming(switched, Counts.NOT))
            cancelled = await self._drop(job_id)
            announce(self._state, changed)
            return self._lookup.shown(job_id).evolve(cancelled_runs=cancelled)

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        """Merge ``changes`` into the job's metadata, key by key."""
        async with self._lock(job_id):
            record = self._lookup.record(job_id)
            merged = record.metadata | changes
            check_metadata(merged)
            changed = record.evolve(metadata=merged, updated_at=self._state.clock.now())
            await self._state.store.definitions.commit(Put(changed))
            announce(self._state, changed)
            return self._lookup.shown(job_id)

    async def delete(self, job_id: str, *, force: bool) -> Deletion:
        """Delete the job, or only hide it when it has several versions and ``force`` is not set."""
        async with self._lock(job_id):
            record = (
                self._state.store.definitions.job(job_id) if force else self._lookup.record(job_id)
            )
            if record is None:
                raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
            versions = self._state.store.definitions.versions(job_id)
            now = self._state.clock.now()
            keep = len(versions) > 1 and not force
            if keep:
                hidden = self._declarations.off(record).evolve(deleted=True)
                await self._firing.keep(Rearming(hidden, Counts.NOT))
            else:
                async with self._state.arming(job_id):
                    await self._state.store.definitions.commit(
                        *(Remove(version) for version in versions), Remove(record)
                    )
                    self._firing.disarm(job_id)
                    self._state.fires.pop(job_id, None)
                    await self._state.store.history.forget_job(job_id)
            cancelled = await self._drop(job_id)
            self._state.events.publish(JobDeleted(at=now, job_id=job_id, job_name=record.name))
        waited = cancelled_in_words(cancelled)
        if keep:
            message = (
                f"{record.name} has {len(versions)} versions, so it was deactivated and hidden"
                f"{waited}. Creating it again revives it; force=True deletes it."
            )
        else:
            message = f"{record.name} was deleted{waited}; its executions stay in the history."
        return Deletion(
            deleted=not keep, deactivated=keep, message=message, cancelled_runs=cancelled
        )

    def _lock(self, job_id: str) -> asyncio.Lock:
        record = self._state.store.definitions.job(job_id)
        return self._state.changing(
            record.agent_id if record else "", record.name if record else job_id
        )


def _whole(spec: VersionSpec, active: JobVersion | None, record: JobRecord) -> Declaration:
    """Return what a version to be added declares. Raises ``InvalidInput``."""
    try:
        return spec.declared(active)
    except ValidationError as problem:
        missing = ", ".join(str(error["loc"][0]) for error in problem.errors())
        raise InvalidInput(
            f"The active version of {record.name} is lost, so nothing says what {missing} the new one "
            "is to have; give them all.",
            job_id=record.id,
        ) from None
