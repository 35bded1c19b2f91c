"""The sandbox as the engine uses it: check a program, run a program."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from luajobs_kit.errors import InvalidInput, SandboxError
from luajobs_kit.sandbox.frames import (
    MAX_COMPILED_FRAME,
    BrokenFrame,
    Splitter,
    pack,
)
from luajobs_kit.sandbox.host import outcomes
from luajobs_kit.sandbox.host.fork_server_client import Exit, Link, ServerGone, Taken
from luajobs_kit.sandbox.host.frame_inspection import inspect_compiled
from luajobs_kit.sandbox.host.run_session import Conversation, OnLog, Serve
from luajobs_kit.sandbox.values import Failure, Limits, LogRecord, Outcome, Program, Wall

COMPILE_LIMITS: Final = Limits(timeout=20.0, memory=512 * 2**20)
MOST_COMPILING: Final = 2  # children that compile at the same time
CACHE_SIZE: Final = 512  # compiled programs kept
MOST_RESTARTS: Final = 3  # fork servers tried for one request

CEILING: Final = Limits(timeout=600.0, memory=512 * 2**20)


class Sandbox:
    """Runs programs in processes of their own, each once, behind every wall there is.

    Use it as ``async with Sandbox() as sandbox``. ``world`` and ``policy`` name the
    modules that say what job code sees and what it may be; ``max_children`` bounds the
    programs running at once (more wait in order), ``spares`` those waiting ahead.
    ``ceiling`` is the most any run may be given. ``walls`` names the walls to raise
    (``lockdown.WALLS``; None: all). ``hash_seed`` makes the order of sets repeatable,
    for simulation.
    """

    def __init__(
        self,
        *,
        world: str = "luajobs_kit.guest.world",
        policy: str = "luajobs_kit.sandbox.policy.compile",
        max_children: int = 8,
        spares: int = 4,
        ceiling: Limits = CEILING,
        walls: Iterable[str] | None = None,
        hash_seed: int | None = None,
    ) -> None:
        if max_children < 1 or spares < 0:
            raise InvalidInput("max_children must be at least 1, spares at least 0")
        self.ceiling = ceiling
        self._options = {
            "world": world,
            "policy": policy,
            "spares": spares,
            "walls": {
                "names": None if walls is None else sorted(walls),
                "memory": ceiling.memory,
                "cpu": ceiling.cpu_seconds,
            },
        }
        self._hash_seed = hash_seed
        self._link: Link | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(max_children)
        self._max_children = max_children
        self._leaving: set[asyncio.Future[Exit]] = set()  # said their last word, not yet reaped
        # Their own, so that a new job is checked at once however many long ones run.
        self._compile_slots = asyncio.Semaphore(MOST_COMPILING)
        self._idle = asyncio.Event()
        self._idle.set()
        self._occupied = 0
        self._closing = False
        self._walls: list[Wall] = []
        self._policy_version = ""
        self._compiled: OrderedDict[tuple[Program, str], str] = OrderedDict()

    # -- life --------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._server()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose(0.0)

    async def aclose(self, grace: float = 0.0) -> None:
        """Take no more runs, give those running ``grace`` seconds, then end every process."""
        self._closing = True
        if grace > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
        if self._link is not None:
            await self._link.stop()

    def walls(self) -> list[Wall]:
        """Return each wall and whether it was raised; ``doctor.report`` tries them as well."""
        return list(self._walls)

    @property
    def server_pid(self) -> int | None:
        """The fork server's process id, None while there is none."""
        return None if self._link is None or self._link.closed else self._link.pid

    async def _server(self) -> Link:
        if self._link is not None and not self._link.closed and not self._closing:
            return self._link
        async with self._starting:
            if self._closing:
                raise SandboxError("The sandbox is closed; nothing can be run in it any more.")
            if self._link is None or self._link.closed:
                if self._link is not None:
                    await self._link.stop()  # reaps what is left of the one before
                link = Link(self._options, self._hash_seed)
                hello = await link.start()
                self._link = link
                self._policy_version = hello["policy"]
                self._walls = [Wall(**wall) for wall in hello["walls"]]
            return self._link

    # -- checking ----------------------------------------------------------------------

    async def check(self, program: Program) -> None:
        """Compile ``program`` under the policy, in a child that executes nothing.

        Raises ``PolicyViolation`` when the policy refuses it, every line named, and
        ``InvalidInput`` when it is not Python. Lines are the author's.
        """
        await self._code(program)

    async def _code(self, program: Program) -> str:
        """Return the marshalled code in base 64. Nothing on this side reads it."""
        await self._server()
        key = (program, self._policy_version)
        if key in self._compiled:
            self._compiled.move_to_end(key)
            return self._compiled[key]
        frame = pack({"do": "compile", "source": program.source, "file": program.file,
                      "first_line": program.first_line, "entry": program.entry})  # fmt: skip
        limits = COMPILE_LIMITS.within(self.ceiling)
        async with _Lease(self, limits, self._compile_slots) as child:
            try:
                answer = await _ask(child, frame)
            except BrokenFrame as broken:
                raise InvalidInput(f"The source cannot be compiled: it gives {broken}.") from None
        code = outcomes.compiled(answer, program)
        self._compiled[key] = code
        while len(self._compiled) > CACHE_SIZE:
            self._compiled.popitem(last=False)
        return code

    # -- running -----------------------------------------------------------------------

    async def run(
        self,
        program: Program,
        *,
        context: Mapping[str, Any],
        limits: Limits,
        serve: Serve,
        on_log: OnLog | None = None,
        on_start: Callable[[], None] | None = None,
        alone: Collection[str] = (),
    ) -> Outcome:
        """Run ``program`` once; return how it ended, whatever its code does.

        ``serve(verb, arguments)`` answers what it asks for, several at once but for the verbs
        in ``alone``, whose answers may be large: the next when the one before is read. ``on_log``
        gets each line as it comes (the outcome then holds none). ``on_start`` is called
        when a child has taken the run. Cancelling kills the child and waits until it
        is reaped. Raises ``SandboxError`` when no child can be had.
        """
        logs: list[LogRecord] = []
        try:
            code = await self._code(program)
        except InvalidInput as error:
            return Outcome("failed", error=_refused(error, program))
        try:
            frame = pack({"do": "run", "code": code, "entry": program.entry, "file": program.file,
                          "context": dict(context)})  # fmt: skip
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"A run's context must be JSON: {error}") from error
        allowed = limits.within(self.ceiling)
        async with _Lease(self, allowed, self._slots) as child:
            started = time.monotonic()
            if on_start is not None:
                on_start()
            talk = Conversation(child, serve, on_log or logs.append, alone)
            try:
                word: dict[str, Any] | BrokenFrame | None = await talk.hold(child.start(frame))
            except BrokenFrame as broken:
                word = broken
                child.end()
            duration = (time.monotonic() - started) * 1000
            if word is None:
                word_exit = await child.gone
                status, failure = outcomes.without_word(word_exit, allowed)
                return Outcome(status, error=failure, logs=tuple(logs), duration=duration)
        return outcomes.with_word(word, program, allowed, tuple(logs), duration)

    async def _take(self, limits: Limits, slots: asyncio.Semaphore) -> Taken:
        await slots.acquire()
        self._occupied += 1
        self._idle.clear()
        try:
            for _ in range(MOST_RESTARTS):
                with contextlib.suppress(ServerGone):
                    link = await self._server()
                    return await link.take(limits)
        except BaseException:
            self._release(slots)
            raise
        self._release(slots)
        raise SandboxError("The sandbox's fork server keeps ending; `luajobs doctor` may say why.")

    def _leave(self, child: Taken, slots: asyncio.Semaphore) -> None:
        """Free the place of a child that is to end, at once if not too many are leaving.

        The next run need not wait for its end to be told. What hangs on until it is
        killed cannot add up: no more are leaving than may run.
        """
        if len(self._leaving) < self._max_children:
            self._release(slots)
            self._leaving.add(child.gone)
            child.gone.add_done_callback(self._leaving.discard)
        else:
            child.gone.add_done_callback(lambda _: self._release(slots))

    def _release(self, slots: asyncio.Semaphore) -> None:
        slots.release()
        self._occupied -= 1
        if not self._occupied:
            self._idle.set()


