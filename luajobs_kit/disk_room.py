"""Obstacles to a file that takes no more: a full disk, a quota, a bound on the size of files."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

OUT_OF_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The numbers of the errors that say so."""
_PROBE: Final = 64 * 1024  # bytes: the pages of one transaction


def obstacle(path: Path) -> OSError | None:
    """Return what the system says to a file beside ``path`` that grows beyond it, None where it may.

    SQLite says of a failed write only that it failed: a quota, a bound on the size of files and a
    broken disk are all its "disk I/O error".
    """
    probe = path.with_name(f".{path.name}.probe")
    try:
        size = path.stat().st_size if path.exists() else 0
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            end = size + _PROBE
            while size < end:  # up to a bound, part of it is written
                size += os.pwrite(descriptor, bytes(end - size), size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        return error
    return None


def make_room(code: int | None) -> str:
    """Return what to do about a file that takes no more, by the error's number."""
    if code == errno.EFBIG:
        return (
            "raise the bound on the size of files (`ulimit -f`) that the engine was started under"
        )
    if code == errno.EDQUOT:
        return "free some of your quota and try again"
    return "free some disk space and try again"
