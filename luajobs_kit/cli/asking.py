"""Running a command's question against the workspace's engine, and its errors for people."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from luajobs_kit.cli.waiting import waiting
from luajobs_kit.client import HttpPort, connect, discover
from luajobs_kit.client.workspace import find
from luajobs_kit.errors import EngineUnavailable, LuaJobsError, WorkspaceError
from luajobs_kit.port import Port

P = ParamSpec("P")

NO_ENGINE = 3  # exit code


def asks(question: Callable[Concatenate[Port, P], Awaitable[None]]) -> Callable[P, None]:
    """Make a click command's body of an async function that is given the engine's port.

    The engine is started if there is none.
    """

    async def connected(given: Path | None) -> Port:
        folder, new = _folder(given)
        if new:
            click.secho(f"A new workspace was made: {folder}", fg="yellow", err=True)
        async with waiting("Starting the engine"):
            return await connect(folder)

    return _body(question, connected)


def asks_if_running(
    question: Callable[Concatenate[Port, P], Awaitable[None]],
) -> Callable[P, None]:
    """Make a click command's body likewise; where no engine runs, that is the answer."""

    async def connected(given: Path | None) -> Port:
        folder = find(given, make=False)
        address = await discover.find(folder)
        if address is None:
            raise EngineUnavailable(
                f"No engine runs for {folder}. The next command or call that needs one starts it."
            )
        return HttpPort(folder, address)

    return _body(question, connected)


def _body(
    question: Callable[Concatenate[Port, P], Awaitable[None]],
    connected: Callable[[Path | None], Awaitable[Port]],
) -> Callable[P, None]:
    @functools.wraps(question)
    def body(*args: P.args, **kwargs: P.kwargs) -> None:
        workspace = (click.get_current_context().find_root().obj or {}).get("workspace")

        async def run() -> None:
            port = await connected(Path(workspace) if workspace else None)
            try:
                await question(port, *args, **kwargs)
            finally:
                await port.aclose()

        with speaking_errors():
            asyncio.run(run())

    return body


def _folder(given: Path | None) -> tuple[Path, bool]:
    """Return the workspace's folder, and whether it was made just now."""
    try:
        return find(given, make=False), False
    except WorkspaceError:
        return find(given), True


class speaking_errors:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn the kit's errors into one line on standard error and an exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, LuaJobsError):
            click.secho(f"luajobs: {error.message}", fg="red", err=True)
            sys.exit(NO_ENGINE if isinstance(error, EngineUnavailable) else 1)
        if isinstance(error, KeyboardInterrupt):
            sys.exit(130)
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()  # the reader (head, less) has left: nothing to say to anybody
            sys.exit(0)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
