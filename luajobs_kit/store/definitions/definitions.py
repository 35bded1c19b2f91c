"""Jobs, versions, users and settings: what people declared."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Document, JobRecord, JobVersion, UserRecord
from luajobs_kit.store.definitions.commits import Pending
from luajobs_kit.store.definitions.disk import Disk
from luajobs_kit.store.definitions.group_commit import Syncer
from luajobs_kit.store.definitions.indexes import Indexes, digits_of, name_of, plain
from luajobs_kit.store.definitions.journal_format import Change, JSONDict, checked_text
from luajobs_kit.store.definitions.tinydb_storage import JournalDatabase, JournalStorage, copied
from luajobs_kit.store.workspace_lock import WorkspaceLock

_TABLES: Final[dict[type[Document], str]] = {
    JobRecord: "jobs",
    JobVersion: "versions",
    UserRecord: "users",
}
_SETTINGS: Final = "settings"
_PARSED: Final = 8_192  # documents kept parsed
_MOST_FINDINGS: Final = 200  # findings; after that they only become more
_D = TypeVar("_D", bound=Document)


@dataclass(frozen=True, slots=True)
class Put:
    """Keep this document, in place of the one with its id."""

    document: JobRecord | JobVersion | UserRecord


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the document with this one's id; nothing happens where there is none."""

    document: JobRecord | JobVersion | UserRecord


@dataclass(frozen=True, slots=True)
class Set:
    """Set a setting to any JSON value; None forgets it."""

    name: str
    value: Any


