"""The runner: where attempts are made. ``LocalRunner`` makes them in this machine's sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from luajobs_kit.sandbox import Limits, LogRecord, Outcome, Program, Sandbox, Wall

Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers one request of job code: ``await serve(verb, arguments)``. What it raises, job code is told."""


class Runner(Protocol):
    """What an engine needs of the place in which job code is compiled and run.

    The engine records, schedules, counts places and answers requests itself; a runner only runs.
    """

    async def check(self, program: Program) -> None:
        """Return where the program may be run; nothing of it is executed.

        Raises ``PolicyViolation`` when the policy refuses it, every line named, and
        ``InvalidInput`` when it is not Python.
        """
        ...

    async def run(
        self,
        program: Program,
        *,
        context: Mapping[str, Any],
        limits: Limits,
        serve: Serve,
        on_log: Callable[[LogRecord], None],
        alone: Collection[str] = (),
    ) -> Outcome:
        """Run the program once, whatever its code does, and return how it ended.

        ``context`` is JSON. ``serve`` answers what the code asks for, several at once but for
        the verbs in ``alone``; ``on_log`` gets each log line as it comes. Both are called in the
        engine's loop. When it is cancelled, nothing of the run goes on once it has returned.
        Raises ``SandboxError`` when the program cannot be run at all just now.
        """
        ...

    def walls(self) -> list[Wall]:
        """Return each wall around the code that it runs, and whether it holds."""
        ...

    async def aclose(self) -> None:
        """End every run, and free what is held. An engine closes the runner that it made itself."""
        ...


class LocalRunner:
    """Runs programs in the sandbox of this machine."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.check, self.run = sandbox.check, sandbox.run
        self.walls, self.aclose = sandbox.walls, sandbox.aclose
