"""Ownership of a workspace: an operating-system lock, held for the life of the engine.

The operating system lets go of it when the process ends, however it ends. The file
itself stays and says who took the lock last; only the lock says whether they still live.

A workspace is a folder, not a path: the folder can be removed, moved away or replaced by
a copy while its engine runs. So the owner writes a random id and a number of its own into
the file it holds, and reads them back by the path: what it wrote through the held file shows
at the path only where that is the same file. The number grows with every write of the store,
so that a copy made earlier, even of the same owner's folder, is told from the folder itself.
Numbers of devices and inodes are not compared: some file systems change them.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from luajobs_kit.errors import WorkspaceError, WorkspaceGone, WorkspaceLocked
from luajobs_kit.lock_file import FILE as LOCK
from luajobs_kit.lock_file import Owner
from luajobs_kit.store.acknowledged import Acknowledged
from luajobs_kit.store.workspace_folder import ELSEWHERE, unusable

AGAIN: Final = 0.1  # seconds between the two looks after which a folder counts as gone
_TAKEN: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
_NO_FILE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
_TRIES: Final = 5  # a client that looks whether the lock is held holds it for a moment itself
_TRY_AFTER: Final = 0.005  # seconds
_LONGEST: Final = 4_096  # bytes
_NOT_THERE: Final = "the file in which it wrote its id is not there"

if sys.platform == "win32":
    import msvcrt

    _FAR: Final = 1 << 30  # the locked byte cannot be read by others; the text before it can

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def _write(descriptor: int, text: bytes) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _write(descriptor: int, text: bytes) -> None:
        os.pwrite(descriptor, text, 0)


class WorkspaceLock:
    """The lock on a workspace folder, held from ``take`` to ``release``.

    May be used from several threads at once.
    """

    def __init__(self, folder: Path, descriptor: int, now: datetime) -> None:
        self.folder = folder
        self.id = secrets.token_hex(16)
        """Tells this owner from every other one, of this folder and of any copy of it."""
        self.gone = False
        """Whether the folder was found to be gone; it never comes back."""
        self._path = str(folder / LOCK)  # as text: it is looked up for every commit
        self._descriptor = descriptor
        owner = {"pid": os.getpid(), "startedAt": now.isoformat(), "id": self.id}
        self._signature = json.dumps(owner).encode()[:-1] + b", "
        self.before = Acknowledged()
        """What the owner before this one had acknowledged."""
        self._now = Acknowledged()
        self._writes = 0
        self._written = b""  # what the file holds
        self._turn = threading.Lock()

    @classmethod
    def take(cls, folder: Path, now: datetime) -> Self:
        """Take the lock of ``folder``.

        Raises ``WorkspaceLocked`` (``details``: the owner's ``pid`` and ``started_at``)
        when another process has it, and ``WorkspaceError`` where locks do not work.
        """
        path = folder / LOCK
        for _ in range(_TRIES):
            held = cls(folder, _open(folder, path), now)
            try:
                _lock_soon(folder, held._descriptor)
                held._take_over()
                held._sign()
                if held._is_here():
                    _prove(folder, path)
                    return held
            except OSError as error:
                held.release()
                raise unusable(folder, error) from error
            except WorkspaceError:
                held.release()
                raise
            held.release()  # the file was removed or replaced before it was locked
        raise unusable(folder, FileNotFoundError(errno.ENOENT, f"{LOCK} is removed repeatedly"))

    def claim(self) -> None:
        """Make sure of the folder and count one write of the store; comes before the write.

        Raises ``WorkspaceGone`` when another file or none stands at the path, in two looks
        ``AGAIN`` seconds apart; ``WorkspaceError`` after ``release``; ``OSError`` when that
        cannot be told or the number cannot be written. Then nothing is to be written.
        """
        with self._turn:
            self._look()
            self._writes += 1
            self._sign()

    def acknowledge(self, **known: int) -> None:
        """Write down how far a store has come: the fields of ``Acknowledged`` that have changed.

        Called when that is on the disk, and before anybody is told. Without a sync, and no reason
        to fail: where it cannot be written, less is known of a later loss.
        """
        with self._turn, suppress(OSError):
            self._now = replace(self._now, **known)
            if self._descriptor >= 0 and not self.gone:
                self._sign()

    def confirm(self) -> None:
        """Make sure that what was written since ``claim`` is in the folder at the path.

        Raises ``WorkspaceGone`` as ``claim`` does: then it is not to be acknowledged.
        """
        with self._turn, suppress(OSError):  # not to be looked up: the write itself succeeded
            self._look()

    def refuse_gone(self) -> None:
        """Raise ``WorkspaceGone`` when the folder was found to be gone; does not look itself."""
        if self.gone:
            raise self._gone_error(_NOT_THERE)

    def refuse_other(self, what: str) -> None:
        """Count the folder as gone, because of a file in it. Raises ``WorkspaceGone``."""
        with self._turn:
            self.gone = True
        raise self._gone_error(what)

    def release(self) -> None:
        """Let go; the file stays, because removing it would race with the next owner."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take_over(self) -> None:
        text = os.pread(self._descriptor, _LONGEST, 0) if hasattr(os, "pread") else b""
        self.before = self._now = Acknowledged.read(text)

    def _look(self) -> None:
        self.refuse_gone()
        if self._descriptor < 0:
            raise WorkspaceError("The workspace is closed; open it again.")
        if self._is_here():
            return
        time.sleep(AGAIN)
        self.gone = not self._is_here()
        self.refuse_gone()

    def _is_here(self) -> bool:
        """Tell whether the path shows what was written through the file that is held."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except OSError as error:
            if error.errno in _NO_FILE:
                return False
            raise
        try:
            return os.read(descriptor, _LONGEST) == self._written
        finally:
            os.close(descriptor)

    def _sign(self) -> None:
        # Of one length always, and written before it is cut, so that a reader at no time
        # finds half of it.
        known = self._now.write()
        text = b'%s"acknowledged": %s, "writes": %15d}\n' % (self._signature, known, self._writes)
        _write(self._descriptor, text)
        if not self._written:
            os.ftruncate(self._descriptor, len(text))
        self._written = text

    def _gone_error(self, what: str) -> WorkspaceGone:
        return WorkspaceGone(
            f"The workspace {self.folder} was removed, moved away or replaced while its engine ran "
            f"({what}). This was not kept, and the engine has ended without writing there; what it "
            "acknowledged before is in the folder that it opened. Ask again: the next call uses "
            "what stands at the path now.",
            workspace=str(self.folder),
        )


def _open(folder: Path, path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error


def _lock_soon(folder: Path, descriptor: int) -> None:
    for tries_left in reversed(range(_TRIES)):
        try:
            return _lock(descriptor)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise WorkspaceError(
                    f"The file system of {folder} keeps no locks ({error.strerror}). {ELSEWHERE}"
                ) from error
            if not tries_left:
                raise _locked(folder) from error
        time.sleep(_TRY_AFTER)
    return None


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


def _locked(folder: Path) -> WorkspaceLocked:
    owner = Owner.read(folder)
    pid, since = (owner.pid, owner.started_at) if owner else (None, None)
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
