"""Reading definitions back, after any way a process or a disk can have ended.

Nothing on disk is changed before everything was looked at: a file of a newer kit is
refused and stays as it is. What cannot be read is kept beside, byte for byte, and said.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store.changes import Tables, apply_line, decode_line
from luajobs_kit.store.snapshot import VERSION, Snapshot, read_snapshot

Migration = Callable[[Tables], Tables]


def _from_tinydb(tables: Tables) -> Tables:
    """Format 0 is a file of TinyDB's own JSONStorage: tables and nothing else."""
    for name, documents in tables.items():
        if not isinstance(documents, dict) or not all(
            isinstance(document, dict) for document in documents.values()
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
    for path, data in contents.items():
        _replay(found, path, data, missing_snapshot=snapshot is None)
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
    except ValueError:
        return VERSION  # damaged or torn: told when it is replayed
    return version if isinstance(version, int) else VERSION


def _take_snapshot(found: Recovered, path: Path, snapshot: Snapshot) -> None:
    found.tables, found.commit = snapshot.tables, snapshot.commit
    found.findings += snapshot.findings
    if snapshot.damaged:
        beside = keep_beside(path, "damaged")
        found.findings.append(f"{path.name} as it was is kept as {beside.name}")
        found.rewrite = True
    if snapshot.version < VERSION:
        beside = keep_beside(path, f"format{snapshot.version}")
        for version in range(snapshot.version, VERSION):
            found.tables = MIGRATIONS[version](found.tables)
        found.findings.append(
            f"{path.name} was migrated from format {snapshot.version} to {VERSION}; "
            f"the old file is kept as {beside.name}"
        )
        found.rewrite = True


def _replay(found: Recovered, path: Path, data: bytes, *, missing_snapshot: bool) -> None:
    lines = data.split(b"\n")
    torn = lines.pop()  # what follows the last line's end: nothing, unless a write was cut short
    bad: list[int] = []
    for number, line in enumerate(lines, 1):
        try:
            value = decode_line(line)
            if "commit" not in value:
                continue  # the header
            commit = int(value["commit"])
            if commit <= found.commit:
                continue  # the snapshot has it
            if commit > found.commit + 1 and not bad:
                found.findings.append(_gap(path, found.commit, commit, missing_snapshot))
            apply_line(found.tables, value)
            found.commit = commit
        except (ValueError, KeyError, TypeError):
            bad.append(number)
            found.findings.append(
                f"lost: line {number} of {path.name} ({len(line)} bytes) is damaged; it was the "
                f"commit after {found.commit}"
            )
    if torn:
        found.findings.append(
            f"{path.name} ended in {len(torn)} bytes of a write that was cut short and never "
            "acknowledged; they were dropped"
        )
        found.cut[path] = len(data) - len(torn)
    if bad:
        beside = keep_beside(path, "damaged")
        found.findings.append(f"{path.name} as it was is kept as {beside.name}")
        found.rewrite = True


def _gap(path: Path, last: int, commit: int, missing_snapshot: bool) -> str:  # noqa: FBT001 - one call
    if missing_snapshot and last == 0:
        return (
            f"lost: definitions.json is missing and {path.name} begins with commit {commit}; "
            "what was kept only in the snapshot is gone"
        )
    return f"lost: commits {last + 1} to {commit - 1} are missing from {path.name}"


def keep_beside(path: Path, reason: str) -> Path:
    """Copy ``path`` to a free name beside it, such as ``definitions.json.damaged-1``."""
    number = 1
    while (beside := path.with_name(f"{path.name}.{reason}-{number}")).exists():
        number += 1
    shutil.copy2(path, beside)
    return beside
