"""The doctor of the sandbox: tries each wall alone, in a real child on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from luajobs_kit.errors import SandboxError
from luajobs_kit.sandbox.sandbox import Sandbox
from luajobs_kit.sandbox.values import Limits, Outcome, Program, Wall
from luajobs_kit.sandbox.walls.walls import ALWAYS, BOUNDARY, WALLS

_TRY: Final = Program("def trial(context):\n    return attempt(context)\n", "trial")
_STAY: Final = Program("def stay(context):\n    while True: pass\n", "stay")
_LIMITS: Final = Limits(timeout=10.0)
_PATIENCE: Final = 5.0  # seconds in which a child must end after its fork server


async def report(names: Iterable[str] = tuple(WALLS)) -> list[Wall]:
    """Try each wall by itself; return each as found, in the order of ``WALLS``.

    A wall holds when it refused a child what it should stop. That child has no other wall but
    those that are always there. Raises ``SandboxError`` when no child can be
    had at all, ``UnsupportedPlatform`` where there is no sandbox.
    """
    return [await try_wall(name, raised=True) for name in names]


async def try_wall(name: str, *, raised: bool) -> Wall:
    """Probe the wall ``name`` in a child with it, or (``raised=False``) in one without."""
    walls = {name} if raised else set()
    async with Sandbox(
        world="luajobs_kit.sandbox.walls.probes",
        policy="luajobs_kit.sandbox.walls.probes",
        walls=walls,
        max_children=1,
        spares=1,
        ceiling=_LIMITS,
    ) as sandbox:
        known = next(wall for wall in sandbox.walls() if wall.name == name)
        if raised and not known.holds:
            return known
        refusal = await (_try_parent(sandbox) if name == "parent" else _try(sandbox, name))
    if refusal is None:
        why = "raised, but a child got through" if raised else "not raised, and a child got through"
        return Wall(name, holds=False, stops=WALLS[name], note=why)
    return Wall(name, holds=raised or name in ALWAYS, stops=WALLS[name], note=f"tried: {refusal}")


async def _try(sandbox: Sandbox, name: str) -> str | None:
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.NamedTemporaryFile() as file:
        context = {
            "wall": name,
            "engine": os.getpid(),
            "memory": _LIMITS.memory,
            "port": server.getsockname()[1],
            "file": file.name,
        }
        outcome = await _run(sandbox, _TRY, context)
    if outcome.status != "completed":
        why = outcome.error.message if outcome.error else outcome.status
        raise SandboxError(f"The wall {name!r} could not be tried: {why}")
    return None if outcome.result is None else str(outcome.result)


async def _try_parent(sandbox: Sandbox) -> str | None:
    """Kill the fork server of a running child, and return how the child ended, or None if not."""
    server = sandbox.server_pid
    started = asyncio.Event()
    running = asyncio.create_task(_run(sandbox, _STAY, {}, started))
    try:
        await started.wait()
        assert server is not None
        child = await asyncio.to_thread(_first_child, server)
        os.kill(server, signal.SIGKILL)
        gone = await asyncio.to_thread(_ends, child)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    return "ended with the fork server" if gone else None


def _first_child(server: int) -> int:
    """Return a pidfd of the child that runs: the first that the server forked."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii")
    return os.pidfd_open(min(int(word) for word in children.split()))


def _ends(child: int) -> bool:
    """Return whether the process of a pidfd ends in time; kill it if it does not."""
    poll = select.poll()
    poll.register(child, select.POLLIN)
    try:
        if poll.poll(_PATIENCE * 1000):
            return True
        signal.pidfd_send_signal(child, signal.SIGKILL)
        return False
    finally:
        os.close(child)


async def _run(
    sandbox: Sandbox,
    program: Program,
    context: dict[str, Any],
    started: asyncio.Event | None = None,
) -> Outcome:
    return await sandbox.run(
        program,
        context=context,
        limits=_LIMITS,
        serve=_serve_nothing,
        on_start=None if started is None else started.set,
    )


async def _serve_nothing(verb: str, arguments: dict[str, Any]) -> None:
    raise SandboxError(f"The doctor serves nothing ({verb}, {len(arguments)} arguments)")


_LINUX_BOUNDARY: Final = (
    "on Linux the operating system's walls and the engine's checks of every frame are the "
    "boundary, and the policy is a fence before it"
)


def boundary(walls: Iterable[Wall]) -> Wall:
    """Return, as one more wall, what the boundary between job code and this machine is."""
    missing = [wall.name for wall in walls if wall.name in BOUNDARY and not wall.holds]
    if sys.platform == "darwin":
        note = (
            "macOS has no Landlock, seccomp or namespaces: here the policy is the boundary, so it "
            "stays whole; Python's audit hooks and a process of its own stand behind it, and "
            "memory is not limited. Run code of strangers on Linux or in a virtual machine."
        )
    elif missing:
        note = (
            f"{_LINUX_BOUNDARY}; here {' and '.join(missing)} does not hold, so the policy is part "
            "of the boundary. Run code of strangers where every wall holds, or in a virtual machine."
        )
    else:
        note = f"{_LINUX_BOUNDARY}; both hold here."
    holds = sys.platform != "darwin" and not missing
    return Wall("boundary", holds=holds, stops="code that no policy holds back", note=note)
