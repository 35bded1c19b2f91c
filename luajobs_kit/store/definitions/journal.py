"""The journal: an append-only file with a line for every commit since the snapshot.

While a compaction writes the next snapshot, the lines it will cover lie in
``definitions.journal.old`` and new ones go to a fresh ``definitions.journal``.
"""

from __future__ import annotations

import errno
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from luajobs_kit.store.definitions.disk import Disk
from luajobs_kit.store.definitions.journal_format import encode_line
from luajobs_kit.store.definitions.snapshot import FORMAT, VERSION

_HEADER: Final = encode_line(f'{{"format":"{FORMAT}","version":{VERSION}}}')


class Journal:
    """The open journal. Not thread-safe: its storage's locks are around it.

    ``broken`` is set when the file may hold what it should not (a failed sync, half a
    line that could not be cut off): nothing more is appended until ``restart()``.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.old = path.with_name(path.name + ".old")
        self.broken = False
        self._place = str(path)
        self._disk = disk
        self._open()

    def _open(self) -> None:
        self._descriptor = self._disk.open(self.path)
        self.size = os.fstat(self._descriptor).st_size
        self._checksum = zlib.crc32(self.path.read_bytes()) if self.size else 0
        self.synced = (self.size, self._checksum)
        """How many bytes are on the disk, and their CRC-32."""

    @property
    def stands(self) -> bool:
        """Whether what was appended shows at the path, too: it is the file that is written."""
        try:
            return self.broken or os.stat(self._place).st_size == self.size  # noqa: PTH116 - for every commit
        except OSError as error:
            return error.errno not in {errno.ENOENT, errno.ENOTDIR}

    def append(self, line: bytes) -> None:
        """Write one line; raises ``OSError`` and then leaves the file as it was."""
        if self.broken:
            raise OSError(errno.EIO, "an earlier write failed")
        data = line if self.size else _HEADER + line
        try:
            self._disk.write_all(self._descriptor, data)
        except OSError:
            self._cut(self.size)
            raise
        self.size += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def sync(self) -> None:
        """Return when everything appended before the call is on the disk."""
        descriptor, now = self._descriptor, (self.size, self._checksum)
        self._disk.sync(descriptor)
        self.synced = now

    def drop_unsynced(self) -> None:
        """After a failed sync: cut off what it did not cover, and trust the file no more.

        What a failed fsync left behind is unknown, and a second one may claim success
        without writing anything; only a new file can be trusted.
        """
        size, self._checksum = self.synced
        self._cut(size)
        self.broken = True

    def _cut(self, size: int) -> None:
        try:
            self._disk.truncate(self._descriptor, size)
        except OSError:
            self.broken = True
        else:
            self.size = size

    def rotate(self) -> int:
        """Begin a fresh file; return the old one's descriptor, to be synced and closed.

        Where an ``.old`` file is still waiting for its snapshot, raises ``FileExistsError``.
        """
        if self.old.exists():
            raise FileExistsError(self.old)
        self._disk.replace(self.path, self.old)
        previous = self._descriptor
        try:
            self._open()
        except OSError:
            # Appending goes on in the file under its old name, which a start reads as well.
            with suppress(OSError):
                self._disk.replace(self.old, self.path)
            raise
        return previous

    def restart(self) -> None:
        """Begin an empty file in place of all there was: a snapshot holds everything."""
        os.close(self._descriptor)
        self._disk.remove(self.old)
        self._disk.remove(self.path)
        self._open()
        self._disk.sync_folder(self.path.parent)
        self.broken = False

    def close(self) -> None:
        os.close(self._descriptor)
