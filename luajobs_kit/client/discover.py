"""Discovery of the workspace's engine, which is started when none runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from luajobs_kit import http_protocol
from luajobs_kit.client.http_connection import ConnectionLost, Transport
from luajobs_kit.disk_room import make_room, obstacle
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import EngineFrozen, EngineUnavailable
from luajobs_kit.lock_file import FILE as LOCK
from luajobs_kit.lock_file import Owner
from luajobs_kit.state_files import open_plain

LOG: Final = "engine.log"
LOG_KEPT: Final = 2**20  # bytes; a longer one is put aside when an engine starts
STARTER: Final = "start.lock"
PATIENCE: Final = 30.0  # seconds until a start is given up
LOOK: Final = 0.02  # seconds between two looks at the folder
PAUSE: Final = 1.0  # seconds, at most, between two attempts to start
TAKEN: Final = 75  # exit status of an engine that found another one owning the workspace
ENDED_BY_OTHERS: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, 0})
"""Exit statuses of an engine that did not fail: somebody ended it while it was starting."""
OK, UNAUTHORIZED = 200, 401
LAST_WORDS: Final = 2_000  # characters of the log shown when a start failed


class _Engine(subprocess.Popen[bytes]):
    """A process that outlives this one on purpose, of which Popen would warn at the end."""

    def __del__(self) -> None:
        pass


async def find(folder: Path) -> Address | None:
    """Return the address of the engine that answers for this folder, or None.

    A copy of a folder has the address of the other folder's engine; so an engine is believed
    only where this folder's lock is held, and the lock file has the id that the engine answers.
    Raises ``EngineUnavailable`` when it was joined to one elsewhere that does not answer, and
    ``EngineFrozen``.
    """
    refuse_frozen(folder)
    address = Address.read(folder)
    if address is None:
        return None
    refused = await refusal(folder, address)
    if refused is None:
        return address
    if address.elsewhere:
        raise EngineUnavailable(
            f"The engine at {address.url}, which {folder} was joined to, cannot be used: {refused}. "
            "When it was started anew on its machine, `luajobs join` it again: its token is another."
        )
    return None


async def find_or_start(folder: Path, *, patience: float = PATIENCE) -> Address:
    """Return the address of the workspace's engine, having started it if there was none.

    Of several clients that find none, one starts it (the one that holds ``start.lock``) and
    the others wait for it. Raises ``EngineUnavailable`` with the engine's last words.
    """
    deadline = time.monotonic() + patience
    pause = LOOK
    while True:
        if (address := await find(folder)) is not None:
            return address
        with _starting(folder) as ours:
            if ours:
                address = await find(folder) or await _start(folder, deadline)
                pause = min(2 * pause, PAUSE)  # an engine that owns the folder and is mute
            if address is not None:
                return address
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"No engine for {folder} answered within {patience:g} s. {_last_words(folder)}"
            )
        await asyncio.sleep(pause)


def stop(folder: Path, *, patience: float = PATIENCE) -> int | None:
    """End the folder's engine and wait until it is gone; return its pid, None when none ran.

    Blocks, and needs a thread without a running event loop (``asyncio.to_thread`` gives one).
    Raises ``EngineUnavailable`` when it does not answer, or is still there after ``patience``
    seconds.
    """
    address = asyncio.run(find(folder))
    if address is None:
        mute = Address.read(folder)
        owner = Owner.read(folder)
        if (
            mute is not None
            and owner is not None
            and owner.pid == mute.pid
            and _alive(mute.pid)
            and is_owned(folder)
        ):
            raise EngineUnavailable(
                f"The engine (pid {mute.pid}) is there and does not answer; `kill -9 {mute.pid}` "
                "ends it, and what is acknowledged stays kept."
            )
        return None
    if address.elsewhere:
        raise EngineUnavailable(
            f"The engine at {address.url} runs on another machine; end it there."
        )
    with contextlib.suppress(ProcessLookupError):
        os.kill(address.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while _alive(address.pid):
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"The engine (pid {address.pid}) has not ended within {patience:g} s; "
                f"`kill -9 {address.pid}` ends it at once, and what is acknowledged stays kept."
            )
        time.sleep(LOOK)
    return address.pid


async def refusal(folder: Path, address: Address) -> str | None:
    """Return why no engine of this folder is behind the address, None when one is."""
    if not address.elsewhere and not _alive(address.pid):
        return f"process {address.pid} is gone"
    try:
        transport = Transport(address)
    except OSError as problem:  # ssl's errors are some too
        return f"its certificate {address.certificate} cannot be used ({problem})"
    try:
        status, body = await transport.ask(
            f"{http_protocol.PREFIX}/hello", b"", [], seconds=10.0, method="GET"
        )
    except ConnectionLost as lost:
        return str(lost)
    finally:
        transport.close()
    if status == OK and b'"luajobs"' in body:
        if address.elsewhere or _is_of(folder, address, body):
            return None
        return "it is the engine of another folder, of which this one is a copy"
    if status == UNAUTHORIZED:
        return "it does not know the token that is kept here"
    return http_protocol.read_error(body, status).message.rstrip(".")


def refuse_frozen(folder: Path) -> None:
    """Raise ``EngineFrozen`` where the folder's engine is there, and stopped by a signal or a debugger."""
    owner = Owner.read(folder)
    if owner is None or owner.pid is None or not _is_frozen(owner.pid) or not is_owned(folder):
        return
    raise EngineFrozen(
        f"The engine (pid {owner.pid}) is frozen: its process was stopped, by SIGSTOP, Ctrl-Z or a "
        f"debugger. `kill -CONT {owner.pid}` lets it go on; `kill -9 {owner.pid}` ends it, and what is "
        "acknowledged stays kept."
    )


