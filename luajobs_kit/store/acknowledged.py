"""Acknowledged state: how far each of the stores had come, kept beside both of them.

A journal that is cut at the end of a line, emptied or missing is sound for itself, and so is a
database without its ``-wal`` file. Only something outside tells that there was more: the lock
file, which every write of the store rewrites anyway, without a sync. It is a lower bound: what
it names was on the disk before it was written, so less than that is a loss, and more is right.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What was on the disk: of the definitions, and of the history."""

    commit: int = 0  # the number of the last commit of the definitions
    size: int = 0  # bytes of the journal that hold commits up to it
    checksum: int = 0  # CRC-32 of these bytes
    transactions: int = 0  # of the history that were synced, counted in it

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Return what a lock file says; one of an older kit, or none, says nothing."""
        try:
            found = json.loads(text.partition(b"\n")[0])["acknowledged"]
            values = [int(each) for each in found]
            return cls(*values) if len(values) == 4 and min(values) >= 0 else cls()
        except (ValueError, LookupError, TypeError, RecursionError):
            return cls()

    def write(self) -> bytes:
        """Return it as JSON of one length always."""
        return b"[%15d, %15d, %15d, %15d]" % (
            self.commit,
            self.size,
            self.checksum,
            self.transactions,
        )

    def missing_definitions(
        self, commit: int, snapshot: int, journals: Mapping[Path, bytes]
    ) -> str | None:
        """Say what is lost of the definitions; None where nothing is.

        ``commit`` is the last one that was found, ``snapshot`` the last one in the snapshot,
        ``journals`` what the files hold, the present one last.
        """
        if commit < self.commit:
            first = commit + 1
            lost = f"commits {first} to {self.commit}, which were"
            if first == self.commit:
                lost = f"commit {first}, which was"
            return f"lost: {lost} acknowledged: {self._what_became_of(journals)}"
        if snapshot >= self.commit or any(self._begins(data) for data in journals.values()):
            return None
        return f"lost: what was acknowledged differs from what is there: {self._what_became_of(journals)}"

    def _begins(self, data: bytes) -> bool:
        return len(data) >= self.size and zlib.crc32(data[: self.size]) == self.checksum

    def _what_became_of(self, journals: Mapping[Path, bytes]) -> str:
        path, data = list(journals.items())[-1] if journals else (None, b"")
        if path is None:
            return "the journal is missing"
        if len(data) < self.size:
            return f"{path.name} has {len(data):,} of the {self.size:,} bytes that were there"
        return f"{path.name} is another one than was written, or an older one"

    def missing_history(self, transactions: int, path: Path) -> str | None:
        """Say what is lost of the history, of which so many transactions were found; None: nothing."""
        count = self.transactions - transactions
        if count <= 0:
            return None
        return (
            f"lost: the last {count:,} of the {self.transactions:,} changes of {path.name} that were "
            f"acknowledged: it, or {path.name}-wal beside it, was cut, emptied, removed or replaced"
        )
