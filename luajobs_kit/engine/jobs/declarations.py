"""Declarations: what declaring jobs changes, worked out and checked in full before any of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from luajobs_kit.engine.jobs.lookup import JobLookup
from luajobs_kit.engine.jobs.validation import (
    merge_declared,
    only_words_differ,
    with_timeout,
)
from luajobs_kit.engine.jobs.versions import check_in_full, new_version, next_patch
from luajobs_kit.engine.jobs.view import announce, show, status
from luajobs_kit.engine.schedule.firing import Counts, Firing, Rearming
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict, InvalidInput, LuaJobsError
from luajobs_kit.model import (
    Change,
    Declaration,
    Deployment,
    DeployStep,
    FieldChange,
    Job,
    JobCreated,
    JobRecord,
    JobSpec,
    JobVersion,
    OnceSchedule,
    Reach,
    changed_fields,
)
from luajobs_kit.name_rules import check_name, refuse_id
from luajobs_kit.store.history.idempotency import refuse_other
from luajobs_kit.timing import why_unreadable

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to become of one job; ``kept`` is None where nothing is."""

    change: Change
    before: JobRecord | None
    kept: Rearming | None
    differs: Sequence[FieldChange] = ()

    @property
    def record(self) -> JobRecord:
        """The job's record as it is to be."""
        record = self.kept.record if self.kept is not None else self.before
        assert record is not None
        return record


