"""Reading definitions back, after any way a process or a disk can have ended.

Nothing on disk is changed before everything was looked at: a file of a newer kit is
refused and stays as it is. What cannot be read is kept beside, byte for byte, and said.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store.definitions.damaged_snapshot import KNOWN, Snapshot, read_snapshot
from luajobs_kit.store.definitions.indexes import name_of
from luajobs_kit.store.definitions.journal_format import JSONDict, Tables, decode_line
from luajobs_kit.store.definitions.snapshot import VERSION
from luajobs_kit.store.replay import Replay, is_whole

Migration = Callable[[Tables], Tables]


def _from_tinydb(tables: Tables) -> Tables:
    """Format 0 is a file of TinyDB's own JSONStorage: tables and nothing else."""
    for name, documents in tables.items():
        if not isinstance(documents, dict) or not all(
            isinstance(document, dict) and number.isdecimal()
            for number, document in documents.items()
        ):
            raise WorkspaceError(
                f"definitions.json is JSON but no TinyDB file (table {name!r}); move it out of "
                "the workspace folder and start again"
            )
    return tables


MIGRATIONS: Final[dict[int, Migration]] = {0: _from_tinydb}
"""How to get from a format to the next one."""


@dataclass(slots=True)
class Recovered:
    """Definitions as read, and what had to be done for it."""

    tables: Tables = field(default_factory=dict)
    commit: int = 0
    findings: list[str] = field(default_factory=list)
    rewrite: bool = False
    """Whether the files must be written afresh before anything is appended to them."""
    cut: dict[Path, int] = field(default_factory=dict)
    """Journals that end in half a line, and the size to cut them to."""


def recover(snapshot_path: Path, journals: list[Path]) -> Recovered:
    """Read the snapshot, then the journals (oldest first).

    Raises ``WorkspaceError`` for a file of a newer version of the kit.
    """
    snapshot = read_snapshot(snapshot_path)
    contents = {path: path.read_bytes() for path in journals if path.exists()}
    _refuse_newer(snapshot_path, snapshot.version if snapshot else VERSION)
    for path, data in contents.items():
        _refuse_newer(path, _journal_version(data))
    found = Recovered()
    if snapshot is not None:
        _take_snapshot(found, snapshot_path, snapshot)
    first = _replay(found, contents, snapshot)
    if snapshot is None and contents and first != 1:
        # A journal is never made before its snapshot: there was one.
        told = f"lost: {snapshot_path.name} is missing; what was kept only in it is gone"
        found.findings.insert(0, told)
        found.rewrite = True
    return found


def _refuse_newer(path: Path, version: int) -> None:
    if version > VERSION:
        raise WorkspaceError(
            f"{path} was written by a newer luajobs-kit (format {version}; this one reads up to "
            f"{VERSION}). Nothing was changed. Upgrade with `pip install -U luajobs-kit`, or use "
            "another workspace folder (LUAJOBS_HOME)."
        )


def _journal_version(data: bytes) -> int:
    try:
        version = decode_line(data.partition(b"\n")[0]).get("version", VERSION)
    except (ValueError, RecursionError):
        return VERSION  # damaged or torn: told when it is replayed
    return version if isinstance(version, int) else VERSION


def _take_snapshot(found: Recovered, path: Path, snapshot: Snapshot) -> None:
    found.tables, found.commit = snapshot.tables, snapshot.commit
    found.findings += snapshot.findings
    if snapshot.damaged:
        _keep_damaged(found, path)
    if snapshot.version < VERSION:
        for version in range(snapshot.version, VERSION):
            found.tables = MIGRATIONS[version](found.tables)
        beside = keep_beside(path, f"format{snapshot.version}")
        found.findings.append(
            f"{path.name} was migrated from format {snapshot.version} to {VERSION}; "
            f"the old file is kept as {beside.name}"
        )
        found.rewrite = True


def _replay(found: Recovered, contents: dict[Path, bytes], snapshot: Snapshot | None) -> int | None:
    """Apply the journals; return the first commit that is in them."""
    damaged = snapshot is not None and snapshot.damaged  # then its number may be, too
    replay = Replay(found.tables, found.commit, None if damaged else found.commit)
    unsound = []
    for path, data in contents.items():
        lines = data.split(b"\n")
        torn = (
            lines.pop()
        )  # what follows the last line's end: nothing, unless a write was cut short
        if is_whole(torn):
            lines.append(torn[:-1])
            unsound.append(path)
        elif b"\0" in torn:
            found.findings.append(
                f"{path.name} ended in {len(torn)} bytes with zeros in them: a write that was cut "
                "short and never acknowledged, or the last commits, which are lost then"
            )
            unsound.append(path)
        elif torn:
            found.findings.append(
                f"{path.name} ended in {len(torn)} bytes of a write that was cut short and never "
                "acknowledged; they were dropped"
            )
            found.cut[path] = len(data) - len(torn)
        if not replay.lines(path.name, lines):
            unsound.append(path)
    replay.end()
    found.commit = replay.commit
    found.findings += replay.findings
    for path in dict.fromkeys(unsound):
        _keep_damaged(found, path)
    _number(found.tables, (snapshot.unnumbered if snapshot else []) + replay.displaced)
    return replay.first


def _number(tables: Tables, documents: list[tuple[str, JSONDict]]) -> None:
    """Keep documents under numbers that are free, unless the journal had them again."""
    for table in dict.fromkeys(name for name, _ in documents):
        there = tables.setdefault(table, {})
        number = max(map(int, there), default=0)
        names = {name_of(table, each) for each in there.values()} if table in KNOWN else set()
        for _, document in (each for each in documents if each[0] == table):
            if name_of(table, document) not in names:
                number += 1
                there[str(number)] = document


def _keep_damaged(found: Recovered, path: Path) -> None:
    beside = keep_beside(path, "damaged")
    found.findings.append(f"{path.name} as it was is kept as {beside.name}")
    found.rewrite = True


def keep_beside(path: Path, reason: str) -> Path:
    """Copy ``path`` to a free name beside it, such as ``definitions.json.damaged-1``.

    Where a start before this one has made that copy, and then failed, it is not made again.
    """
    number = 1
    while (beside := path.with_name(f"{path.name}.{reason}-{number}")).exists():
        if filecmp.cmp(path, beside, shallow=False):
            return beside
        number += 1
    half = beside.with_name(beside.name + ".new")
    shutil.copy2(path, half)
    with half.open("rb+") as file:
        os.fsync(file.fileno())
    half.replace(beside)
    return beside
