"""Recovery: definitions are read back after any end of a process or a disk.

Nothing on disk is changed before everything was looked at: a file of a newer kit is
refused and stays as it is. What cannot be read is kept beside, byte for byte, and reported.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store.acknowledged import Acknowledged
from luajobs_kit.store.definitions.damaged_snapshot import KNOWN, Snapshot, read_snapshot
from luajobs_kit.store.definitions.indexes import name_of
from luajobs_kit.store.definitions.journal_format import (
    DamagedLine,
    JSONDict,
    Tables,
    apply_line,
    decode_line,
)
from luajobs_kit.store.definitions.snapshot import VERSION

# The beginning of a line as it is written; the byte before it ends the line before.
_BEGINNING: Final = re.compile(rb'.(?=[0-9a-f]{8} \{"commit":)', re.DOTALL)


_NOT_ACKNOWLEDGED: Final = " and never acknowledged"


class Replay:
    """Takes the lines of the journals, oldest first; ``end()`` when there are no more.

    ``last`` is the number of the commit before the first line; None where that is not
    known: then every line counts, for applying a commit twice does no harm.
    """

    def __init__(self, tables: Tables, commit: int, last: int | None) -> None:
        self.commit = commit
        self.first: int | None = None
        """The first commit that was found."""
        self.findings: list[str] = []
        self.displaced: list[tuple[str, JSONDict]] = []
        """Documents whose number another one has: theirs was damaged in the snapshot."""
        self._tables = tables
        self._trusted = last is not None
        self._last = last
        self._bad: list[tuple[str, int, int]] = []  # file, line, bytes: damaged since the last one

    def lines(self, file: str, lines: list[bytes]) -> bool:
        """Apply the lines of a file; return whether all of them are what was written."""
        sound = True
        for number, line in enumerate(lines, 1):
            values = _values(line)
            for value in values:
                if value is None or not self._take(file, value):
                    self._bad.append((file, number, len(line)))
            sound = sound and len(values) == 1 and values[0] is not None
        return sound

    def _take(self, file: str, value: JSONDict) -> bool:
        """Apply a commit; return False for what is none."""
        commit = value.get("commit")
        if "commit" not in value and "format" in value:
            return True  # the header
        if type(commit) is not int:
            return False
        self.first = self.first or commit
        if self._trusted and commit <= self.commit:
            self._report_missing(file, commit)
            return True  # the snapshot has it
        try:
            if not self._trusted:
                self._displace(value)
            apply_line(self._tables, value)
        except (DamagedLine, LookupError, TypeError, AttributeError):
            return False
        self._report_missing(file, commit)
        self._last = commit
        self.commit = max(self.commit, commit)
        return True

    def _displace(self, value: JSONDict) -> None:
        """Set aside the documents whose number a commit gives to another one."""
        for step in value["changes"]:
            if step[0] == "put" and step[1] in KNOWN:
                old = self._tables.get(step[1], {}).get(step[2])
                if old is not None and name_of(step[1], old) != name_of(step[1], step[3]):
                    self.displaced.append((step[1], old))

    def _report_missing(self, file: str, commit: int) -> None:
        """Add the finding of what is missing before ``commit``."""
        missing = None if self._last is None else commit - self._last - 1
        if missing is not None and missing > 0:
            commits = f"lost: {_commits(commit - missing, commit - 1)}"
            cause = self._where() if self._bad else f"missing from {file}"
            self.findings.append(f"{commits}: {cause}")
        elif self._bad and missing is None:
            self.findings.append(f"lost: what was committed before {commit}: {self._where()}")
        elif self._bad:
            self.findings.append(f"{self._where()}; no commit was lost with it")
        self._bad.clear()

    def _where(self) -> str:
        places = []
        for file in dict.fromkeys(each[0] for each in self._bad):
            numbers = [number for name, number, _ in self._bad if name == file]
            size = sum(size for name, _, size in self._bad if name == file)
            lines = f"line {numbers[0]}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")
            places.append(f"{lines} of {file} ({size} bytes)")
        return " and ".join(places) + " damaged"

    def end(self) -> None:
        """Say what is missing at the end."""
        if self._bad:
            self.findings.append(f"lost: what was committed after {self.commit}: {self._where()}")
            self._bad.clear()


def _commits(first: int, last: int) -> str:
    return f"commit {first}" if first == last else f"commits {first} to {last}"


def _values(line: bytes) -> list[Any]:
    """Return what is in a line: one object; more where an end of line was damaged; None for damage."""
    found: list[Any] = []
    for piece in _pieces(line):
        try:
            found.append(decode_line(piece))
        except (ValueError, RecursionError):
            found.append(None)
    return found


def _pieces(line: bytes) -> list[bytes]:
    try:
        decode_line(line)
    except (ValueError, RecursionError):
        return _BEGINNING.split(line)
    return [line]


def is_whole(torn: bytes) -> bool:
    """Return whether what follows the last end of line is whole lines whose end was damaged."""
    return len(torn) > 1 and _values(torn[:-1])[0] is not None


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


def recover(
    snapshot_path: Path, journals: list[Path], acknowledged: Acknowledged | None = None
) -> Recovered:
    """Read the snapshot, then the journals (oldest first); less than was ``acknowledged`` is told.

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
        # The snapshot is always made before the journal, so there was one.
        finding = f"lost: {snapshot_path.name} is missing; what was kept only in it is gone"
        found.findings.insert(0, finding)
        found.rewrite = True
    _tell_missing(found, snapshot, contents, acknowledged)
    return found


def _tell_missing(
    found: Recovered,
    snapshot: Snapshot | None,
    contents: dict[Path, bytes],
    acknowledged: Acknowledged | None,
) -> None:
    """Add what is missing without a trace in the files themselves."""
    if acknowledged is None or any("lost" in finding for finding in found.findings):
        return
    in_snapshot = snapshot.commit if snapshot else 0
    missing = acknowledged.missing_definitions(found.commit, in_snapshot, contents)
    if missing is not None:
        # What was cut off in the middle of a line had been acknowledged, then.
        found.findings = [each.replace(_NOT_ACKNOWLEDGED, "") for each in found.findings]
        found.findings.append(missing)
        # New commits are counted on from what was acknowledged: no number is given twice.
        found.commit = max(found.commit, acknowledged.commit)
        found.rewrite = True


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
                f"{path.name} ended in {len(torn)} bytes of a write that was cut short"
                f"{_NOT_ACKNOWLEDGED}; they were dropped"
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
