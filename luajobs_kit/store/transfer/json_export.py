"""A workspace as one JSON document, to take it elsewhere: definitions, data, products.

The fire watermarks go with them, so that no fire that was run is run again there.
Executions, log lines and messages stay behind; ``zip_export.py`` takes them along.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field, JsonValue, ValidationError

from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.model import Document, Entry, JobRecord, JobVersion, OnceSchedule, UserRecord
from luajobs_kit.store.definitions.definitions import Put, Set
from luajobs_kit.store.entries.entry_rules import accepted
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.store import Store
from luajobs_kit.store.transfer.zip_archive import FORMAT, VERSION

Check = Callable[["Declared"], object]
"""Raises ``InvalidInput`` for settings that a workspace cannot have, and jobs that it cannot run."""

_ANY: Final[Check] = bool  # a store itself takes all settings


class Declared(Document):
    """What an import brings besides history and entries."""

    jobs: list[JobRecord] = Field(default_factory=list)
    versions: list[JobVersion] = Field(default_factory=list)
    users: list[UserRecord] = Field(default_factory=list)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    fires: list[FireState] = Field(default_factory=list)

    def refuse_conflicts(self, store: Store) -> None:
        """Raise ``Conflict`` where two jobs, of the import or of the store, would be one."""
        identities: dict[tuple[str, str | None, str], str] = {}
        for job in self.jobs:
            identity = (job.agent_id, job.user_id, job.name)
            here = store.definitions.job_named(*identity)
            other = identities.setdefault(identity, job.id if here is None else here.id)
            if other != job.id:
                raise Conflict(
                    f"The job {job.name!r} is here already ({other}; the import has {job.id}), and "
                    "nothing was imported. Delete it here with force, or rename it, and import "
                    "again.",
                    name=job.name,
                )

    async def count_from(self, now: datetime, store: Store) -> None:
        """Have every schedule count from ``now`` that could otherwise run again what has run.

        That is each one that takes the place of a job which was armed or switched otherwise here,
        and each one that comes without its watermark. A job that was here once and is no more
        is done with what the history has runs for.
        """
        schedules = {version.id: version.schedule for version in self.versions}
        fires = {fire.job_id: fire for fire in self.fires}
        for place, job in enumerate(self.jobs):
            here, fire = store.definitions.job(job.id), fires.get(job.id)
            schedule = schedules.get(job.active_version_id or "")
            at = schedule.execute_at if isinstance(schedule, OnceSchedule) else None
            if fire is None or (here is not None and _arming(here) != _arming(job)):
                # Off: what says so must be the record, for the engine may die before the rest.
                passed = at is not None and at <= now
                job = job.evolve(armed_at=now, active=job.active and not passed)  # noqa: PLW2901
                self.jobs[place] = job
                fires[job.id] = FireState(
                    job_id=job.id, armed_at=now, skipped=fire.skipped if fire else 0
                )
            elif here is None:
                run = {time for time in await store.history.fire_times(job.id) if time <= now}
                if last := max([*run, *([fire.last_fire] if fire.last_fire else [])], default=None):
                    done = fire.state == "armed" and at in run
                    state = "done" if done else fire.state
                    fires[job.id] = fire.evolve(last_fire=last, state=state)
        self.fires[:] = fires.values()

    async def keep_watermarks(self, store: Store) -> None:
        """Keep the fires of jobs that are not here yet, and those further on than here.

        To be done before all else: a job must not be seen, even after a crash in between,
        without its own.
        """
        mine = await store.history.fires()
        for fire in self.fires:
            here = store.definitions.job(fire.job_id)
            if here is not None and here.armed_at != fire.armed_at:
                continue  # of an arming to come: see keep_definitions
            if not _behind(fire, mine.get(fire.job_id)):
                await store.history.set_fire(fire)

    async def keep_definitions(self, store: Store) -> dict[str, int]:
        """Keep all definitions, or none, in place of those with their ids; return how many."""
        documents: list[JobRecord | JobVersion | UserRecord]
        documents = [*self.jobs, *self.versions, *self.users]
        before = {job.id: store.definitions.job(job.id) for job in self.jobs}
        await store.definitions.commit(
            *(Put(document) for document in documents),
            *(Set(name, value) for name, value in self.settings.items()),
        )
        for fire in self.fires:  # armed anew: the record first, for it says which arming holds
            here = before.get(fire.job_id)
            if here is not None and here.armed_at != fire.armed_at:
                await store.history.set_fire(fire)
        return {
            "jobs": len(self.jobs),
            "versions": len(self.versions),
            "users": len(self.users),
            "settings": len(self.settings),
        }


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
    store: Store, exported: object, check: Check = _ANY, *, now: datetime | None = None
) -> dict[str, int]:
    """Take over what ``export_store`` returned: all definitions, or none; return how many of each.

    All of it is looked at before anything changes, and definitions come last. A definition replaces the one with its id. A watermark here that is further on than
    the export's stays, and so does an entry that is here already. From ``now`` on count the schedules
    that could otherwise run again what has run (``Declared.count_from``).

    Raises ``InvalidInput`` for anything else than an export of this or an older kit, and
    ``Conflict`` where a job here has the same agent, user and name as another one in it.
    """
    found = _parse(exported)
    found.refuse_conflicts(store)
    check(found)
    if now is not None:
        await found.count_from(now, store)
    await found.keep_watermarks(store)
    entries = await store.entries.restore(found.entries)
    return await found.keep_definitions(store) | {"entries": entries}


def _arming(job: JobRecord) -> tuple[object, ...]:
    """Return what says which fires of a job run."""
    return job.armed_at, job.active_version_id, job.active and not job.deleted


def _behind(fire: FireState, mine: FireState | None) -> bool:
    """Whether this workspace has run fires that an older export does not know of."""
    if mine is None or mine.last_fire is None:
        return False
    return fire.last_fire is None or fire.last_fire < mine.last_fire


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