class _Lease:
    """One child for the length of a block."""

    def __init__(self, sandbox: Sandbox, limits: Limits, slots: asyncio.Semaphore) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._slots = slots

    async def __aenter__(self) -> Taken:
        self._child = await self._sandbox._take(self._limits, self._slots)  # noqa: SLF001  # one role in two classes
        return self._child

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._child.end_soon()
        else:
            self._child.end()
        self._sandbox._leave(self._child, self._slots)  # noqa: SLF001  # likewise
        self._child.connection.close()
        if isinstance(error, asyncio.CancelledError):
            await _unbroken(self._child.gone)


async def _unbroken(gone: asyncio.Future[Exit]) -> None:
    """Wait for the end of a killed child, however often the waiter is cancelled."""
    while not gone.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((gone,))


async def _ask(child: Taken, frame: bytes) -> dict[str, Any] | Exit:
    """Send one frame, return the one that answers; or how the child ended instead."""
    loop = asyncio.get_running_loop()
    splitter = Splitter(MAX_COMPILED_FRAME)
    with contextlib.suppress(OSError):
        if rest := child.start(frame):
            await loop.sock_sendall(child.connection, rest)
        while data := await loop.sock_recv(child.connection, 2**18):
            for body in splitter.feed(data):
                # In a thread: compiled code can be megabytes.
                return await loop.run_in_executor(None, inspect_compiled, body)
    return await child.gone


def _refused(error: InvalidInput, program: Program) -> Failure:
    line = error.details.get("line")
    return Failure(type(error).__name__, error.message, line, program.line(line), program.file)
