"""``Workspace``: a ``.luajobs`` folder, its engine, and everything asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload
from weakref import WeakKeyDictionary

from luajobs_kit import port_schema
from luajobs_kit.api import _session
from luajobs_kit.api._json_values import build, to_object
from luajobs_kit.api._session import Session, Verb
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.agent.agents import LuaAgent
from luajobs_kit.api.agent.deploy import Plan, deploy
from luajobs_kit.api.agent.tool_offers import (
    DEFAULT_TOOL_TIMEOUT,
    OfferedTool,
    ToolOffers,
    Tools,
)
from luajobs_kit.api.agent.tools import LuaTool
from luajobs_kit.api.connection import Connection
from luajobs_kit.api.data.data import Data
from luajobs_kit.api.data.products import Products
from luajobs_kit.api.data.users import User
from luajobs_kit.api.jobs.execution import JobExecution, newest
from luajobs_kit.api.jobs.job import JobInstance
from luajobs_kit.api.jobs.jobs import Jobs
from luajobs_kit.api.jobs.log_lines import LogLines
from luajobs_kit.api.settings_of_workspace import WorkspaceSettings
from luajobs_kit.api.simulation import SimulationResult, end_of
from luajobs_kit.clock import Clock, SystemClock, VirtualClock
from luajobs_kit.errors import LuaJobsError, WorkspaceError
from luajobs_kit.model import (
    EngineStatus,
    Event,
    ExecutionStatus,
    Level,
    LogQuery,
    Message,
)
from luajobs_kit.port import Finding, Port

if TYPE_CHECKING:
    from contextvars import Token

    from luajobs_kit.platform import MessageChannel
    from luajobs_kit.sandbox import Sandbox

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any] | LuaTool[Any])


@awaited_as("ws")
class Workspace:
    """A workspace and its engine, which is started when it is first needed.

    ``path`` is the workspace or the project's folder it is in (as ``.luajobs``); None follows
    ``LUAJOBS_HOME``, which is read likewise, else the nearest ``.luajobs`` walking up from the
    working directory, else makes one there. ``ws.jobs``, ``ws.users``, ``ws.data``, ``ws.products`` and ``ws.tools`` are as
    the module-level names, for this workspace. ``async with Workspace(path):`` makes it
    the current one inside the block; ``await ws.open()`` does, in every cell, until ``aclose()``.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._given = path
        self._path: Path | None = None
        self._engine: Port | None = None  # one in this process
        self._home: asyncio.AbstractEventLoop | None = None  # that engine's loop
        self._start: Callable[[], Awaitable[Port]] | None = None  # what makes one in this process
        self._connections: WeakKeyDictionary[asyncio.AbstractEventLoop, Connection] = (
            WeakKeyDictionary()
        )
        self._clock: Clock = SystemClock()
        self._offering: set[asyncio.Task[None]] = set()
        self._tokens: list[Token[Session | None]] = []
        self._offers = ToolOffers()
        self.jobs = Jobs(self)
        self.users = User(self)
        self.data = Data(self)
        self.products = Products(self)
        self.tools = Tools(self)
        self.settings = WorkspaceSettings(self)

    @classmethod
    def in_process(
        cls,
        path: str | Path | None = None,
        *,
        clock: Clock | None = None,
        sandbox: Sandbox | None = None,
        channels: Sequence[MessageChannel] = (),
    ) -> Self:
        """Return a workspace whose engine runs inside this process; None keeps all in memory.

        It runs inside ``async with``, or from ``await ws.open()`` to ``await ws.aclose()``; then
        the workspace is the current one. With a ``VirtualClock`` as its ``clock``, time moves
        only when that is advanced, for job code too. ``channels`` get every message, after the
        inbox (``luajobs_kit.platform.MessageChannel``). Entering it raises ``WorkspaceLocked`` when
        another engine owns the folder.
        """
        workspace = cls(path)
        if path is not None:
            workspace._path = _folder(path)
        if clock is not None:
            workspace._clock = clock

        async def start() -> Port:
            from luajobs_kit.engine import Engine  # noqa: PLC0415 - it loads the stores and APScheduler, which clients do not need

            return await Engine.open(
                workspace._path,
                clock=clock,
                sandbox=sandbox,
                virtual_runs=isinstance(clock, VirtualClock),
                channels=channels,
            )

        workspace._start = start
        return workspace

    @staticmethod
    def current() -> Workspace:
        """Return the workspace of the block around, else this process's own."""
        session = _session.current_session()
        assert isinstance(session, Workspace)
        return session

    @property
    def path(self) -> Path | None:
        """The workspace's folder, the same as ``status().workspace``; None in memory.

        Raises ``WorkspaceError`` when the folder cannot be used, or two are meant by its name.
        """
        if self._path is None and self._start is None:
            self._path = _folder(self._given)
        return self._path

    @property
    def engine(self) -> Port | None:
        """The engine inside this process; None where another process runs it.

        Raises ``WorkspaceError`` where one is to run here and does not.
        """
        if self._engine is None and self._start is not None:
            raise WorkspaceError(
                f"{self!r} is not open: use it inside `async with ws:`, or write `await ws.open()` "
                "before and `await ws.aclose()` after."
            )
        return self._engine

    def now(self) -> datetime:
        """Return the time by the workspace's clock, aware, in UTC."""
        return self._clock.now()

    async def port(self) -> Port:
        """Return the engine's port for the running event loop, starting what must be started.

        Raises ``EngineUnavailable`` when none can be.
        """
        engine = self.engine
        if engine is not None:
            self._offers.serve(engine)
            return engine
        port = await self._connected()
        assert self.path is not None
        await self._offers.serve_apart(self.path)
        return port

    async def ask(self, verb: Verb[P, R], /, *arguments: P.args, **options: P.kwargs) -> R:
        """Ask the engine a verb of its port, as ``ws.ask(Port.get_job, job_id)``; return the answer.

        Raises ``EngineUnavailable`` when no engine answers, and what the verb raises.
        """
        home = self._home
        if home is not None and home is not asyncio.get_running_loop() and home.is_running():
            # A tool asks, on its own loop; the engine in this process belongs to another.
            asked = asyncio.run_coroutine_threadsafe(self.ask(verb, *arguments, **options), home)
            return await asyncio.wrap_future(asked)
        port = await self.port()
        if self._engine is not None:  # elsewhere whoever writes the request sees to it
            known = port_schema.verb(verb.__name__).parameters
            given = {each.name: value for each, value in zip(known, arguments, strict=False)}
            port_schema.check_arguments(given | options)
        answer: R = await getattr(port, verb.__name__)(*arguments, **options)
        return answer

    def offered(self, name: str, /) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
        """Return what calls a tool that this process offers. Raises ``ToolUnavailable``."""
        return self._offers.named(name).call

    @property
    def offered_names(self) -> list[str]:
        """The names of the tools that this process offers, sorted."""
        return self._offers.names

    async def _connected(self) -> Port:
        loop = asyncio.get_running_loop()
        connection = self._connections.get(loop)
        if connection is None:
            assert self.path is not None
            connection = self._connections[loop] = Connection(self.path)
        try:
            return await asyncio.shield(connection.port)
        except Exception:
            self._connections.pop(loop, None)
            raise

    # Requests about the engine as a whole

    async def status(self) -> EngineStatus:
        """Return the engine's status: version, process, workspace, time, numbers of jobs and runs."""
        return await self.ask(Port.status)

    async def doctor(self) -> list[Finding]:
        """Return what holds here: the sandbox's walls, and what recovery had to do."""
        return await self.ask(Port.doctor)

    async def executions(
        self, *, status: ExecutionStatus | None = None, limit: int = 50
    ) -> list[JobExecution]:
        """Return runs of every job, newest first."""
        return await newest(self, limit, status=status)

    async def logs(
        self,
        *,
        source: str | None = None,
        name: str | None = None,
        user: str | None = None,
        level: Level | None = None,
        grep: str | None = None,
        limit: int = 20,
    ) -> LogLines:
        """Return the newest log lines of jobs and tools, in reading order: the oldest first.

        ``source`` is ``job`` or ``skill``, ``name`` a job's or tool's, ``level`` the least
        one, ``grep`` words that must all occur.
        """
        query = build(
            LogQuery,
            "ws.logs",
            source=source,
            name=name,
            user_id=user,
            level=level,
            grep=grep,
            limit=limit,
        )
        return LogLines.of(await self.ask(Port.logs, query))

    async def inbox(self, limit: int = 50) -> list[Message]:
        """Return everybody's messages, newest first."""
        answer = await self.ask(Port.call, "user.inbox", {"limit": limit})
        return [Message.model_validate(message) for message in answer]

    async def events(self, after: str | None = None) -> AsyncIterator[Event]:
        """Follow what happens, from now on, or from just after the event with that id."""
        async for event in (await self.port()).events(after):
            yield event

    async def simulate(
        self,
        until: datetime | None = None,
        *,
        days: float | None = None,
        hours: float | None = None,
        job: JobInstance | str | None = None,
        seed: int = 0,
        responses: Mapping[str, Any] | None = None,
        max_fires: int = 1_000,
    ) -> SimulationResult:
        """Run every fire of the coming week (or of ``days`` and ``hours``, or to ``until``) in seconds.

        It runs in virtual time, on a copy in memory. ``job`` (or its name) leaves only that
        job's schedule active; the same ``seed`` gives the same answer. ``responses`` answers
        what would leave the workspace:
        ``{"GET https://api.example/*": {"status": 200, "body": "…"}, "tools.weather": {…}}``.
        After ``max_fires`` (10,000 at most) it ends early, and says so.

        Raises ``InvalidInput`` for a time that is not within a year to come, ``NotFound``
        for a job that is not there.
        """
        end = end_of(until, {"days": days, "hours": hours}, (await self.ask(Port.status)).now)
        if isinstance(job, str):
            job = await self.jobs.get_job(job)
        found = await self.ask(
            Port.simulate,
            end,
            job_id=None if job is None else job.id,
            seed=seed,
            responses=None if responses is None else to_object(responses, "responses"),
            max_fires=max_fires,
        )
        return SimulationResult.of(found)

    async def deploy(self, agent: LuaAgent, *, dry_run: bool = False) -> Plan:
        """Make the agent's pre-defined jobs true in the engine, and offer its tools to jobs.

        New jobs are created, changed ones get the next version, unchanged ones are left
        alone, and those that are gone are deactivated. ``dry_run`` only returns the plan.
        A workspace is one agent: deploying a second switches off the first one's jobs.
        """
        return await deploy(self, self._offers, agent, dry_run=dry_run)

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self, /, *, name: str | None = None, timeout: float = DEFAULT_TOOL_TIMEOUT
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        timeout: float = DEFAULT_TOOL_TIMEOUT,
    ) -> Any:
        """Let job code call a function of this process, or a ``LuaTool``, as ``tools.NAME(…)``.

        A function's arguments are validated by its annotations; it has ``timeout`` seconds to
        answer. A plain ``def`` runs in a thread of its own. What is given is returned as it was, so
        this is a decorator too.

        Raises ``InvalidInput`` for what cannot be a tool, and for another ``name`` for a
        ``LuaTool``, which has one.
        """

        def register(function: F) -> F:
            self._offers.add(OfferedTool.of(function, self, name=name, timeout=timeout))
            self._offer_soon()
            return function

        return register if function is None else register(function)

    def _offer_soon(self) -> None:
        if self._engine is not None and self._home is not None:
            if self._home is _running_loop():
                self._offers.serve(self._engine)
            else:
                self._home.call_soon_threadsafe(self._offers.serve, self._engine)
            return
        loop = _running_loop()
        if loop is None:
            return  # the first request of the workspace offers it
        offering = loop.create_task(self._offer())
        self._offering.add(offering)
        offering.add_done_callback(self._offering.discard)

    async def _offer(self) -> None:
        with suppress(LuaJobsError):  # the next request raises the reason to its caller
            await self.port()

    # Being the current workspace, and closing it

    async def open(self) -> Self:
        """Make this the process's own workspace, until ``aclose()``.

        For notebooks, where what is opened in one cell is used in the next ones::

            ws = await Workspace.in_process().open()
        """
        await self._started()
        _session.adopt(self)
        return self

    @contextmanager
    def entered(self) -> Iterator[Self]:
        """Make this the current workspace inside the block."""
        with _session.entered(self):
            yield self

    async def _started(self) -> None:
        if self._engine is None and self._start is not None:
            self._engine = await self._start()
            self._home = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        await self._started()
        self._tokens.append(_session.enter(self))
        return self

    async def __aexit__(self, *_: object) -> None:
        _session.leave(self._tokens.pop())
        await self.aclose()

    async def aclose(self) -> None:
        """Disconnect from the engine; one in this process ends, one in another process goes on."""
        _session.disown(self)
        await self._offers.stop()
        engine, self._engine, self._home = self._engine, None, None
        if engine is not None:
            await engine.aclose()
        connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.aclose()

    def __repr__(self) -> str:
        if self._start is not None:
            closed = "" if self._engine is not None else ", closed"
            return f"<Workspace {self._path or 'in memory'} in this process{closed}>"
        return f"<Workspace {self._path or self._given or 'found at its first use'}>"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _folder(path: str | Path | None) -> Path:
    from luajobs_kit.client.find_workspace import find  # noqa: PLC0415 - it loads the HTTP client, which memory needs not

    return find(Path(path) if path is not None else None)


_session.make_own_by(Workspace)
