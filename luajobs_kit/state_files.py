"""The workspace's own files, looked at before they are opened: plain files of a size they can have.

Opening a pipe waits for its other end, a device may never end, and a sparse file of 8 GB is
read into memory whole: whoever opens first looks here.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from luajobs_kit.errors import WorkspaceError

_SMALL: Final = 2**20  # bytes
_LARGE: Final = 2**31
_NAMES: Final = {
    "lock": _SMALL,
    "engine.json": _SMALL,
    "start.lock": _SMALL,
    "engine.log": None,  # put aside when it is long, and read from its end
    "damage.log": _SMALL * 64,
    "definitions.json": _LARGE,
    "definitions.journal": _LARGE,
    "definitions.journal.old": _LARGE,
    "history.db": None,  # as large as what its owner keeps in it
    "history.db-wal": _LARGE,
    "history.db-shm": _LARGE,
    "history.db.suspect": _SMALL,
}
"""Each with the bytes it has at most; None where there is no bound."""

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def refuse_foreign(folder: Path) -> None:
    """Raise ``WorkspaceError`` where something else stands in the place of one of the files.

    Nothing is opened. What is not there, or cannot be looked at, is left to who opens it.
    """
    for name, most in _NAMES.items():
        try:
            facts = os.stat(folder / name)  # noqa: PTH116 - a dozen of them for every command
        except OSError:
            continue
        kind = _KINDS.get(stat.S_IFMT(facts.st_mode))
        if kind is not None:
            says = f"is {kind}, where a file of the workspace is to stand"
        elif most is not None and facts.st_size > most:
            says = f"has {facts.st_size:,} bytes, more than it can have ({most:,})"
        else:
            continue
        raise WorkspaceError(
            f"{folder / name} {says}. Nothing was changed. Move it away and ask again."
        )


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading. Raises ``OSError``, at once, for a pipe, a device or a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(descriptor, "rb")
