"""The sandbox as the engine uses it: a program is checked, then run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from luajobs_kit.errors import InvalidInput, SandboxError
from luajobs_kit.sandbox.frames import MAX_COMPILED_FRAME, BrokenFrame, Splitter, pack
from luajobs_kit.sandbox.host import outcomes
from luajobs_kit.sandbox.host.child_handle import ChildHandle, Exit
from luajobs_kit.sandbox.host.fork_server_client import ForkServerClient, ServerGone
from luajobs_kit.sandbox.host.frame_inspection import inspect_compiled
from luajobs_kit.sandbox.host.run_session import OnLog, RunSession, Serve
from luajobs_kit.sandbox.values import Failure, Limits, LogRecord, Outcome, Program, Wall

COMPILE_LIMITS: Final = Limits(timeout=20.0, memory=512 * 2**20)
MOST_COMPILING: Final = 2  # children that compile at the same time
CACHE_SIZE: Final = 512  # compiled programs kept
MOST_RESTARTS: Final = 3  # fork servers tried for one request

CEILING: Final = Limits(timeout=600.0, memory=512 * 2**20)


class Sandbox:
    """Runs programs in processes of their own, each once, behind every wall there is.

    Use it as ``async with Sandbox() as sandbox``. ``world`` and ``policy`` name the
    modules that define what job code sees and how it is compiled. ``max_children`` bounds the
    programs that run at once (more wait in order), ``spares`` the children forked ahead.
    ``ceiling`` is the most any run may use. ``walls`` names the walls to raise (of
    ``walls.WALLS``; None: all). ``hash_seed`` makes the order of sets repeatable, for
    simulation. Raises ``InvalidInput`` for a bound below its least.
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
        self._client: ForkServerClient | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(max_children)
        self._max_children = max_children
        self._exiting: set[asyncio.Future[Exit]] = set()  # done with their run, not yet reaped
        # Separate places, so that a new job is checked at once however many long runs there are.
        self._compile_slots = asyncio.Semaphore(MOST_COMPILING)
        self._idle = asyncio.Event()
        self._idle.set()
        self._occupied = 0
        self._closing = False
        self._walls: list[Wall] = []
        self._policy_version = ""
        self._compiled: OrderedDict[tuple[Program, str], str] = OrderedDict()

    # -- start and end --------------------------------------------------------------------------

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
        """Accept no more runs, give those running ``grace`` seconds, then end every process."""
        self._closing = True
        if grace > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
        if self._client is not None:
            await self._client.stop()

    def end(self) -> None:
        """End every process of it where no loop runs any more, as this process does that exits."""
        self._closing = True
        if self._client is not None:
            self._client.end()

    def forget(self) -> None:
        """Let go of it in a process forked from this one: its processes are the parent's."""
        self._closing = True
        if self._client is not None:
            self._client.forget()

    def walls(self) -> list[Wall]:
        """Return each wall and whether it was raised; ``doctor.report`` tries them as well."""
        return list(self._walls)

    @property
    def server_pid(self) -> int | None:
        """The fork server's process id, None while there is none."""
        return None if self._client is None or self._client.closed else self._client.pid

    async def _server(self) -> ForkServerClient:
        if self._client is not None and not self._client.closed and not self._closing:
            return self._client
        async with self._starting:
            if self._closing:
                raise SandboxError("The sandbox is closed; nothing can be run in it any more.")
            if self._client is None or self._client.closed:
                if self._client is not None:
                    await self._client.stop()  # reaps what is left of the server before
                client = ForkServerClient(self._options, self._hash_seed)
                hello = await client.start()
                self._client = client
                self._policy_version = hello["policy"]
                self._walls = [Wall(**wall) for wall in hello["walls"]]
            return self._client

    # -- checking ----------------------------------------------------------------------

    async def check(self, program: Program) -> None:
        """Compile ``program`` under the policy, in a child that executes nothing.

        Raises ``PolicyViolation`` when the policy refuses it, every line named, and
        ``InvalidInput`` when it is not Python. Lines are the author's.
        """
        await self._code(program)

    async def _code(self, program: Program) -> str:
        """Return the marshalled code in base 64. It is never unmarshalled on this side."""
        await self._server()
        key = (program, self._policy_version)
        if key in self._compiled:
            self._compiled.move_to_end(key)
            return self._compiled[key]
        frame = pack({"do": "compile", "source": program.source, "file": program.file,
                      "first_line": program.first_line, "entry": program.entry,
                      "segments": program.segments})  # fmt: skip
        limits = COMPILE_LIMITS.within(self.ceiling)
        async with _Lease(self, limits, self._compile_slots) as child:
            try:
                answer = await _ask(child, frame)
            except BrokenFrame as broken:
                raise InvalidInput(f"The source cannot be compiled: it gives {broken}.") from None
        code = outcomes.compiled_code(answer, program)
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

        ``serve(verb, arguments)`` answers its calls, several at a time. Calls of the verbs in
        ``alone``, whose answers may be large, are served one at a time, the next when the answer
        before was read. ``on_log`` receives each log line as it comes (the outcome then holds
        none). ``on_start`` is called when a child was found for the run. Cancelling kills the
        child and waits until it is reaped. Raises ``SandboxError`` when no child can be had, and
        ``InvalidInput`` when the context is not JSON.
        """
        logs: list[LogRecord] = []
        try:
            code = await self._code(program)
        except InvalidInput as error:
            return Outcome("failed", error=_failure(error, program))
        try:
            frame = pack({"do": "run", "code": code, "entry": program.entry, "files": program.files,
                          "context": dict(context)})  # fmt: skip
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"A run's context must be JSON: {error}") from error
        allowed = limits.within(self.ceiling)
        async with _Lease(self, allowed, self._slots) as child:
            started = time.monotonic()
            if on_start is not None:
                on_start()
            session = RunSession(child, serve, on_log or logs.append, alone)
            try:
                final: dict[str, Any] | BrokenFrame | None = await session.run(child.start(frame))
            except BrokenFrame as broken:
                final = broken
                child.kill()
            duration = (time.monotonic() - started) * 1000
            if final is None:
                status, failure = outcomes.from_exit(await child.exited, allowed)
                return Outcome(status, error=failure, logs=tuple(logs), duration=duration)
        return outcomes.from_final_frame(final, program, allowed, tuple(logs), duration)

    async def _acquire(self, limits: Limits, slots: asyncio.Semaphore) -> ChildHandle:
        await slots.acquire()
        self._occupied += 1
        self._idle.clear()
        try:
            for _ in range(MOST_RESTARTS):
                with contextlib.suppress(ServerGone):
                    client = await self._server()
                    return await client.acquire(limits)
        except BaseException:
            self._release(slots)
            raise
        self._release(slots)
        raise SandboxError("The sandbox's fork server keeps ending; `luajobs doctor` may say why.")

    def _leave(self, child: ChildHandle, slots: asyncio.Semaphore) -> None:
        """Free the place of a child whose run is over: at once, unless too many are still exiting.

        So the next run need not wait until the exit is reported. Children that hang until they
        are killed cannot pile up: no more may be exiting than may run.
        """
        if len(self._exiting) < self._max_children:
            self._release(slots)
            self._exiting.add(child.exited)
            child.exited.add_done_callback(self._exiting.discard)
        else:
            child.exited.add_done_callback(lambda _: self._release(slots))

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

    async def __aenter__(self) -> ChildHandle:
        self._child = await self._sandbox._acquire(self._limits, self._slots)  # noqa: SLF001  # one role, written as two classes
        return self._child

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._child.kill_unless_it_exits()
        else:
            self._child.kill()
        self._sandbox._leave(self._child, self._slots)  # noqa: SLF001  # likewise
        self._child.connection.close()
        if isinstance(error, asyncio.CancelledError):
            await _wait_for_exit(self._child.exited)


async def _wait_for_exit(exited: asyncio.Future[Exit]) -> None:
    """Wait for the exit of a killed child, however often the waiter is cancelled."""
    while not exited.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((exited,))


async def _ask(child: ChildHandle, frame: bytes) -> dict[str, Any] | Exit:
    """Send one frame; return the frame that answers it, or how the child exited instead."""
    loop = asyncio.get_running_loop()
    splitter = Splitter(MAX_COMPILED_FRAME)
    with contextlib.suppress(OSError):
        if rest := child.start(frame):
            await loop.sock_sendall(child.connection, rest)
        while data := await loop.sock_recv(child.connection, 2**18):
            for body in splitter.feed(data):
                # In a thread: compiled code can be megabytes.
                return await loop.run_in_executor(None, inspect_compiled, body)
    return await child.exited


def _failure(error: InvalidInput, program: Program) -> Failure:
    line, file = error.details.get("line"), error.details.get("file") or program.file
    return Failure(type(error).__name__, error.message, line, program.line(line, file), file)
