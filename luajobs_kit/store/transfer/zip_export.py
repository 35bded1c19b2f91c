"""A workspace with all its history as one zip file (see ``zip_archive.py``), to take it elsewhere.

Nothing that grows is ever in memory as a whole: not when it is written, nor when it is read.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from luajobs_kit.errors import InvalidInput, StorageFull
from luajobs_kit.model import (
    Document,
    Entry,
    Execution,
    JobRecord,
    JobVersion,
    LogLine,
    LogQuery,
    Message,
    UserRecord,
)
from luajobs_kit.store.definitions.disk import failure
from luajobs_kit.store.definitions.journal_format import JSONDict, to_text
from luajobs_kit.store.entries.entries import all_entries
from luajobs_kit.store.entries.entry_rules import accepted
from luajobs_kit.store.history import fires, log_rows
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.store import Store
from luajobs_kit.store.transfer import merge_history
from luajobs_kit.store.transfer.json_export import SYSTEM_TIME, Check, Declared, Now, import_store
from luajobs_kit.store.transfer.zip_archive import DEFINED, GROWN, Archive, write_archive

_KINDS: Final[dict[str, type[Document]]] = {
    "jobs": JobRecord,
    "versions": JobVersion,
    "users": UserRecord,
    "fires": FireState,
    "entries": Entry,
    "executions": Execution,
    "messages": Message,
    "logs": LogLine,
}
_MOST_JSON: Final = 2**29  # bytes of a JSON file, which is in memory as a whole
_DEFINITIONS: Final = ("jobs", "versions", "users", "settings")


async def export_archive(store: Store, path: Path) -> dict[str, int]:
    """Write everything to ``path``, where nothing is yet; return how many of each kind.

    Raises ``InvalidInput`` where something is, ``StorageFull`` and ``WorkspaceError``; nothing
    is left there then.
    """
    _refuse_relative(path)
    if path.suffix != ".zip":
        raise InvalidInput(f"An export with history is a .zip file; got {str(path)!r}.")
    await store.history.logs(LogQuery(limit=1))  # which commits the lines that wait
    declared = {table: store.definitions.rows(table) for table in _DEFINITIONS}

    def work(db: sqlite3.Connection) -> dict[str, int]:
        alone = not db.in_transaction
        if alone:
            db.execute("BEGIN")  # all of it as of one moment
        try:
            return write_archive(path, _members(db, declared))
        finally:
            if alone:
                db.execute("COMMIT")

    try:
        return await store.database.read(work)
    except FileExistsError:
        raise InvalidInput(f"{path} is there already; give the name of a new file.") from None
    except OSError as error:
        raise failure(error, "The export", path) from error


def _members(
    db: sqlite3.Connection, declared: dict[str, list[JSONDict]]
) -> Iterator[tuple[str, Iterable[str]]]:
    for table, rows in declared.items():
        yield table, map(to_text, rows)
    yield "fires", _lines(fires.load(db).values())
    yield "entries", _lines(all_entries(db))
    for table in ("executions", "messages"):
        sql = f"SELECT document FROM {table} ORDER BY created_at, seq"  # noqa: S608  our names
        yield table, (row[0] for row in db.execute(sql))
    sql = f"SELECT {log_rows.COLUMNS} FROM logs ORDER BY seq"  # noqa: S608  our names
    yield "logs", _lines(map(log_rows.from_row, db.execute(sql)))


def _lines(documents: Iterable[Document]) -> Iterator[str]:
    return (to_text(document.to_json()) for document in documents)


async def import_file(
    store: Store, path: Path, check: Check, *, now: Now = SYSTEM_TIME
) -> dict[str, int]:
    """Take over what is in a ``.zip`` file (``import_archive``), or in one of JSON (``import_store``)."""
    _refuse_relative(path)
    if path.suffix == ".zip":
        return await import_archive(store, path, check, now=now)
    exported = await asyncio.to_thread(_read_json, path)
    return await import_store(store, exported, check, now=now)


def _refuse_relative(path: Path) -> None:
    if not path.is_absolute():
        raise InvalidInput(f"The engine needs the whole path of a file; got {str(path)!r}.")


def _read_json(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_JSON + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(text) > _MOST_JSON:
        raise InvalidInput(f"{path} is too large: an export has {_MOST_JSON:,} bytes at most.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no JSON: {error}.") from None


async def import_archive(
    store: Store, path: Path, check: Check, *, now: Now = SYSTEM_TIME
) -> dict[str, int]:
    """Take over what ``export_archive`` wrote; return how many of each kind are new here.

    Definitions, watermarks and entries as ``import_store`` does, definitions last. Of history,
    what is not here is added, in steps between which others write; what had not finished
    ends as abandoned. The whole file is read first: one that is damaged, is no export, or
    would not fit is refused before anything changes. After an import that was cut short the
    same one again adds the rest.

    Raises ``InvalidInput``, ``Conflict``, ``StorageFull`` and ``WorkspaceError``.
    """
    try:
        with Archive.open(path) as archive:
            _refuse_without_room(store, archive)
            declared, lines = await asyncio.to_thread(_read_through, archive)
            declared.refuse_conflicts(store)
            check(declared)
            await declared.keep_watermarks(store, now)
            grown = await _keep_grown(store, archive, lines)
            return await declared.keep_definitions(store, now) | grown
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_through(archive: Archive) -> tuple[Declared, int]:
    """Return what is declared, and how many log lines there are. Raises ``InvalidInput``."""
    declared: dict[str, Any] = {
        kind: [each for batch in _documents(archive, kind) for each in batch]
        for kind in DEFINED
        if kind != "settings"
    }
    settings = {}
    for number, row in enumerate(
        (row for batch in archive.batches("settings") for row in batch), 1
    ):
        if not isinstance(row.get("name"), str):
            raise archive.damaged("settings", number, "a setting has a name")
        settings[row["name"]] = row.get("value")
    lines = 0
    for kind in GROWN:
        for batch in _documents(archive, kind):
            lines += len(batch) if kind == "logs" else 0
    return Declared.model_construct(**declared, settings=settings), lines


def _documents(archive: Archive, kind: str) -> Iterator[list[Any]]:
    before = 0
    for batch in archive.batches(kind):
        documents = []
        for number, each in enumerate(batch, before + 1):
            try:
                document = _KINDS[kind].model_validate(each)
                if isinstance(document, LogLine):
                    _refuse_huge(document)
                elif isinstance(document, Entry):
                    accepted(document)
            except ValueError as error:
                raise archive.damaged(kind, number, _first(error)) from error
            documents.append(document)
        yield documents
        before += len(batch)


def _refuse_huge(line: LogLine) -> None:
    if (line.metadata.attempt or 0).bit_length() > 63:
        raise ValueError("no run has so many attempts")


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error).removesuffix(".")
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _refuse_without_room(store: Store, archive: Archive) -> None:
    folder = store.database.path and store.database.path.parent
    if folder is None:
        return
    # A line takes about as much room again in the indexes.
    if (free := shutil.disk_usage(folder).free) < 2 * archive.size:
        raise StorageFull(
            f"The import unpacks to {archive.size:,} bytes, and takes twice that of {folder}, where "
            f"{free:,} are free. Nothing was imported; free some disk space and try again."
        )


async def _keep_grown(store: Store, archive: Archive, lines: int) -> dict[str, int]:
    database = store.database
    lowest = await database.read(merge_history.lowest_number)
    number = lowest - lines

    async def executions(batch: list[Execution]) -> int:
        return await database.write(partial(merge_history.restore_executions, executions=batch))

    async def messages(batch: list[Message]) -> int:
        return await database.write(partial(merge_history.restore_messages, messages=batch))

    async def logs(batch: list[LogLine]) -> int:
        nonlocal number
        first, number = number, number + len(batch)
        full_text = database.full_text
        return await database.write(
            lambda db: merge_history.restore_lines(db, batch, first, lowest, full_text=full_text)
        )

    keepers: dict[str, Callable[[list[Any]], Awaitable[int]]] = {
        "entries": store.entries.restore,
        "executions": executions,
        "messages": messages,
        "logs": logs,
    }
    counts = dict.fromkeys(keepers, 0)
    for kind, keep in keepers.items():
        batches = _documents(archive, kind)
        while batch := await asyncio.to_thread(next, batches, None):
            counts[kind] += await keep(batch)
    return counts
