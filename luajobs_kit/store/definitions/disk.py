"""The few things the store asks of an operating system's files.

They stand together so that tests can make each of them fail, or stop a process at it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Final

from luajobs_kit.disk_room import OUT_OF_ROOM, make_room
from luajobs_kit.errors import StorageFull, WorkspaceError

_OWNER_ONLY: Final = 0o600
_sync: Final = getattr(os, "fdatasync", os.fsync)


class Disk:
    """Files by descriptor; every failure is an ``OSError``."""

    def open(self, path: Path) -> int:
        """Open for appending and reading, made with mode 0600 where missing."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        return os.open(path, flags, _OWNER_ONLY)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of ``data``; return how many bytes were taken."""
        return os.write(descriptor, data)

    def write_all(self, descriptor: int, data: bytes) -> None:
        """Write all of ``data``, in as many steps as it takes."""
        written = self.write(descriptor, data)
        while written < len(data):
            step = self.write(descriptor, data[written:])
            if step == 0:
                raise OSError(errno.EIO, "the file takes no more bytes")
            written += step

    def sync(self, descriptor: int) -> None:
        """Return when what was written is on the disk, not only in memory."""
        if sys.platform == "darwin":  # its fsync stops at the drive's own cache
            import fcntl  # noqa: PLC0415 - not there on Windows

            with contextlib.suppress(OSError):  # not every file system there knows it
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
                return
        # What fdatasync leaves out is the time of the last change; the size is on the disk.
        _sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def replace(self, source: Path, target: Path) -> None:
        """Put ``source`` in the place of ``target``, in one step."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in ``folder`` are on the disk (Windows has no such call)."""
        if os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def failure(error: OSError, what: str, where: Path) -> WorkspaceError:
    """Return ``error`` in the kit's words, for the caller whose change was not kept."""
    if error.errno in OUT_OF_ROOM:
        return StorageFull(
            f"{what} was not kept: no room left for {where} ({error.strerror}). Nothing kept "
            f"before is lost; {make_room(error.errno)}.",
            path=str(where),
        )
    return WorkspaceError(
        f"{what} was not kept: writing {where} failed ({error.strerror or error}). Nothing kept "
        "before is lost; check the disk and try again.",
        path=str(where),
    )
