"""A workspace as one JSON document, to take it elsewhere: definitions, data, products.

The fire watermarks go with them, so that no fire that was run is run again there.
Executions, log lines and messages stay behind.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from pydantic import Field, JsonValue, ValidationError

from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.model import Document, Entry, JobRecord, JobVersion, UserRecord
from luajobs_kit.store.definitions import Put, Set
from luajobs_kit.store.fires import FireState
from luajobs_kit.store.store import Store

VERSION: Final = 1


class _Export(Document):
    format: Literal["luajobs-export"] = "luajobs-export"
    version: int = VERSION
    jobs: list[JobRecord] = Field(default_factory=list)
    versions: list[JobVersion] = Field(default_factory=list)
    users: list[UserRecord] = Field(default_factory=list)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    fires: list[FireState] = Field(default_factory=list)
    entries: list[Entry] = Field(default_factory=list)  # data and products


class Imported(NamedTuple):
    """How many of each were taken over."""

    jobs: int
    versions: int
    users: int
    settings: int
    entries: int


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


async def import_store(store: Store, exported: object) -> Imported:
    """Take over what ``export_store`` returned: all definitions, or none.

    A definition replaces the one with its id. A watermark here that is further on than
    the export's stays, and so does an entry that is here already.

    Raises ``InvalidInput`` for anything else than an export of this or an older kit, and
    ``Conflict`` where a job here has the same agent, user and name as another one in it.
    """
    found = _parse(exported)
    for job in found.jobs:
        other = store.definitions.job_named(job.agent_id, job.user_id, job.name)
        if other is not None and other.id != job.id:
            raise Conflict(
                f"The job {job.name!r} is here already ({other.id}; the import has {job.id}), and "
                "nothing was imported. Delete it here with force, or rename it, and import again.",
                name=job.name,
            )
    documents: list[JobRecord | JobVersion | UserRecord]
    documents = [*found.jobs, *found.versions, *found.users]
    # Watermarks first: a job must not be seen, even after a crash in between, without its own.
    mine = await store.history.fires()
    for fire in found.fires:
        if not _behind(fire, mine.get(fire.job_id)):
            await store.history.set_fire(fire)
    await store.definitions.commit(
        *(Put(document) for document in documents),
        *(Set(name, value) for name, value in found.settings.items()),
    )
    here = {(entry.collection, entry.id) for entry in await store.entries.everything()}
    new = [entry for entry in found.entries if (entry.collection, entry.id) not in here]
    await store.entries.restore(new)
    return Imported(
        jobs=len(found.jobs),
        versions=len(found.versions),
        users=len(found.users),
        settings=len(found.settings),
        entries=len(new),
    )


def _behind(fire: FireState, mine: FireState | None) -> bool:
    """Whether this workspace has run fires that an older export does not know of."""
    if mine is None or mine.last_fire is None:
        return False
    return fire.last_fire is None or fire.last_fire < mine.last_fire


def _parse(exported: object) -> _Export:
    if not isinstance(exported, dict) or exported.get("format") != "luajobs-export":
        raise InvalidInput("This is no export of luajobs-kit; make one with `luajobs export FILE`.")
    version = exported.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InvalidInput(
            f"This export is of a newer luajobs-kit (format {version}; this one reads up to "
            f"{VERSION}). Upgrade with `pip install -U luajobs-kit`, and import again."
        )
    try:
        return _Export.model_validate(exported)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f"This export is damaged at {where}: {first['msg']}. Nothing was imported."
        ) from error
