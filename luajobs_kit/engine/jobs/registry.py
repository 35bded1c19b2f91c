"""The registry of jobs: created, updated, activated, published, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from luajobs_kit.engine.jobs.lookup import JobLookup
from luajobs_kit.engine.jobs.validation import (
    check_metadata,
    merge_declared,
    only_words_differ,
    same_declaration,
)
from luajobs_kit.engine.jobs.versions import check_in_full, new_version, next_patch, number_for
from luajobs_kit.engine.jobs.view import active_version, announce, show, why_it_cannot_fire
from luajobs_kit.engine.schedule.firing import Firing
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.model import (
    Declaration,
    Deletion,
    Job,
    JobCreated,
    JobDeleted,
    JobRecord,
    JobSpec,
    JobVersion,
    OnceSchedule,
    Reach,
    VersionSpec,
)
from luajobs_kit.model.job import cancelled_in_words
from luajobs_kit.name_rules import check_name, refuse_id
from luajobs_kit.store import FireState, Put, Remove
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
        drop: Callable[[str], Awaitable[int]],
    ) -> None:
        self._state = state
        self._lookup = lookup
        self._firing = firing
        self._drop = drop
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    # Declaring

    async def create(
        self, spec: JobSpec, user_id: str, key: str | None, *, reach: Reach = "any"
    ) -> Job:
        """Create the job, or update the one with its agent, user and name (see ``Port.create_job``).

        ``reach`` says which users its runs reach; a pre-defined job's reach any.
        """
        reach = reach if spec.dynamic else "any"
        refuse_id(check_name(spec.name, "a job", example="daily-report"), "a job")
        agent = self._state.settings.values.agent_id
        owner = user_id if spec.dynamic else None
        async with self._lock((agent, spec.name)):
            made = self._state.store.definitions.version_with_key(key) if key else None
            if made is not None and (record := self._state.store.definitions.job(made.job_id)):
                refuse_other(record.name, spec.name, "job")
                return show(
                    self._state, record, change="created" if made.version == "1.0.0" else "updated"
                )
            self._refuse_other_kind(agent, spec)
            record = self._state.store.definitions.job_named(agent, owner, spec.name)
            if record is None:
                return await self._create(spec, agent, owner, key, reach)
            if spec.if_exists == "error" and not record.deleted:
                raise Conflict(
                    f"A job named {spec.name!r} exists ({record.id}) and if_exists is 'error'.",
                    id=record.id,
                )
            return await self._create_again(record, spec, key, reach)

    async def _create(
        self, spec: JobSpec, agent: str, owner: str | None, key: str | None, reach: Reach
    ) -> Job:
        spec = await check_in_full(self._state, spec)
        now = self._state.clock.now()
        job_id = self._state.ids.new("job")
        version = new_version(self._state, (job_id, spec.name), "1.0.0", spec, now=now, key=key)
        record = JobRecord(
            id=job_id,
            name=spec.name,
            agent_id=agent,
            user_id=owner,
            dynamic=spec.dynamic,
            users_reach=reach,
            active=spec.activate,
            deactivated_at=None if spec.activate else now,
            description=spec.description,
            metadata=spec.metadata,
            active_version_id=version.id,
            armed_at=now,
            created_at=now,
            updated_at=now,
        )
        # The fire state first: a crash in between leaves a fire state without a job, which is
        # harmless.
        await self._state.write_fire(FireState(job_id=job_id, armed_at=now))
        await self._state.store.definitions.commit(Put(version), Put(record))
        self._firing.arm(record)
        self._warn_of_unset(version, owner)
        job = show(self._state, record, change="created")
        self._state.events.publish(JobCreated(at=now, job=job))
        return job

    async def _create_again(
        self, record: JobRecord, spec: JobSpec, key: str | None, reach: Reach
    ) -> Job:
        # From now on it runs this caller's code, so it reaches what this caller may reach.
        declared = record.evolve(users_reach=reach)
        version = self._state.store.definitions.version(record.active_version_id or "")
        if version is None or not same_declaration(spec, version):
            spec = await check_in_full(self._state, spec)
            await self._refuse_dealt_with(record, spec)
            number = next_patch(self._state.store.definitions.versions(record.id))
            new = new_version(
                self._state,
                (record.id, record.name),
                number,
                spec,
                now=self._state.clock.now(),
                key=key,
            )
            cancelled = await self._switch(declared, version, new, revive=spec.activate)
            self._warn_of_unset(new, record.user_id)
            return self._lookup.shown(record.id, "updated").evolve(cancelled_runs=cancelled)
        relative = isinstance(version.schedule, OnceSchedule) and version.schedule.after is not None
        missed = not record.active and _passed(version, self._state.clock.now()) is not None
        fired = self._firing.has_fired(record)
        if record.deleted or (relative and (fired or missed)):
            spec = await check_in_full(self._state, spec)
            await self._refuse_dealt_with(record, spec)
            again = version.evolve(schedule=spec.schedule, updated_at=self._state.clock.now())
            # A job that was off when its time came stays off, with its new time.
            revive = spec.activate and (record.deleted or fired)
            cancelled = await self._switch(declared, version, again, revive=revive)
            return self._lookup.shown(record.id, "rearmed").evolve(cancelled_runs=cancelled)
        if reach == "any" and record.users_reach == "own":  # its owner declared the same code
            await self._state.store.definitions.commit(Put(declared))
            announce(self._state, declared)
        return self._lookup.shown(record.id, "unchanged")

    async def push(self, job_id: str, spec: VersionSpec, key: str | None) -> JobVersion:
        """Add a version without publishing it."""
        async with self._lock(self._identity(job_id)):
            record = self._lookup.record(job_id)
            definitions = self._state.store.definitions
            made = definitions.version_with_key(key) if key else None
            if made is not None:
                refuse_other(made.job_id, job_id, "job")
                return made
            spec = await check_in_full(self._state, spec)
            versions = definitions.versions(job_id)
            number = number_for(spec.version, record.name, versions)
            version = new_version(
                self._state,
                (job_id, record.name),
                number,
                spec,
                now=self._state.clock.now(),
                key=key,
            )
            await definitions.commit(Put(version))
            self._warn_of_unset(version, record.user_id)
            announce(self._state, record)
            return version

    async def publish(self, job_id: str, wanted: str) -> Job:
        """Make a version the active one; its schedule counts from now (see ``Port.publish_version``)."""
        async with self._lock(self._identity(job_id)):
            record = self._lookup.record(job_id)
            # None where it was lost by damage: publishing another version repairs that.
            before = self._state.store.definitions.version(record.active_version_id or "")
            version = self._lookup.version(job_id, wanted)
            if before is not None and version.id == before.id:
                return self._lookup.shown(job_id)
            at = _passed(version, self._state.clock.now())
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
            cancelled = await self._switch(record, before, version, revive=record.active)
            return self._lookup.shown(job_id).evolve(cancelled_runs=cancelled)

    async def _refuse_dealt_with(self, record: JobRecord, spec: JobSpec) -> None:
        """Raise ``InvalidInput`` for a job created again with a time that it was already run for.

        A time relative to now (``once(seconds=0)``) asks for another run.
        """
        at = _passed(spec, self._state.clock.now())
        relative = isinstance(spec.schedule, OnceSchedule) and spec.schedule.after is not None
        if at is None or relative or not (record.active or spec.activate):
            return
        if at in await self._state.store.history.fire_times(record.id):
            raise InvalidInput(
                f"executeAt {at.isoformat()} has passed, and {record.name} was run for it; give a "
                "later time, or once(seconds=0) to run at once.",
                field="executeAt",
                value=at.isoformat(),
            )

    async def _switch(
        self, record: JobRecord, before: JobVersion | None, version: JobVersion, *, revive: bool
    ) -> int:
        """Publish ``version``: merge its metadata into the job's, and arm the job from now.

        Where only words changed of a job that is armed, its schedule counts on instead: else a job
        whose description is edited more often than it fires would never run.

        Returns how many waiting runs of the version before were cancelled.
        """
        old_fire = self._state.next_fires.get(record.id)
        active = revive or (record.active and not record.deleted)
        changed = record.evolve(
            active_version_id=version.id,
            metadata=merge_declared(
                record.metadata, before.metadata if before else {}, version.metadata
            ),
            description=version.description or record.description,
            active=active,
            deleted=False,
        )
        armed = record.active and not record.deleted and self._state.fire(record).state == "armed"
        if armed and before is not None and only_words_differ(before, version):
            changed = await self._firing.count_on(changed, Put(version))
        else:
            changed = await self._firing.arm_anew(changed, Put(version))
        new_fire = self._state.next_fires.get(record.id)
        if old_fire is not None and old_fire != new_fire:
            to = new_fire.isoformat(timespec="seconds") if new_fire else "none"
            self._state.log(
                f"Version {version.version} is active: the next fire moved from "
                f"{old_fire.isoformat(timespec='seconds')} to {to}.",
                job=(record.id, record.name),
                user_id=record.user_id,
            )
        cancelled = await self._drop(record.id)
        announce(self._state, changed)
        return cancelled

    # Activating, metadata, deleting

    async def activate(self, job_id: str) -> Job:
        """Arm the job from now; change nothing when it is armed already (see ``Port.activate_job``)."""
        async with self._lock(self._identity(job_id)):
            record = self._lookup.record(job_id)
            if why := why_it_cannot_fire(self._state, record):
                raise Conflict(f"{record.name} was not activated. {why}")
            if record.active and self._state.fire(record).state == "armed":
                if job_id not in self._state.next_fires:
                    await self._firing.arm_as_kept(job_id)  # its zone is known here only since now
                return self._lookup.shown(job_id)
            now = self._state.clock.now()
            at = _passed(active_version(self._state, record), now)
            if at is not None:
                raise Conflict(
                    f"{record.name} was to run once, at {at.isoformat()}, which has "
                    "passed. trigger() runs it now; create it again to give it a new time."
                )
            changed = await self._firing.arm_anew(record.evolve(active=True))
            announce(self._state, changed)
            return self._lookup.shown(job_id)

    async def deactivate(self, job_id: str) -> Job:
        """Disarm the job and cancel its waiting runs (see ``Port.deactivate_job``)."""
        async with self._lock(self._identity(job_id)):
            record = self._lookup.record(job_id)
            if not record.active:
                return self._lookup.shown(job_id).evolve(cancelled_runs=0)
            # The record first: after a crash in between the job is off, and the next engine cancels
            # its waiting runs. In the other order it would begin those that are left.
            changed = self._off(record)
            await self._firing.switch_off(changed)
            cancelled = await self._drop(job_id)
            announce(self._state, changed)
            return self._lookup.shown(job_id).evolve(cancelled_runs=cancelled)

    def _off(self, record: JobRecord) -> JobRecord:
        """Return the record, inactive from now. ``deactivated_at`` is later than any before."""
        now = at = self._state.clock.now()
        # The clock may be set back, and a virtual one stands still.
        if record.deactivated_at is not None:
            at = max(now, record.deactivated_at + _MICROSECOND)
        return record.evolve(active=False, deactivated_at=at, updated_at=now)

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        """Merge ``changes`` into the job's metadata, key by key."""
        async with self._lock(self._identity(job_id)):
            record = self._lookup.record(job_id)
            merged = record.metadata | changes
            check_metadata(merged)
            changed = record.evolve(metadata=merged, updated_at=self._state.clock.now())
            await self._state.store.definitions.commit(Put(changed))
            announce(self._state, changed)
            return self._lookup.shown(job_id)

    async def delete(self, job_id: str, *, force: bool) -> Deletion:
        """Delete the job, or only hide it when it has several versions and ``force`` is not set."""
        async with self._lock(self._identity(job_id)):
            record = (
                self._state.store.definitions.job(job_id) if force else self._lookup.record(job_id)
            )
            if record is None:
                raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
            versions = self._state.store.definitions.versions(job_id)
            now = self._state.clock.now()
            keep = len(versions) > 1 and not force
            if keep:
                await self._firing.switch_off(self._off(record).evolve(deleted=True))
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

    # Helpers

    def _warn_of_unset(self, version: JobVersion, user_id: str | None) -> None:
        """Log a warning that names the settings the version may read that are not set."""
        unset = [name for name in version.env or () if name not in self._state.settings.values.env]
        if unset:
            self._state.log(
                f"Version {version.version} is given settings that are not set: {', '.join(unset)}. "
                f"Set them with await ws.settings(env={{{unset[0]!r}: …}}).",
                level="warn",
                job=(version.job_id, version.name),
                user_id=user_id,
            )

    def _refuse_other_kind(self, agent: str, spec: JobSpec) -> None:
        for other in self._state.store.definitions.jobs_with_name(agent, spec.name):
            if other.dynamic != spec.dynamic and not other.deleted:
                kind = "a dynamic job" if other.dynamic else "a pre-defined LuaJob"
                raise Conflict(
                    f"The name {spec.name!r} belongs to {kind} ({other.id}); choose another name.",
                    id=other.id,
                )

    def _identity(self, job_id: str) -> tuple[str, str]:
        record = self._state.store.definitions.job(job_id)
        return (record.agent_id, record.name) if record else ("", job_id)

    def _lock(self, identity: tuple[str, str]) -> asyncio.Lock:
        return self._locks.setdefault(identity, asyncio.Lock())


def _passed(declared: Declaration, now: datetime) -> datetime | None:
    """Return the time of a once-schedule that has passed; None for any other schedule."""
    schedule = declared.schedule
    if isinstance(schedule, OnceSchedule) and schedule.execute_at <= now:
        return schedule.execute_at
    return None
