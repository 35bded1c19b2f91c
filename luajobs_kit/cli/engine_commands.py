"""Decorators that run a click command against the workspace's engine, and its errors for people."""

from __future__ import annotations

import asyncio
import functools
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from luajobs_kit.cli.progress import waiting
from luajobs_kit.client import discover
from luajobs_kit.client.find_workspace import find
from luajobs_kit.client.session import EngineSession
from luajobs_kit.errors import EngineFrozen, EngineUnavailable, LuaJobsError, WorkspaceError
from luajobs_kit.presentation import clean

if TYPE_CHECKING:
    from luajobs_kit.port import Port

P = ParamSpec("P")
C = TypeVar("C")

NO_ENGINE = 3  # exit code

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

# JSON leaves these as they are, and to some terminals they are orders.
_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def with_port(question: Callable[Concatenate[Port, P], Awaitable[None]]) -> Callable[P, None]:
    """Make a click command's body of an async function that is given the engine's port.

    The engine is started if there is none.
    """
    return _body(question, _connected)


def with_session(
    question: Callable[Concatenate[EngineSession, P], Awaitable[None]],
) -> Callable[P, None]:
    """Make a click command's body likewise, for what is quickest without the port's models."""
    return _body(question, _linked)


def with_running_port(
    question: Callable[Concatenate[Port, P], Awaitable[None]],
) -> Callable[P, None]:
    """Make a click command's body likewise; where no engine runs, that is the answer."""
    return _body(question, _found)


def _body(
    question: Callable[Concatenate[C, P], Awaitable[None]],
    opened: Callable[[Path | None], AbstractAsyncContextManager[C]],
) -> Callable[P, None]:
    @functools.wraps(question)
    def body(*args: P.args, **kwargs: P.kwargs) -> None:
        workspace = (click.get_current_context().find_root().obj or {}).get("workspace")

        async def run() -> None:
            async with opened(Path(workspace) if workspace else None) as connection:
                await question(connection, *args, **kwargs)

        with reporting_errors():
            asyncio.run(run())

    return body


@asynccontextmanager
async def _connected(given: Path | None) -> AsyncIterator[Port]:
    async with _linked(given) as session:
        from luajobs_kit.client.http_port import HttpPort  # noqa: PLC0415 - see client.__getattr__

        async with HttpPort(session.folder, session.transport.address) as port:
            yield port


@asynccontextmanager
async def _linked(given: Path | None) -> AsyncIterator[EngineSession]:
    folder, new = _folder(given)
    if new:
        click.secho(f"A new workspace was made: {folder}", fg="yellow", err=True)
    async with waiting("Starting the engine"):
        address = await discover.find_or_start(folder)
    session = EngineSession(folder, address, discover.PATIENCE)
    try:
        yield session
    finally:
        session.close()


@asynccontextmanager
async def _found(given: Path | None) -> AsyncIterator[Port]:
    from luajobs_kit.client.http_port import HttpPort  # noqa: PLC0415 - likewise

    try:
        folder = find(given, make=False)
    except WorkspaceError as none:
        raise EngineUnavailable(none.message) from none
    address = await discover.find(folder)
    if address is None:
        raise EngineUnavailable(
            f"No engine runs for {folder}. The next command or call that needs one starts it."
        )
    async with HttpPort(folder, address) as port:
        yield port


def _folder(given: Path | None) -> tuple[Path, bool]:
    """Return the workspace's folder, and whether it was made just now."""
    try:
        return find(given, make=False), False
    except WorkspaceError:
        return find(given), True


class reporting_errors:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn the kit's errors into one line on standard error and an exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, LuaJobsError):
            click.secho(f"luajobs: {clean(error.message)}", fg="red", err=True)
            none_runs = isinstance(error, EngineUnavailable) and not isinstance(error, EngineFrozen)
            sys.exit(NO_ENGINE if none_runs else 1)
        if isinstance(error, KeyboardInterrupt):
            sys.exit(130)
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()  # the reader (head, less) has left: nothing to say to anybody
            sys.exit(0)


def confirm(question: str) -> None:
    """Ask for a yes. Raises ``click.Abort`` for any other answer, and for Ctrl-C."""
    # An event loop takes the first Ctrl-C for its task, which cannot hear of it while it asks.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        click.confirm(question, abort=True)
    finally:
        signal.signal(signal.SIGINT, before)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value for programs, and no control character to the terminal that shows it."""
    narrow = not (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(json.dumps(value, indent=indent, ensure_ascii=narrow).translate(_ESCAPED))