class Declarations:
    """Declares jobs: one, or all of an agent at once. Who changes a name's jobs holds its lock."""

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
        self._deploying = asyncio.Lock()  # only a deployment holds the locks of several names

    async def create(
        self, spec: JobSpec, user_id: str, key: str | None, *, reach: Reach = "any"
    ) -> Job:
        """Create the job, or update the one with its agent, user and name (see ``Port.create_job``).

        ``reach`` says which users its runs reach; a pre-defined job's reach any.
        """
        _check_name(spec.name)
        definitions = self._state.store.definitions
        agent = self._state.settings.values.agent_id
        owner = user_id if spec.dynamic else None
        async with self._state.changing(agent, spec.name):
            made = definitions.version_with_key(key) if key else None
            if made is not None and (record := definitions.job(made.job_id)):
                refuse_other(record.name, spec.name, "job")
                return show(
                    self._state, record, change="created" if made.version == "1.0.0" else "updated"
                )
            record = definitions.job_named(agent, owner, spec.name)
            if spec.if_exists == "error" and record is not None and not record.deleted:
                raise Conflict(
                    f"A job named {spec.name!r} exists ({record.id}) and if_exists is 'error'.",
                    id=record.id,
                )
            planned = await self._plan(spec, owner, key, reach if spec.dynamic else "any")
            return (await self.carry_out(planned))[0]

    async def deploy(self, specs: Sequence[JobSpec], *, dry_run: bool) -> Deployment:
        """Make these the pre-defined jobs of the agent, all or none (see ``Port.deploy_jobs``)."""
        specs = [spec.evolve(dynamic=False) for spec in specs]
        names = [spec.name for spec in specs]
        for name in names:
            _check_name(name)
            if names.count(name) > 1:
                raise InvalidInput(f"Two of the jobs to deploy are named {name!r}.", field="name")
        async with self._deploying, AsyncExitStack() as held:
            agent = self._state.settings.values.agent_id
            there = {job.name for job in self._lookup.predefined()}
            for name in sorted({*names, *there}):
                await held.enter_async_context(self._state.changing(agent, name))
            plans = [await self._plan_to_deploy(spec) for spec in specs]
            steps = [_step(planned) for planned in plans]
            for record in self._lookup.predefined():
                # One that is paused may have runs that wait, and is not to be let go on by activate().
                word = status(record, self._state.fire(record).state)
                if record.name not in names and word in {"active", "paused"}:
                    left_out = self.off(record).evolve(left_out=True)
                    plans.append(Planned("updated", record, Rearming(left_out, Counts.NOT)))
                    why = "the agent deployed now has it no more"
                    steps.append(DeployStep(action="deactivate", job=record.name, why=why))
            if not dry_run:
                done = await self.carry_out(*plans)
                steps = [
                    step.evolve(cancelled_runs=job.cancelled_runs or 0)
                    for step, job in zip(steps, done, strict=True)
                ]
            return Deployment(steps=steps)

    # Working out

    async def _plan_to_deploy(self, spec: JobSpec) -> Planned:
        try:
            return await self._plan(spec, None, None, "any")
        except LuaJobsError as problem:
            problem.message = f"Nothing was deployed, for the job {spec.name!r}: {problem.message}"
            problem.args = (problem.message,)
            raise

    async def _plan(
        self, spec: JobSpec, owner: str | None, key: str | None, reach: Reach
    ) -> Planned:
        agent = self._state.settings.values.agent_id
        self._refuse_other_kind(agent, spec)
        spec = with_timeout(spec, self._state.settings.values.timeout_ceiling)
        record = self._state.store.definitions.job_named(agent, owner, spec.name)
        if record is not None:
            # From now on it runs this caller's code, so it reaches what this caller may reach.
            return await self._again(record, record.evolve(users_reach=reach), spec, key)
        spec = await check_in_full(self._state, spec)
        now = self._state.clock.now()
        job_id = self._state.ids.new("job")
        version = new_version(self._state, (job_id, spec.name), "1.0.0", spec, now=now, key=key)
        on = spec.activate is not False
        record = JobRecord(
            id=job_id,
            name=spec.name,
            agent_id=agent,
            user_id=owner,
            dynamic=spec.dynamic,
            users_reach=reach,
            active=on,
            deactivated_at=None if on else now,
            description=spec.description,
            metadata=spec.metadata,
            active_version_id=version.id,
            created_at=now,
            updated_at=now,
        )
        return Planned("created", None, Rearming(record, Counts.FIRST, version))

    async def _again(
        self, before: JobRecord, declared: JobRecord, spec: JobSpec, key: str | None
    ) -> Planned:
        """Plan for a job that there is; ``declared`` is its record with the reach it is to have."""
        on = _is_to_be_on(before, spec)
        now = self._state.clock.now()
        active = self._state.store.definitions.version(before.active_version_id or "")
        differs = [] if active is None else changed_fields(active, spec)
        if active is None or differs:
            spec = await check_in_full(self._state, spec)
            await self._refuse_dealt_with(before, spec, on=on)
            number = next_patch(self._state.store.definitions.versions(before.id))
            new = new_version(self._state, (before.id, before.name), number, spec, now=now, key=key)
            return self.switch(before, declared, active, new, on=on, differs=differs)
        missed = not before.active and passed(active, now) is not None
        if before.deleted or (_is_relative(active) and (missed or self._firing.has_fired(before))):
            spec = await check_in_full(self._state, spec)
            await self._refuse_dealt_with(before, spec, on=on)
            again = active.evolve(schedule=spec.schedule, updated_at=now)
            return self.switch(before, declared, active, again, on=on, change="rearmed")
        if on and not before.active and passed(active, now) is None:
            if why := why_unreadable(active.schedule):
                raise Conflict(f"{before.name} cannot be switched on: it could not fire. {why}")
            switched = declared.evolve(active=True, left_out=False)
            return Planned("unchanged", before, Rearming(switched, Counts.ANEW))
        if not on and before.active:
            return Planned("unchanged", before, Rearming(self.off(declared), Counts.NOT))
        if declared.users_reach == "any" and before.users_reach == "own":
            return Planned("unchanged", before, Rearming(declared, Counts.SAME))
        return Planned("unchanged", before, None)

    def switch(
        self,
        before: JobRecord,
        declared: JobRecord,
        active: JobVersion | None,
        version: JobVersion,
        *,
        on: bool,
        change: Change = "updated",
        differs: Sequence[FieldChange] = (),
    ) -> Planned:
        """Plan to publish ``version`` in place of ``active``: its metadata merged, its schedule from now.

        Where only words changed of a job that is armed, its schedule counts on instead: else a job
        whose description is edited more often than it fires would never run.
        """
        merged = merge_declared(
            declared.metadata, active.metadata if active else {}, version.metadata
        )
        record = declared.evolve(
            active_version_id=version.id,
            metadata=version.metadata if before.deleted else merged,  # it begins afresh
            description=version.description,
            active=on,
            deleted=False,
            left_out=False,
        )
        if before.active and not on:
            record = self.off(record)
        armed = before.active and not before.deleted and self._state.fire(before).state == "armed"
        same = armed and on and active is not None and only_words_differ(active, version)
        return Planned(
            change, before, Rearming(record, Counts.ON if same else Counts.ANEW, version), differs
        )

    async def _refuse_dealt_with(self, record: JobRecord, spec: JobSpec, *, on: bool) -> None:
        """Raise ``InvalidInput`` for a job created again with a time that it was already run for.

        A time relative to now (``once(seconds=0)``) asks for another run.
        """
        at = passed(spec, self._state.clock.now())
        if at is None or _is_relative(spec) or not on:
            return
        if at in await self._state.store.history.fire_times(record.id):
            raise InvalidInput(
                f"executeAt {at.isoformat()} has passed, and {record.name} was run for it; give a "
                "later time, or once(seconds=0) to run at once.",
                field="executeAt",
                value=at.isoformat(),
            )

    def _refuse_other_kind(self, agent: str, spec: JobSpec) -> None:
        for other in self._state.store.definitions.jobs_with_name(agent, spec.name):
            if other.dynamic != spec.dynamic and not other.deleted:
                kind = "a dynamic job" if other.dynamic else "a pre-defined LuaJob"
                raise Conflict(
                    f"The name {spec.name!r} belongs to {kind} ({other.id}); choose another name.",
                    id=other.id,
                )

    def off(self, record: JobRecord) -> JobRecord:
        """Return the record, switched off now. ``deactivated_at`` is later than any before."""
        now = at = self._state.clock.now()
        # The clock may be set back, and a virtual one stands still.
        if record.deactivated_at is not None:
            at = max(now, record.deactivated_at + _MICROSECOND)
        return record.evolve(active=False, left_out=False, deactivated_at=at)

    # Carrying out

    async def carry_out(self, *plans: Planned) -> list[Job]:
        """Keep all that is planned, or nothing; return the jobs as they then are."""
        fires = dict(self._state.next_fires)
        await self._firing.keep(*(planned.kept for planned in plans if planned.kept is not None))
        return [await self._told(planned, fires.get(planned.record.id)) for planned in plans]

    async def _told(self, planned: Planned, fire: datetime | None) -> Job:
        """Cancel what waited of the version before, tell of the change, and return the job."""
        job_id = planned.record.id
        if planned.kept is None:
            return self._shown(planned)
        version = planned.kept.version
        if version is not None and planned.change != "rearmed":
            self.warn_of_unset(version, planned.record.user_id)
        if planned.before is None:
            job = self._lookup.shown(job_id, "created")
            self._state.events.publish(JobCreated(at=job.created_at, job=job))
            return job
        if version is not None:
            self._log_moved(planned.record, version, fire)
        cancelled = await self._drop(job_id)
        if (record := self._state.store.definitions.job(job_id)) is not None:
            announce(self._state, record)
        return self._shown(planned).evolve(cancelled_runs=cancelled)

    def _shown(self, planned: Planned) -> Job:
        """Return the job as it now is; of one that somebody switched off and that stays so, saying it."""
        job = self._lookup.shown(planned.record.id, planned.change)
        before = planned.before
        if before is not None and not before.active and not planned.record.active:
            return job.evolve(note="it was switched off, and stays so: activate() turns it on")
        return job

    def _log_moved(self, record: JobRecord, version: JobVersion, old: datetime | None) -> None:
        new = self._state.next_fires.get(record.id)
        if old is not None and old != new:
            to = new.isoformat(timespec="seconds") if new else "none"
            self._state.log(
                f"Version {version.version} is active: the next fire moved from "
                f"{old.isoformat(timespec='seconds')} to {to}.",
                job=(record.id, record.name),
                user_id=record.user_id,
            )

    def warn_of_unset(self, version: JobVersion, user_id: str | None) -> None:
        """Log a warning that names the settings the version may read that are not set."""
        unset = [name for name in version.env or () if name not in self._state.settings.values.env]
        if unset:
            self._state.log(
                f"Version {version.version} is given settings that are not set: {', '.join(unset)}. "
                f"Set them: luajobs settings env.{unset[0]}= , or await ws.settings.set_env({unset[0]}=…).",
                level="warn",
                job=(version.job_id, version.name),
                user_id=user_id,
            )


