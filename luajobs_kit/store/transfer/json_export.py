"""A workspace as one JSON document, to take it elsewhere: definitions, data, products.

The fire watermarks go with them, so that no fire that was run is run again there.
Executions, log lines and messages stay behind; ``zip_export.py`` takes them along.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import Field, JsonValue, PrivateAttr, ValidationError

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.model import (
    DEFAULT_AGENT,
    Document,
    Entry,
    JobRecord,
    JobVersion,
    OnceSchedule,
    Schedule,
    UserRecord,
)
from luajobs_kit.store.definitions.definitions import Put, Set
from luajobs_kit.store.entries.entry_rules import accepted
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.store import Store
from luajobs_kit.store.transfer.zip_archive import FORMAT, VERSION

Check = Callable[["Declared"], object]
"""Raises ``InvalidInput`` for settings that a workspace cannot have, and jobs that it cannot run."""

Now = Callable[[], datetime]
"""Returns the time, aware."""

_ANY: Final[Check] = bool  # a store itself takes all settings
SYSTEM_TIME: Final[Now] = SystemClock().now


class Declared(Document):
    """What an import brings besides history and entries."""

    jobs: list[JobRecord] = Field(default_factory=list)
    versions: list[JobVersion] = Field(default_factory=list)
    users: list[UserRecord] = Field(default_factory=list)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    fires: list[FireState] = Field(default_factory=list)
    _new: set[str] = PrivateAttr(default_factory=set)
    """The ids of jobs whose watermarks were kept because they were not here."""

    def refuse_conflicts(self, store: Store) -> None:
        """Raise ``Conflict`` where two jobs, of the import or of the store, would be one.

        All of them are to be jobs of the workspace's one agent, whosever they were.
        """
        agent = store.definitions.settings().get("agent_id", DEFAULT_AGENT)
        identities: dict[tuple[str | None, str], str] = {}
        for job in self.jobs:
            identity = (job.user_id, job.name)
            here = store.definitions.job_named(agent, *identity)
            other = identities.setdefault(identity, job.id if here is None else here.id)
            if other != job.id:
                raise Conflict(
                    f"The job {job.name!r} is here already ({other}; the import has {job.id}), and "
                    "nothing was imported. Delete it here with force, or rename it, and import "
                    "again.",
                    name=job.name,
                )

    async def keep_watermarks(self, store: Store, now: Now) -> None:
        """Keep the watermarks of jobs that are not here yet, and those further on than here.

        To be done before all else: a job must not be seen, even after a crash in between,
        without its own. A job that was here once and is no more is done with what the history has
        runs for. One that comes without its watermark counts from now.
        """
        mine = await store.history.fires()
        for place, job in enumerate(self.jobs):
            fire, here = self._watermark(job), store.definitions.job(job.id)
            if here is None:
                if fire is None:
                    self.jobs[place], fire = self._armed_anew(job, now())
                else:
                    fire = await self._done_before(fire, job, store, now())
                self._new.add(job.id)
                await store.history.set_fire(fire)
            elif (
                fire is not None
                and _arming(here) == _arming(job)
                and _is_further(fire, mine.get(job.id))
            ):
                await store.history.set_fire(fire)

    async def keep_definitions(self, store: Store, now: Now) -> dict[str, int]:
        """Keep all definitions, or none, in place of those with their ids; return how many.

        A schedule that takes the place of one which was armed or switched otherwise here counts from
        now: it could otherwise run again what has run.
        """
        # Worked out and committed without a pause in which a fire could be claimed that is later.
        anew: list[FireState] = []
        for place, job in enumerate(self.jobs):
            if job.id in self._new:
                continue
            here = store.definitions.job(job.id)  # None: deleted since
            if here is None or self._watermark(job) is None or _arming(here) != _arming(job):
                self.jobs[place], fire = self._armed_anew(job, now())
                anew.append(fire)
        documents: list[JobRecord | JobVersion | UserRecord]
        documents = [*self.jobs, *self.versions, *self.users]
        await store.definitions.commit(
            *(Put(document) for document in documents),
            *(Set(name, value) for name, value in self.settings.items()),
        )
        mine = await store.history.fires()
        for fire in anew:  # after the record, which says which arming holds
            skipped = max(fire.skipped, mine[fire.job_id].skipped if fire.job_id in mine else 0)
            await store.history.set_fire(fire.evolve(skipped=skipped))
        return {
            "jobs": len(self.jobs),
            "versions": len(self.versions),
            "users": len(self.users),
            "settings": len(self.settings),
        }

    def _watermark(self, job: JobRecord) -> FireState | None:
        """Return the watermark that comes with a job; None for one of another arming of it."""
        fire = self._fires_by_job.get(job.id)
        return fire if fire and fire.armed_at == (job.armed_at or job.created_at) else None

    @cached_property
    def _fires_by_job(self) -> dict[str, FireState]:
        return {fire.job_id: fire for fire in self.fires}

    def _once(self, job: JobRecord) -> datetime | None:
        """Return the time of a once-job; None for any other."""
        schedule = self._schedules.get(job.active_version_id or "")
        return schedule.execute_at if isinstance(schedule, OnceSchedule) else None

    @cached_property
    def _schedules(self) -> dict[str, Schedule]:
        return {version.id: version.schedule for version in self.versions}

    def _armed_anew(self, job: JobRecord, now: datetime) -> tuple[JobRecord, FireState]:
        """Return a job and its watermark as they are when its schedule counts from ``now``.

        A once-job whose time has passed is inactive. A job that was paused stays so.
        """
        fire = self._watermark(job) or FireState(job_id=job.id, armed_at=now)
        at = self._once(job)
        passed = at is not None and at <= now
        # The record says so, for the engine may die before the rest is kept.
        left_out = job.left_out or (job.active and passed)
        return (
            job.evolve(armed_at=now, active=job.active and not passed, left_out=left_out),
            fire.evolve(armed_at=now, last_fire=None),
        )

    async def _done_before(
        self, fire: FireState, job: JobRecord, store: Store, now: datetime
    ) -> FireState:
        """Return the watermark of a job that may have been here once: what has run is dealt with."""
        run = {time for time in await store.history.fire_times(job.id) if time <= now}
        last = max([*run, *([fire.last_fire] if fire.last_fire else [])], default=None)
        done = fire.state == "armed" and self._once(job) in run
        return fire.evolve(last_fire=last, state="done" if done else fire.state)


class _Export(Declared):
    format: Literal["luajobs-export"] = FORMAT
    version: int = VERSION
    entries: list[Entry] = Field(default_factory=list)  # data and products


async def export_store(store: Store) -> dict[str, Any]:
    """Return all but the history as one JSON value; settings may hold secrets."""
    jobs = store.definitions.jobs()
    return _Export(
        jobs=jobs,
        versions=[version for job in jobs for version in store.definitions.versions(job.id)],
        users=store.definitions.users(),
        settings=store.definitions.settings(),
        fires=list((await store.history.fires()).values()),
        entries=await store.entries.everything(),
    ).to_json()


async def import_store(
    store: Store, exported: object, check: Check = _ANY, *, now: Now = SYSTEM_TIME
) -> dict[str, int]:
    """Take over what ``export_store`` returned: all definitions, or none; return how many of each.

    All of it is looked at before anything changes, and definitions come last. A definition replaces
    the one with its id. A watermark here that is further on within the same arming than the export's
    stays, and so does an entry that is here already. From ``now()`` on count the schedules that could
    otherwise run again what has run: those armed or switched otherwise here, and those that come
    without a watermark.

    Raises ``InvalidInput`` for anything else than an export of this or an older kit, and
    ``Conflict`` where a job here has the same agent, user and name as another one in it.
    """
    found = _parse(exported)
    found.refuse_conflicts(store)
    check(found)
    await found.keep_watermarks(store, now)
    entries = await store.entries.restore(found.entries)
    return await found.keep_definitions(store, now) | {"entries": entries}


def _arming(job: JobRecord) -> tuple[object, ...]:
    """Return what says which fires of a job run."""
    return job.armed_at, job.active_version_id, job.active and not job.deleted


def _is_further(fire: FireState, mine: FireState | None) -> bool:
    """Whether a watermark of an arming here is further on than ``mine``, or mine is of another arming."""
    if mine is None or mine.armed_at != fire.armed_at:
        return True
    if fire.last_fire is None:
        return False
    return mine.last_fire is None or mine.last_fire < fire.last_fire


def _parse(exported: object) -> _Export:
    if not isinstance(exported, dict) or exported.get("format") != FORMAT:
        raise InvalidInput("This is no export of luajobs-kit; make one with `luajobs export FILE`.")
    version = exported.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InvalidInput(
            f"This export is of a newer luajobs-kit (format {version}; this one reads up to "
            f"{VERSION}). Upgrade with `pip install -U luajobs-kit`, and import again."
        )
    try:
        found = _Export.model_validate(exported)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(where, first["msg"]) from error
    _refuse_bad(found.entries)
    return found


def _refuse_bad(entries: list[Entry]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for place, entry in enumerate(entries):
        where = f"entries.{place}"
        try:
            accepted(entry)
        except InvalidInput as error:
            raise _damaged(where, str(error).removesuffix(".")) from error
        first = seen.setdefault((entry.collection, entry.id), place)
        if first != place:
            raise _damaged(where, f"entries.{first} has the id {entry.id!r} too")


def _damaged(where: str, why: str) -> InvalidInput:
    return InvalidInput(f"This export is damaged at {where}: {why}. Nothing was imported.")
