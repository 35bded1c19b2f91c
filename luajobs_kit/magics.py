"""Magics for notebooks: ``%load_ext luajobs_kit`` gives ``%%job``, ``%jobs``, ``%logs`` and ``%inbox``.

::

    %%job greeting --every 60 --metadata words
    async def greet(job):
        print(job.metadata["text"])

They ask the engine, so they are awaited, as top-level ``await`` is: a transformation of
the cell's code sees to it. In code of your own use ``Jobs`` itself.
"""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import partial, wraps
from types import FunctionType
from typing import Any, Final, NoReturn

from IPython.core.error import UsageError

from luajobs_kit.api._html import table
from luajobs_kit.api.jobs.job import JobInstance
from luajobs_kit.api.jobs.jobs import JobList
from luajobs_kit.api.jobs.log_lines import LogLines
from luajobs_kit.api.namespaces import Jobs
from luajobs_kit.api.workspace import Workspace
from luajobs_kit.bundle.entry_function import entry_of
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Message, Schedule
from luajobs_kit.timing import cron
from luajobs_kit.timing.typed_schedules import read_schedule

NAMES: Final = ("job", "jobs", "logs", "inbox")
_CALL: Final = re.compile(
    rf"^((?:\w+\s*=\s*)?)(get_ipython\(\)\.run_(?:cell|line)_magic\('(?:{'|'.join(NAMES)})',)"
)


class _LineParser(argparse.ArgumentParser):
    """Parses a magic's line; a mistake raises in the cell, where argparse would exit the kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage()}")

    def read(self, line: str) -> argparse.Namespace:
        try:
            return self.parse_args(shlex.split(line))
        except ValueError as problem:  # a quotation that does not end
            self.error(str(problem))


def _job_parser() -> _LineParser:
    words = _LineParser(prog="%%job", add_help=False)
    words.add_argument("name")
    when = words.add_mutually_exclusive_group(required=True)
    when.add_argument("--every", metavar="60|5m")
    when.add_argument("--cron", metavar='"0 8 * * 1"')
    when.add_argument("--in", dest="after", metavar="10m")
    words.add_argument("--timezone", metavar="Europe/Berlin")
    words.add_argument("--metadata", metavar="NAME_OF_A_DICT")
    return words


_JOB: Final = _job_parser()
_LOGS: Final = _LineParser(prog="%logs", add_help=False)
_LOGS.add_argument("name", nargs="?")
_LOGS.add_argument("--limit", type=int, default=20)
_INBOX: Final = _LineParser(prog="%inbox", add_help=False)
_INBOX.add_argument("--limit", type=int, default=20)


class InboxLines(list[Message]):
    """Messages, newest first; printing it shows one a line."""

    def __repr__(self) -> str:
        lines = [
            f"{one.created_at.astimezone():%Y-%m-%d %H:%M:%S} to {one.user_id}: {one.text}"
            for one in self
        ]
        return "\n".join(lines) or "[no messages]"

    def _repr_html_(self) -> str:
        rows = [
            [
                one.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                one.user_id,
                one.job_name or "",
                one.text,
            ]
            for one in self
        ]
        return table(["time", "to", "from job", "message"], rows)


class _Unawaited:
    """A magic's call, not awaited yet: only in the cell of ``%load_ext`` itself it stays so."""

    def __init__(self, answer: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._answer().__await__()

    def __repr__(self) -> str:
        return (
            "Nothing was asked yet: put this line into a cell after that of %load_ext luajobs_kit."
        )


def _awaitable(magic: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., _Unawaited]:
    @wraps(magic)
    def call(*given: str) -> _Unawaited:
        return _Unawaited(partial(magic, *given))

    return call


class Magics:
    """The four magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    async def job(self, line: str, cell: str) -> JobInstance:
        """Make the cell a job: ``%%job NAME --every 60``.

        The job is its function ``execute``, else the one that no other of the cell uses; the rest
        of the cell that it needs is taken along.
        """
        asked = _JOB.read(line)
        if asked.timezone and not asked.cron:
            raise UsageError("--timezone belongs to --cron.")
        function = self._defined(cell)
        return await Jobs.create(
            name=asked.name,
            schedule=_schedule(asked),
            execute=function,
            metadata=self._metadata(asked.metadata),
        )

    async def jobs(self, line: str) -> JobList:
        """Show every job: ``%jobs``."""
        if line.strip():
            raise UsageError("%jobs takes nothing; it shows every job.")
        return await Jobs.get_all(include_dynamic=True)

    async def logs(self, line: str) -> LogLines:
        """Show the newest log lines, the last one last: ``%logs [NAME] [--limit 20]``."""
        asked = _LOGS.read(line)
        if asked.name is not None:
            job = await Jobs.get_job(asked.name)
            return await job.logs(asked.limit)
        return await Workspace.current().logs(limit=asked.limit)

    async def inbox(self, line: str) -> InboxLines:
        """Show the newest messages of everybody: ``%inbox [--limit 20]``."""
        return InboxLines(await Workspace.current().inbox(_INBOX.read(line).limit))

    def _defined(self, cell: str) -> FunctionType:
        """Run the cell and return the function that is the job."""
        source = "\n" + cell  # below the line of the magic, so that line numbers are the cell's
        tree = ast.parse(source)
        wanted, _ = entry_of(tree, "this cell")
        # As the shell does with a cell, so that the function's source can be found.
        file = self._shell.compile.cache(source, self._shell.execution_count, raw_code=source)
        exec(compile(tree, file, "exec"), self._shell.user_ns)  # noqa: S102 - it is the cell
        function: FunctionType = self._shell.user_ns[wanted]
        return function

    def _metadata(self, name: str | None) -> Mapping[str, Any]:
        if name is None:
            return {}
        value = self._shell.user_ns.get(name)
        if not isinstance(value, Mapping):
            what = "not defined" if value is None else f"a {type(value).__name__}"
            raise InvalidInput(
                f"--metadata takes the name of a dict of this notebook, and {name} is {what}.",
                field="metadata",
            )
        return value


def _schedule(asked: argparse.Namespace) -> Schedule:
    if asked.cron is not None:
        return cron(asked.cron, asked.timezone)
    word, length = ("every", asked.every) if asked.every is not None else ("in", asked.after)
    unit = "s" if re.fullmatch(r"[\d.]+", length) else ""
    now = Workspace.current().now()
    return read_schedule(f"{word} {length}{unit}", now)


def _await_magics(lines: list[str]) -> list[str]:
    return [_CALL.sub(r"\1await \2", line) for line in lines]


_await_magics.has_side_effects = False  # type: ignore[attr-defined]  # the shell asks for it


def load_ipython_extension(shell: Any) -> None:
    """Give the shell the magics: ``%load_ext luajobs_kit``."""
    magics = Magics(shell)
    line_magics: dict[str, Callable[..., Any]] = {
        "jobs": magics.jobs,
        "logs": magics.logs,
        "inbox": magics.inbox,
    }
    shell.register_magic_function(_awaitable(magics.job), "cell", "job")
    for name, magic in line_magics.items():
        shell.register_magic_function(_awaitable(magic), "line", name)
    if _await_magics not in shell.input_transformers_post:
        shell.input_transformers_post.append(_await_magics)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    if _await_magics in shell.input_transformers_post:
        shell.input_transformers_post.remove(_await_magics)
    shell.magics_manager.magics["cell"].pop("job", None)
    for name in NAMES[1:]:
        shell.magics_manager.magics["line"].pop(name, None)
