"""The engine process: one engine, its HTTP in the same loop, from lock to last word.

A client is an open connection that has shown the token: a stream of events, an offer of
tools, or one kept for the next question (closed by us after KEEP_ALIVE idle seconds).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import uvicorn

from luajobs_kit._version import __version__
from luajobs_kit.engine import GRACE, Engine
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import (
    EngineUnavailable,
    InvalidInput,
    LuaJobsError,
    WorkspaceGone,
    WorkspaceLocked,
)
from luajobs_kit.sandbox import conceal
from luajobs_kit.server.asgi_app import make_app
from luajobs_kit.server.auth import Authentication
from luajobs_kit.server.event_broadcast import Broadcast
from luajobs_kit.server.listening_sockets import bind, hosts, permit, shown
from luajobs_kit.server.tls import Tls
from luajobs_kit.server.unauthenticated_limit import CROWD, UnauthenticatedLimit

LEAVE_AFTER: Final = 600.0  # seconds without a client
FINISH: Final = 2.0  # seconds that requests under way get
LOOK: Final = 1.0  # seconds between two looks at who is there
KEEP_ALIVE: Final = 75  # seconds a client's connection stays open between two requests
TAKEN: Final = 75  # exit status: another engine owns the workspace
SUCCESSION: Final = 20.0  # seconds to wait for an engine that is ending
CONNECTIONS: Final = 1_000  # of clients
DESCRIPTORS: Final = CONNECTIONS + CROWD + 1_000  # open files: those, the store's and each run's

Report = Callable[[str], None]

_log = logging.getLogger(__name__)


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    names: Sequence[str] = (),
    stay: bool = True,
    tls: Tls | None = None,
    report: Report | None = None,
) -> None:
    """Run the folder's engine until SIGTERM or SIGINT, or, unless ``stay``, until it may leave.

    Answers on ``host`` and ``port`` (0: any free one). A host that is not loopback needs
    ``tls``; ``names`` are what clients call it where that is not ``host``. ``report`` is given a
    line when the engine answers.

    Raises ``WorkspaceLocked`` when another engine owns the folder, ``InvalidInput`` for an
    address that cannot be had, and for a certificate that clients would not believe.
    """
    joined = Address.read(folder)
    if joined is not None and joined.elsewhere:
        raise InvalidInput(
            f"{folder} was joined to the engine at {joined.url}, which runs on another machine. "
            "Serve another folder."
        )
    called = tuple(names) or (host,)
    permit(host, called, tls)
    asyncio.run(_Process(folder, host, port, called, stay=stay, tls=tls, report=report).run())


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Process:
    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        names: Sequence[str],
        *,
        stay: bool,
        tls: Tls | None,
        report: Report | None,
    ) -> None:
        self._folder = folder
        self._names = names
        self._tls = tls
        self._stay = stay
        self._report = report
        self._ending = asyncio.Event()
        self._socket = bind(host, port)

    async def run(self) -> None:
        conceal()  # its memory holds the token, and what jobs may not see
        os.umask(0o077)  # whatever this process makes is its owner's alone
        _allow_descriptors()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        engine = await self._open()
        # What was opened stays: looking at 100,000 jobs in every collection would stop it all
        # for half a second at a time.
        gc.freeze()
        engine.served = self._stay
        engine.when_gone(self._ending.set)
        try:
            await self._serve(engine)
        finally:
            await engine.aclose()

    async def _open(self) -> Engine:
        """Open the engine; one that is just ending is waited for."""
        deadline = time.monotonic() + SUCCESSION
        while True:
            try:
                return await Engine.open(self._folder)
            except WorkspaceLocked:
                if Address.read(self._folder) is not None or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def _serve(self, engine: Engine) -> None:
        host, port = self._socket.getsockname()[:2]
        broadcast = Broadcast(engine.event_tail)
        await broadcast.start()
        token = secrets.token_urlsafe(32)
        app = make_app(
            engine,
            broadcast,
            token=token,
            hosts=hosts((host, *self._names), port),
            identify=engine.identify,
        )
        limit = UnauthenticatedLimit(lambda far_end: far_end in app.known)
        server = _Server(self._config(app, limit))
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        serving.add_done_callback(lambda _: self._ending.set())  # without its HTTP it is no engine
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        if serving.done():
            await serving
        address = Address(
            url=f"{'https' if self._tls else 'http'}://{shown(self._names[0])}:{port}",
            token=token,
            pid=os.getpid(),
            version=__version__,
            certificate=str(self._tls.certificate.absolute()) if self._tls else None,
        )
        address.write(self._folder)
        if self._report is not None:
            self._report(f"{self._folder} is served at {address.url} (pid {address.pid}).")
        try:
            await self._until_it_may_leave(engine, app, server, limit, address)
        finally:
            app.ending = await self._last_word(engine)
            if isinstance(app.ending, WorkspaceGone):
                broadcast.last_word = app.ending
            else:
                address.remove(self._folder)
            await _finished(app)
            await engine.aclose(grace=GRACE)
            await broadcast.aclose()
            server.should_exit = True
            await serving

    async def _last_word(self, engine: Engine) -> LuaJobsError:
        """Return what clients are told from now on."""
        if not await engine.is_gone():
            return EngineUnavailable(
                "This engine is ending; the next one can be started in a moment."
            )
        gone = WorkspaceGone(
            f"The workspace {self._folder} was removed, moved away or replaced while its engine ran "
            "(its lock file is not the one that the engine holds). This engine has ended, and "
            "writes nothing there. Ask again: the next call uses what stands at the path now.",
            workspace=str(self._folder),
        )
        if self._report is None:
            _log.warning("%s", gone.message)
        else:
            self._report(gone.message)
        return gone

    def _config(self, app: Authentication, limit: UnauthenticatedLimit) -> uvicorn.Config:
        return uvicorn.Config(
            app,
            http=limit.protocol(),  # h11's: its bounds are the ones that are tested
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # what strangers send would fill the log with warnings
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(FINISH),
            limit_concurrency=CONNECTIONS + CROWD,  # strangers take no client's place
            h11_max_incomplete_event_size=32 * 1024,  # bytes of headers
            ssl_certfile=self._tls.certificate if self._tls else None,
            ssl_keyfile=self._tls.key if self._tls else None,
        )

    async def _until_it_may_leave(
        self,
        engine: Engine,
        app: Authentication,
        server: uvicorn.Server,
        limit: UnauthenticatedLimit,
        address: Address,
    ) -> None:
        def count() -> None:
            engine.clients = _count_clients(app, server)

        app.arrived = count
        last_client = time.monotonic()
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), LOOK)
            limit.see_off()
            count()
            now = time.monotonic()
            if engine.clients:
                last_client = now
            if not self._stay and now - last_client > LEAVE_AFTER and not engine.busy():
                return
            if Address.read(self._folder) != address and not await engine.is_gone():
                address.write(self._folder)  # somebody removed the file: be found again


def _allow_descriptors() -> None:
    """Raise this process's limit of open files, where the system lets it: usual are 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _count_clients(app: Authentication, server: uvicorn.Server) -> int:
    """Count the connections that have shown the token."""
    ends = {getattr(one, "client", None) for one in server.server_state.connections}
    app.known &= ends
    return len(app.known)


async def _finished(app: Authentication) -> None:
    deadline = time.monotonic() + FINISH
    while app.under_way and time.monotonic() < deadline:  # noqa: ASYNC110 - only while ending
        await asyncio.sleep(0.01)


def log_to_stderr() -> None:
    """Write what the libraries have to say where the engine's log is."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s"
    )
