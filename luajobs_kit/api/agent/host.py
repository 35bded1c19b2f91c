"""Agent hosts: a process for each agent module that ``luajobs serve`` is given.

``python -m luajobs_kit.api.agent.host FOLDER MODULE`` deploys the module's agents and
answers for their tools until its engine or its parent is gone.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from luajobs_kit.api.agent.agents import LuaAgent
from luajobs_kit.api.agent.tools import LuaTool
from luajobs_kit.api.workspace import Workspace
from luajobs_kit.errors import InvalidInput, LuaJobsError

MODULE: Final = "luajobs_kit.api.agent.host"
POLL: Final = 0.5  # seconds between two checks of a module's file


@contextmanager
def hosts(folder: Path, modules: tuple[str, ...], *, reload: bool) -> Iterator[Callable[[], None]]:
    """Yield what starts a host for each module; they end with the block."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        for module in modules:
            words = [sys.executable, "-m", MODULE, str(folder), module, *(["--reload"] * reload)]
            # A pipe as its standard input: it is closed when this process ends, in whatever way.
            running.append(subprocess.Popen(words, stdin=subprocess.PIPE))  # noqa: S603 - our own module

    try:
        yield start
    finally:
        for host in running:
            host.terminate()
        for host in running:
            host.wait()


def load(name: str) -> ModuleType:
    """Import an agent module by its dotted name or its file. Raises ``InvalidInput``."""
    sys.path.insert(0, str(Path.cwd()))
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as problem:
            raise InvalidInput(
                f"There is no module {problem.name!r} to be found from here."
            ) from None
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None or not Path(name).is_file():
        raise InvalidInput(f"There is no file {name!r}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


async def host(folder: Path, name: str) -> None:
    """Deploy the module's agent, or offer its tools, and answer for them until cancelled.

    The workspace is the current one while the module is read, for its ``@ws.tool``. Without an
    agent each ``LuaTool`` and ``@lua_tool`` at its top is offered too.
    """
    async with Workspace(folder) as workspace:
        module = load(name)
        agents = [value for value in vars(module).values() if isinstance(value, LuaAgent)]
        if len(agents) > 1:
            names = ", ".join(agent.name for agent in agents)
            raise InvalidInput(
                f"{name} defines {names}: a workspace is one agent; put their skills in one."
            )
        for agent in agents:
            print(await workspace.deploy(agent), flush=True)  # noqa: T201 - a host reports to its terminal
        if not agents:
            for value in vars(module).values():
                if isinstance(value, LuaTool):
                    workspace.tool(value)
            offered = ", ".join(workspace.offered_names)
            if not offered:
                raise InvalidInput(
                    f"{name} defines no LuaAgent and no tool; write agent = LuaAgent(name=…, …) in it, "
                    "or @lua_tool above a function."
                )
            await workspace.port()
            print(f"tools that jobs may call: {offered}", flush=True)  # noqa: T201 - likewise
        await asyncio.Event().wait()


async def _run(folder: Path, name: str, *, reload: bool) -> int:
    """Host until the parent ends; where asked, begin anew when the module's file changes."""
    parent = asyncio.create_task(_parent_gone())
    hosting = asyncio.create_task(host(folder, name))
    changed = asyncio.create_task(_file_changed(name))
    await asyncio.wait({parent, changed, hosting}, return_when=asyncio.FIRST_COMPLETED)
    if hosting.done() and (problem := hosting.exception()) is not None:
        _print_error(f"luajobs serve {name}: {_describe(problem)}")
        if not reload:
            return 1
        _print_error("Waiting for its file to change.")
        await asyncio.wait({parent, changed}, return_when=asyncio.FIRST_COMPLETED)
    elif not reload and not parent.done():
        await asyncio.wait({parent})
    if changed.done() and not parent.done():
        os.execv(sys.executable, [sys.executable, "-m", MODULE, *sys.argv[1:]])  # noqa: S606 - ourselves
    return 0


async def _parent_gone() -> None:
    """Return at the end of standard input, which the parent holds as long as it lives."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _describe(problem: BaseException) -> str:
    """Return the message of an error of ours, else the module's own part of the traceback."""
    if isinstance(problem, LuaJobsError):
        return problem.message
    frames = traceback.extract_tb(problem.__traceback__)
    own = [
        frame
        for frame in frames
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    lines = [*traceback.format_list(own), *traceback.format_exception_only(problem)]
    return "\n" + "".join(lines).rstrip()


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a host reports to its terminal


async def _file_changed(name: str) -> None:
    """Return when the module's file has changed."""
    spec = None if name.endswith(".py") else importlib.util.find_spec(name)
    file = Path(name if spec is None or spec.origin is None else spec.origin)

    def stamp() -> int:
        return file.stat().st_mtime_ns if file.exists() else 0

    first = stamp()
    while stamp() == first:  # noqa: ASYNC110 - no event for a changed file exists on every system
        await asyncio.sleep(POLL)


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(Path(sys.argv[1]), sys.argv[2], reload="--reload" in sys.argv[3:])))