class Definitions:
    """TinyDB documents with indexes. Reads are of memory and do not scan.

    Readers see what is on disk, and between two awaits it stays as it is. To be used
    from one event loop; ``tinydb`` is the database itself, with TinyDB's own verbs,
    which block until they are on disk.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        disk: Disk | None = None,
        lock: WorkspaceLock | None = None,
    ) -> None:
        """Read (and where needed recover) the definitions in ``folder``; None: in memory.

        ``lock`` is the folder's, where the caller has taken it. Raises ``WorkspaceError``
        when they are of a newer kit, or cannot be opened.
        """
        self.tinydb = JournalDatabase(
            folder, fsync=fsync, disk=disk, lock=lock, storage=JournalStorage
        )
        self._storage = cast("JournalStorage", self.tinydb.storage)
        # Parsed when first asked for; they take as much room again as what they are parsed from.
        self._documents: OrderedDict[tuple[str, str], Document] = OrderedDict()
        self._indexes = Indexes()
        self._reserved: dict[tuple[str, str], str] = {}  # ids of documents on their way to disk
        self._syncer = Syncer(self._storage.commits.sync, self._storage.commits.settle)
        for table, documents in self._storage.tables.items():
            for key, document in documents.items():
                self._indexes.change(table, key, None, document)
        self._storage.commits.on_change = self._changed
        if self._storage.rewritten:
            self._look_through()
        self._storage.commits.on_discard = self._reserved.clear

    @property
    def findings(self) -> list[str]:
        """What had to be done to read the definitions, in words; empty when all was well."""
        return self._storage.findings

    # Reading

    def job(self, job_id: str) -> JobRecord | None:
        return self._find(JobRecord, self._indexes.key("jobs", job_id))

    def job_named(self, agent_id: str, user_id: str | None, name: str) -> JobRecord | None:
        """Return the job with this identity, a deleted one too."""
        return self._find(JobRecord, self._indexes.key("identity", (agent_id, user_id, name)))

    def jobs(self) -> list[JobRecord]:
        """Return all jobs in the order they were first kept, deleted ones too."""
        return self._all(JobRecord)

    def jobs_with_name(self, agent_id: str, name: str) -> list[JobRecord]:
        keys = self._indexes.group("name", (agent_id, name))
        return [job for key in keys if (job := self._find(JobRecord, key))]

    def version(self, version_id: str) -> JobVersion | None:
        return self._find(JobVersion, self._indexes.key("versions", version_id))

    def versions(self, job_id: str) -> list[JobVersion]:
        """Return a job's versions, oldest first."""
        keys = self._indexes.group("job", job_id)
        return [version for key in keys if (version := self._find(JobVersion, key))]

    def version_with_key(self, key: str) -> JobVersion | None:
        """Return the version made by the request with this idempotency key."""
        return self._find(JobVersion, self._indexes.key("idempotency", key))

    def user(self, user_id: str) -> UserRecord | None:
        return self._find(UserRecord, self._indexes.key("users", user_id))

    def users(self) -> list[UserRecord]:
        return self._all(UserRecord)

    def user_with_email(self, email: str) -> UserRecord | None:
        """Return the user with this address; capitals do not matter."""
        return self._find(UserRecord, self._indexes.key("email", plain(email)))

    def user_with_phone(self, digits: str) -> UserRecord | None:
        """Return the user with this number; only its digits matter."""
        return self._find(UserRecord, self._indexes.key("phone", digits_of(digits)))

    def settings(self) -> dict[str, Any]:
        rows = self._rows(_SETTINGS).values()
        return {row["name"]: copied(row.get("value")) for row in rows if _is_setting(row)}

    def rows(self, table: str) -> list[JSONDict]:
        """Return the documents of a table as they are kept; they are not to be changed."""
        return list(self._rows(table).values())

    def _rows(self, table: str) -> dict[str, JSONDict]:
        return self._storage.tables.get(table, {})

    def _all(self, kind: type[_D]) -> list[_D]:
        return [found for key in self._rows(_TABLES[kind]) if (found := self._find(kind, key))]

    def _find(self, kind: type[_D], key: str | None) -> _D | None:
        if key is None:
            return None
        table = _TABLES[kind]
        found = self._documents.get((table, key))
        if found is None and (row := self._rows(table).get(key)) is not None:
            try:
                found = kind.model_validate(copied(row))
            except (ValidationError, RecursionError) as error:
                self._tell_unusable(table, key, row, error)
                return None
            if self._indexes.key(table, name_of(table, row)) != key:
                self.report(
                    f"document {key} of table {table} is older than another with its id, "
                    f"{name_of(table, row)}; it is not used"
                )
                return None
            self._documents[table, key] = found
            if len(self._documents) > _PARSED:
                self._documents.popitem(last=False)
        return cast("_D | None", found)

    # Telling what cannot be used

    def _look_through(self) -> None:
        """Read all there is, so that what cannot be used is reported at once."""
        self.users()
        idle = [j.name for j in self.jobs() if self.version(j.active_version_id or "") is None]
        if idle:
            self.report(
                f"lost: the active version of {named(idle)}; that does not run until a version is "
                "published, or the job is created again"
            )
        left = [v.name for v in self._all(JobVersion) if self.job(v.job_id) is None]
        if left:
            self.report(f"lost: {named(list(dict.fromkeys(left)))}, of which versions are there")
        for key, row in self._rows(_SETTINGS).items():
            if not _is_setting(row) or self._indexes.key(_SETTINGS, row["name"]) != key:
                self.report(f"lost: document {key} of table settings names no setting of its own")

    def _tell_unusable(self, table: str, key: str, row: JSONDict, error: Exception) -> None:
        why = "it is nested too deep"
        if isinstance(error, ValidationError):
            why = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3]
            )
        self.report(
            f"lost: {table.removesuffix('s')} {row.get('name', row.get('id'))!r:.80} cannot be used "
            f"({why}); it stays in the definitions as document {key} of table {table}"
        )

    def report(self, finding: str) -> None:
        """Add to ``findings``, once."""
        count = len(self.findings)
        if count < _MOST_FINDINGS and finding not in self.findings:
            more = "lost: more than is told here; the files kept beside have it all"
            self.findings.append(finding if count < _MOST_FINDINGS - 1 else more)

    # Writing

    async def commit(self, *changes: Put | Remove | Set) -> None:
        """Make all of ``changes``, or none; on disk when this returns.

        Commits take effect in the order of their calls, and callers that wait at the
        same time share one sync. Cancelling the caller does not take its commit back.
        Raises ``StorageFull`` or ``WorkspaceError`` when it could not be kept; then
        nothing has changed, and trying again later is safe. Raises ``WorkspaceGone`` when
        another folder or none stands at the path: nothing is kept here any more.
        """
        steps: list[Change] = []
        made = [key for change in changes if (key := self._plan(change, steps))]
        if not steps:
            return
        try:
            pending = self._storage.append(steps)
        except BaseException:
            for name in made:
                self._reserved.pop(name, None)
            raise
        await self._on_disk(pending)

    async def _on_disk(self, pending: Pending) -> None:
        if not pending.done:
            await self._syncer.on_disk(lambda: pending.done)
        if pending.error is not None:
            raise pending.error

    @property
    def unwritten(self) -> str | None:
        """Why the last commit could not be kept, in words, until one is."""
        return self._storage.commits.unwritten

    async def try_writing(self) -> None:
        """Commit nothing, to the disk. Raises what ``commit`` does."""
        await self._on_disk(self._storage.append([]))

    def _plan(self, change: Put | Remove | Set, steps: list[Change]) -> tuple[str, str] | None:
        """Add a change's steps; return the name of a document that is new with it."""
        if isinstance(change, Set):
            table, id_ = _SETTINGS, change.name
            text = None if change.value is None else _setting(change)
        else:
            table, id_ = _TABLES[type(change.document)], change.document.id
            text = None if isinstance(change, Remove) else _text(change.document)
        key = self._indexes.key(table, id_) or self._reserved.get((table, id_))
        if text is None:
            if key is not None:
                steps.append(Change("remove", table, key))
            return None
        new = key is None
        if key is None:
            key = self._reserved[table, id_] = str(self.tinydb.table(table)._get_next_id())  # type: ignore[no-untyped-call]  # noqa: SLF001 - one counter with TinyDB's own inserts
        steps.append(Change("put", table, key, text))
        return (table, id_) if new else None

    def _changed(self, table: str, key: str, old: JSONDict | None, new: JSONDict | None) -> None:
        self._documents.pop((table, key), None)
        self._indexes.change(table, key, old, new)
        if self._reserved and new is not None:
            self._reserved.pop((table, name_of(table, new)), None)

    def confirm(self) -> None:
        """Make sure that the journal is still the one in the folder. Raises ``WorkspaceGone``."""
        self._storage.commits.confirm()

    async def aclose(self) -> None:
        """Finish what is in line and let go of the files."""
        await asyncio.to_thread(self._syncer.close)
        await asyncio.to_thread(self.tinydb.close)


def named(jobs: list[str]) -> str:
    """Return jobs in words, however many there are."""
    more = f" and {len(jobs) - 20} more" if len(jobs) > 20 else ""
    return f"{'jobs' if len(jobs) > 1 else 'job'} {', '.join(jobs[:20])}{more}"


def _is_setting(row: JSONDict) -> bool:
    return isinstance(row.get("name"), str) and "value" in row


def _text(document: Document) -> str:
    try:
        # What model_dump_json() calls, without the way there (``journal_format.py`` says why it counts).
        dump = document.__pydantic_serializer__.to_json
        return dump(document, by_alias=True, exclude_none=True).decode()
    except ValueError as error:
        raise InvalidInput(f"{type(document).__name__} cannot be kept as JSON: {error}") from error


def _setting(change: Set) -> str:
    try:
        what = f"the setting {change.name!r}"
        return checked_text({"name": change.name, "value": change.value}, what)
    except InvalidInput:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the setting {change.name!r} is no JSON value: {error}") from error
