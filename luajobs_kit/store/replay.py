"""Replaying journals onto the tables of a snapshot, and telling what is missing in them."""

from __future__ import annotations

import re
from typing import Any, Final

from luajobs_kit.store.definitions.damaged_snapshot import KNOWN
from luajobs_kit.store.definitions.indexes import name_of
from luajobs_kit.store.definitions.journal_format import (
    Damaged,
    JSONDict,
    Tables,
    apply_line,
    decode_line,
)

# Where a line begins that was written; the byte before it is the end of the one before.
_BEGINNING: Final = re.compile(rb'.(?=[0-9a-f]{8} \{"commit":)', re.DOTALL)


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
            self._tell(file, commit)
            return True  # the snapshot has it
        try:
            if not self._trusted:
                self._displace(value)
            apply_line(self._tables, value)
        except (Damaged, LookupError, TypeError, AttributeError):
            return False
        self._tell(file, commit)
        self._last = commit
        self.commit = max(self.commit, commit)
        return True

    def _displace(self, value: JSONDict) -> None:
        """Before a commit puts a document in the place of one that it is not."""
        for step in value["changes"]:
            if step[0] == "put" and step[1] in KNOWN:
                old = self._tables.get(step[1], {}).get(step[2])
                if old is not None and name_of(step[1], old) != name_of(step[1], step[3]):
                    self.displaced.append((step[1], old))

    def _tell(self, file: str, commit: int) -> None:
        """Say what is missing before ``commit``."""
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