def _check_name(name: str) -> None:
    """Raise ``InvalidInput`` for what cannot be a job's name."""
    refuse_id(check_name(name, "a job", example="daily-report"), "a job")


def _is_to_be_on(record: JobRecord, spec: JobSpec) -> bool:
    """Whether a job is on once it is declared again: where nothing is said of it, as it was.

    What somebody switched off stays off. What was deleted, or left out by a deployment, comes on.
    """
    if spec.activate is not None:
        return spec.activate
    return record.active or record.deleted or record.left_out


def _is_relative(declared: Declaration) -> bool:
    return isinstance(declared.schedule, OnceSchedule) and declared.schedule.after is not None


def passed(declared: Declaration, now: datetime) -> datetime | None:
    """Return the time of a once-schedule that has passed; None for any other schedule."""
    schedule = declared.schedule
    if isinstance(schedule, OnceSchedule) and schedule.execute_at <= now:
        return schedule.execute_at
    return None


def _step(planned: Planned) -> DeployStep:
    """Return what is planned for a declared job, in words."""
    before, record = planned.before, planned.record
    if before is None or before.deleted:
        why = "it is new" if before is None else "it was deleted, and begins afresh"
        return DeployStep(action="create", job=record.name, why=why)
    comes_on = "; an agent deployed before had it no more, and now it comes on again"
    stays_off = "; it stays inactive, as it was switched off: job.activate() turns it on"
    switched = comes_on if record.active and not before.active else ""
    if not record.active:
        switched = stays_off
    match planned.change:
        case "updated":
            fields = ", ".join(change.field for change in planned.differs)
            why = f"{fields} changed" if fields else "its active version was lost"
            return DeployStep(
                action="update", job=record.name, why=why + switched, changes=list(planned.differs)
            )
        case "rearmed":
            why = "it has run, and counts from now again"
            return DeployStep(action="rearm", job=record.name, why=why + switched)
    if switched is comes_on:
        return DeployStep(action="activate", job=record.name, why=comes_on.removeprefix("; "))
    return DeployStep(action="leave", job=record.name, why="unchanged" + switched)
