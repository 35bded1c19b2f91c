"""The jobs themselves: created, brought up to date, switched, published, deleted."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from luajobs_kit.bundle import verify
from luajobs_kit.engine.declare import (
    check_declaration,
    check_metadata,
    check_name,
    merge_declared,
    refuse_javascript,
    same_declaration,
)
from luajobs_kit.engine.firing import Firing
from luajobs_kit.engine.program import program_of
from luajobs_kit.engine.state import State
from luajobs_kit.engine.views import active_version, show
from luajobs_kit.errors import Conflict, InvalidInput, NotFound, PolicyViolation
from luajobs_kit.model import (
    Change,
    Declaration,
    Deletion,
    Job,
    JobCreated,
    JobDeleted,
    JobRecord,
    JobSpec,
    JobVersion,
    OnceSchedule,
    VersionSpec,
)
from luajobs_kit.store import FireState, Put, Remove

D = TypeVar("D", bound=Declaration)

_SEMVER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+][0-9A-Za-z.-]{1,60})?")


class Registry:
    """Every verb on definitions. One identity's changes are made one after another."""

    def __init__(
        self, state: State, firing: Firing, cancel_waiting: Callable[[str], Awaitable[None]]
    ) -> None:
        self._state = state
        self._firing = firing
        self._cancel_waiting = cancel_waiting
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    # Looking up

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

    # Declaring

    async def create(self, spec: JobSpec, user_id: str, key: str | None) -> Job:
        """Create the job, or bring the one of this identity up to date (see ``Port.create_job``)."""
        check_name(spec.name)
        agent = self._state.settings.values.agent_id
        owner = user_id if spec.dynamic else None
        async with self._lock((agent, spec.name)):
            made = self._state.store.definitions.version_with_key(key) if key else None
            if made is not None and (record := self._state.store.definitions.job(made.job_id)):
                return show(
                    self._state, record, change="created" if made.version == "1.0.0" else "updated"
                )
            self._refuse_other_kind(agent, spec)
            record = self._state.store.definitions.job_named(agent, owner, spec.name)
            if record is None:
                return await self._create(spec, agent, owner, key)
            if spec.if_exists == "error" and not record.deleted:
                raise Conflict(
                    f"A job named {spec.name!r} exists ({record.id}) and if_exists is 'error'.",
                    id=record.id,
                )
            return await self._create_again(record, spec, key)

    async def _create(self, spec: JobSpec, agent: str, owner: str | None, key: str | None) -> Job:
        spec = await self._checked(spec)
        now = self._state.clock.now()
        job_id = self._state.ids.new("job")
        version = self._version((job_id, spec.name), "1.0.0", spec, now=now, key=key)
        record = JobRecord(
            id=job_id,
            name=spec.name,
            agent_id=agent,
            user_id=owner,
            dynamic=spec.dynamic,
            active=spec.activate,
            description=spec.description,
            metadata=spec.metadata,
            active_version_id=version.id,
            armed_at=now,
            created_at=now,
            updated_at=now,
        )
        # The fire state first: a crash in between leaves one that belongs to no job.
        await self._state.keep_fire(FireState(job_id=job_id, armed_at=now))
        await self._state.store.definitions.commit(Put(version), Put(record))
        self._firing.arm(record)
        job = show(self._state, record, change="created")
        self._state.events.publish(JobCreated(at=now, job=job))
        return job

    async def _create_again(self, record: JobRecord, spec: JobSpec, key: str | None) -> Job:
        version = active_version(self._state, record)
        if not same_declaration(spec, version):
            spec = await self._checked(spec)
            number = _next_patch(self._state.store.definitions.versions(record.id))
            new = self._version(
                (record.id, record.name), number, spec, now=self._state.clock.now(), key=key
            )
            await self._switch(record, version, new, revive=spec.activate)
            return self._shown(record.id, "updated")
        done = self._state.fire(record).state in {"done", "failed"}
        relative = isinstance(version.schedule, OnceSchedule) and version.schedule.after is not None
        if record.deleted or (done and relative):
            spec = await self._checked(spec)
            again = version.evolve(schedule=spec.schedule, updated_at=self._state.clock.now())
            await self._switch(record, version, again, revive=spec.activate)
            return self._shown(record.id, "rearmed")
        return self._shown(record.id, "unchanged")

    async def push(self, job_id: str, spec: VersionSpec, key: str | None) -> JobVersion:
        """Add a version without publishing it."""
        async with self._lock(self._identity(job_id)):
            record = self.record(job_id)
            definitions = self._state.store.definitions
            made = definitions.version_with_key(key) if key else None
            if made is not None:
                return made
            spec = await self._checked(spec)
            versions = definitions.versions(job_id)
            number = spec.version or _next_patch(versions)
            if not _SEMVER.fullmatch(number):
                raise InvalidInput(
                    f"version={number!r} is no semantic version; write three numbers, such as "
                    f"{_next_patch(versions)!r}.",
                    field="version",
                )
            if any(version.version == number for version in versions):
                raise Conflict(
                    f"{record.name} has a version {number} already; the next free one is "
                    f"{_next_patch(versions)}."
                )
            version = self._version(
                (job_id, record.name), number, spec, now=self._state.clock.now(), key=key
            )
            await definitions.commit(Put(version))
            self._state.announce(record)
            return version

    async def publish(self, job_id: str, wanted: str) -> Job:
        """Make a version the active one; its schedule counts from now."""
        async with self._lock(self._identity(job_id)):
            record = self.record(job_id)
            before = active_version(self._state, record)
            version = self.version(job_id, wanted)
            if version.id != before.id:
                await self._switch(record, before, version, revive=record.active)
            return self._shown(job_id)

    def version(self, job_id: str, wanted: str) -> JobVersion:
        """Return the job's version with that id or number. Raises ``NotFound``."""
        versions = self._state.store.definitions.versions(job_id)
        for version in versions:
            if wanted in {version.id, version.version}:
                return version
        there = ", ".join(version.version for version in versions)
        raise NotFound(f"There is no version {wanted!r} of {job_id}; there are {there}.")

    async def _switch(
        self, record: JobRecord, before: JobVersion, version: JobVersion, *, revive: bool
    ) -> None:
        """Publish ``version``: merge what it declares anew, and arm the job from now."""
        now = self._state.clock.now()
        old_fire = self._state.next_fires.get(record.id)
        changed = record.evolve(
            active_version_id=version.id,
            metadata=merge_declared(record.metadata, before.metadata, version.metadata),
            description=version.description or record.description,
            active=record.active or revive if not record.deleted else revive,
            deleted=False,
            armed_at=now,
            updated_at=now,
        )
        await self._state.keep_fire(FireState(job_id=record.id, armed_at=now))
        await self._state.store.definitions.commit(Put(version), Put(changed))
        self._firing.arm(changed)
        new_fire = self._state.next_fires.get(record.id)
        if old_fire is not None and old_fire != new_fire:
            to = new_fire.isoformat(timespec="seconds") if new_fire else "none"
            self._state.log(
                f"Version {version.version} is active: the next fire moved from "
                f"{old_fire.isoformat(timespec='seconds')} to {to}.",
                job=(record.id, record.name),
                user_id=record.user_id,
            )
        self._state.announce(changed)

    # Switching, metadata, deleting

    async def activate(self, job_id: str) -> Job:
        """Arm the job from now; a job that is active already is left as it is."""
        async with self._lock(self._identity(job_id)):
            record = self.record(job_id)
            if record.active and self._state.fire(record).state == "armed":
                return self._shown(job_id)
            schedule = active_version(self._state, record).schedule
            now = self._state.clock.now()
            if isinstance(schedule, OnceSchedule) and schedule.execute_at <= now:
                raise Conflict(
                    f"{record.name} was to run once, at {schedule.execute_at.isoformat()}, which has "
                    "passed. trigger() runs it now; create it again to give it a new time."
                )
            changed = record.evolve(active=True, armed_at=now, updated_at=now)
            await self._state.keep_fire(FireState(job_id=job_id, armed_at=now))
            return await self._keep(changed)

    async def deactivate(self, job_id: str) -> Job:
        """Disarm the job; a run under way goes on."""
        async with self._lock(self._identity(job_id)):
            record = self.record(job_id)
            if not record.active:
                return self._shown(job_id)
            return await self._keep(record.evolve(active=False, updated_at=self._state.clock.now()))

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        """Merge ``changes`` into the living metadata, shallowly."""
        async with self._lock(self._identity(job_id)):
            record = self.record(job_id)
            merged = record.metadata | changes
            check_metadata(merged)
            changed = record.evolve(metadata=merged, updated_at=self._state.clock.now())
            await self._state.store.definitions.commit(Put(changed))
            self._state.announce(changed)
            return self._shown(job_id)

    async def delete(self, job_id: str, *, force: bool) -> Deletion:
        """Delete the job, or hide it where its versions are worth keeping."""
        async with self._lock(self._identity(job_id)):
            record = self._state.store.definitions.job(job_id) if force else self.record(job_id)
            if record is None:
                raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
            versions = self._state.store.definitions.versions(job_id)
            now = self._state.clock.now()
            keep = len(versions) > 1 and not force
            if keep:
                hidden = record.evolve(active=False, deleted=True, updated_at=now)
                await self._state.store.definitions.commit(Put(hidden))
                self._firing.disarm(job_id)
            else:
                await self._state.store.definitions.commit(
                    *(Remove(version) for version in versions), Remove(record)
                )
                self._firing.disarm(job_id)
                self._state.fires.pop(job_id, None)
                await self._state.store.history.forget_job(job_id)
            await self._cancel_waiting(job_id)
            self._state.events.publish(JobDeleted(at=now, job_id=job_id, job_name=record.name))
        if keep:
            message = (
                f"{record.name} has {len(versions)} versions, so it was deactivated and hidden. "
                "Creating it again revives it; force=True deletes it."
            )
        else:
            message = f"{record.name} was deleted; its executions stay in the history."
        return Deletion(deleted=not keep, deactivated=keep, message=message)

    # Parts of the above

    async def _keep(self, record: JobRecord) -> Job:
        await self._state.store.definitions.commit(Put(record))
        self._firing.arm(record)
        self._state.announce(record)
        return self._shown(record.id)

    async def _checked(self, spec: D) -> D:
        checked = check_declaration(
            spec,
            now=self._state.clock.now(),
            timeout_ceiling=self._state.settings.values.timeout_ceiling,
        )
        try:
            # First in a child: source that breaks the compiler costs a spare, not the engine.
            await self._state.sandbox.check(program_of(checked))
        except PolicyViolation:
            await asyncio.to_thread(verify, checked.bundle)  # it may have better words
            raise
        except InvalidInput:
            refuse_javascript(checked.bundle)
            raise
        await asyncio.to_thread(verify, checked.bundle)  # a long source takes a second
        return checked

    def _version(
        self,
        job: tuple[str, str],
        number: str,
        spec: Declaration,
        *,
        now: datetime,
        key: str | None,
    ) -> JobVersion:
        declared = {field: getattr(spec, field) for field in Declaration.model_fields}
        return JobVersion(
            id=self._state.ids.new("version"),
            job_id=job[0],
            name=job[1],
            version=number,
            created_at=now,
            updated_at=now,
            key=key,
            **declared,
        )

    def _refuse_other_kind(self, agent: str, spec: JobSpec) -> None:
        for other in self._state.store.definitions.jobs_with_name(agent, spec.name):
            if other.dynamic != spec.dynamic and not other.deleted:
                kind = "a dynamic job" if other.dynamic else "a pre-defined LuaJob"
                raise Conflict(
                    f"The name {spec.name!r} belongs to {kind} ({other.id}); choose another name.",
                    id=other.id,
                )

    def _shown(self, job_id: str, change: Change | None = None) -> Job:
        record = self._state.store.definitions.job(job_id)
        if record is None:
            raise NotFound(f"There is no job {job_id!r}.", job_id=job_id)
        return show(self._state, record, change=change)

    def _identity(self, job_id: str) -> tuple[str, str]:
        record = self._state.store.definitions.job(job_id)
        return (record.agent_id, record.name) if record else ("", job_id)

    def _lock(self, identity: tuple[str, str]) -> asyncio.Lock:
        return self._locks.setdefault(identity, asyncio.Lock())


def _age(record: JobRecord) -> datetime:
    return record.created_at


def _next_patch(versions: list[JobVersion]) -> str:
    numbers = [
        tuple(int(part) for part in match.groups())
        for version in versions
        if (match := _SEMVER.fullmatch(version.version))
    ]
    major, minor, patch = max(numbers)
    return f"{major}.{minor}.{patch + 1}"
