"""One owner: an operating-system lock on the workspace, held for the life of the engine.

The operating system lets go of it when the process ends, however it ends. The file
itself stays and says who took the lock last; only the lock says whether they still live.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from luajobs_kit.errors import WorkspaceError, WorkspaceLocked
from luajobs_kit.store.folder import ELSEWHERE, LOCK, unusable

_TAKEN: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})

if sys.platform == "win32":
    import msvcrt

    _FAR: Final = 1 << 30  # the locked byte cannot be read by others; the text before it can

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class WorkspaceLock:
    """The lock on a workspace folder, held from ``take`` to ``release``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, now: datetime) -> Self:
        """Take the lock of ``folder``.

        Raises ``WorkspaceLocked`` (``details``: the owner's ``pid`` and ``started_at``)
        when another process has it, and ``WorkspaceError`` where locks do not work.
        """
        path = folder / LOCK
        descriptor = _open(folder, path)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _TAKEN:
                raise _locked(folder, path) from error
            raise WorkspaceError(
                f"The file system of {folder} keeps no locks ({error.strerror}). {ELSEWHERE}"
            ) from error
        held = cls(descriptor)
        try:
            _prove(folder, path)
            _sign(descriptor, now)
        except OSError as error:
            held.release()
            raise unusable(folder, error) from error
        except WorkspaceError:
            held.release()
            raise
        return held

    def release(self) -> None:
        """Let go; the file stays, because removing it would race with the next owner."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(folder: Path, path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error


def _prove(folder: Path, path: Path) -> None:
    """Try to take the lock a second time: some file systems grant it to everyone."""
    second = os.open(path, os.O_RDWR)
    try:
        _lock(second)
    except OSError:
        return
    finally:
        os.close(second)
    raise WorkspaceError(
        f"The file system of {folder} grants one lock to two owners, so two engines could own "
        f"the workspace at once. {ELSEWHERE}"
    )


def _sign(descriptor: int, now: datetime) -> None:
    owner = {"pid": os.getpid(), "startedAt": now.isoformat()}
    text = json.dumps(owner).encode() + b"\n"
    # Written before it is cut, so that a reader at no time finds an empty file.
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text)
    os.ftruncate(descriptor, len(text))


def _locked(folder: Path, path: Path) -> WorkspaceLocked:
    owner: dict[str, object] = {}
    with suppress(OSError, ValueError):
        owner = json.loads(path.read_bytes().partition(b"\n")[0])
    pid, since = owner.get("pid"), owner.get("startedAt")
    if pid == os.getpid():
        return WorkspaceLocked(
            f"The workspace {folder} is open in this process already, since {since}: go on with "
            "that one, or close it first (await ws.aclose()).",
            pid=pid,
            started_at=since,
        )
    who = f"process {pid}, since {since}" if pid else "another process, which just started"
    return WorkspaceLocked(
        f"The workspace {folder} is owned by another engine ({who}). Connect to it instead, end "
        f"it with `luajobs stop`, or choose another folder with LUAJOBS_HOME.",
        pid=pid,
        started_at=since,
    )