def _is_frozen(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        if sys.platform != "darwin":
            return False
        asked = ["/bin/ps", "-o", "state=", "-p", str(pid)]
        state = subprocess.run(asked, capture_output=True, check=False).stdout[:1]  # noqa: S603 - a number
    return state in {b"T", b"t"}  # stopped; traced, see proc_pid_stat(5)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # One that has ended but whose parent (in many a container, an init that looks once a
        # second) has not yet asked for its status still has its number.
        return not (hasattr(os, "pidfd_open") and _has_ended(os.pidfd_open(pid)))
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # a recycled number: the process is another user's
    except OSError:
        return True  # a kernel without descriptors of processes


def _has_ended(process: int) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    try:
        return bool(poll.poll(0))
    finally:
        os.close(process)


def _is_of(folder: Path, address: Address, hello: bytes) -> bool:
    """Tell whether the engine that answered so is the owner of this folder."""
    owner = Owner.read(folder)
    try:
        id_ = json.loads(hello)["data"].get("id")
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
    if owner is None or owner.id != id_:
        return False
    # An engine of an older kit has no id, and neither has the lock file that it wrote.
    return (id_ is not None or owner.pid == address.pid) and is_owned(folder)


def is_owned(folder: Path) -> bool:
    """Tell whether an engine holds the folder's lock: a number alone may be another process's."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks: no engine was started there
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[bool]:
    """Hold the right to start the engine; False when another client has it."""
    handle = os.open(folder / STARTER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)  # and the lock with it


async def _start(folder: Path, deadline: float) -> Address | None:
    """Start the engine and wait until it answers; None when that has to be tried again."""
    with contextlib.suppress(FileNotFoundError):
        if (folder / LOG).stat().st_size > LOG_KEPT:
            (folder / LOG).replace(folder / f"{LOG}.1")
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        # A session of its own: an interrupted notebook cell signals the kernel's whole group.
        # -P: a file random.py beside a notebook must not become the engine's.
        engine = _Engine(
            [sys.executable, "-P", "-m", "luajobs_kit.server", "--workspace", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=_environment(),
            start_new_session=True,
        )
    finally:
        os.close(log)
    # Reaped whenever it ends: a zombie would look alive to whoever stops it from elsewhere.
    threading.Thread(target=engine.wait, name="luajobs-engine", daemon=True).start()
    while time.monotonic() < deadline:
        ended = engine.poll()
        if ended == TAKEN or ended in ENDED_BY_OTHERS:
            return None
        if ended is not None:
            raise EngineUnavailable(
                f"The engine for {folder} ended while it was starting (status {ended}). "
                + _last_words(folder)
            )
        address = Address.read(folder)
        if (
            address is not None
            and address.pid == engine.pid
            and await refusal(folder, address) is None
        ):
            return address
        await asyncio.sleep(LOOK)
    return None


def _environment() -> dict[str, str]:
    # Where the kit runs from a source tree, the engine must find the same one.
    home = str(Path(__file__).parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _last_words(folder: Path) -> str:
    try:
        with open_plain(folder / LOG) as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 4 * LAST_WORDS))
            words = log.read().decode("utf-8", "replace")[-LAST_WORDS:].strip()
    except OSError:
        words = ""
    if not words:
        mute = obstacle(folder / LOG)
        if mute is not None:
            return f"{folder} cannot be written ({mute.strerror}): {make_room(mute.errno)}."
        return "It left no word in its log."
    return f"Its last words ({folder / LOG}):\n{words}"
