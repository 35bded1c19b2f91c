"""``run_isolated`` and ``Sandbox``: functions run in the sandbox, outside any job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from luajobs_kit.api._json_values import to_object
from luajobs_kit.api._unawaited import explain_unawaited
from luajobs_kit.api.jobs.options import Execute
from luajobs_kit.api.warm_sandbox import in_warm_sandbox
from luajobs_kit.bundle import capture
from luajobs_kit.errors import NotAllowed, SandboxError
from luajobs_kit.timing.durations import read_number

if TYPE_CHECKING:
    from luajobs_kit.sandbox import Outcome
    from luajobs_kit.sandbox import Sandbox as EngineSandbox


@partial(explain_unawaited, "run_isolated")
async def run_isolated(
    function_or_source: Execute | str | Path,
    metadata: Mapping[str, Any] | None = None,
    *,
    timeout: float = 30.0,  # noqa: ASYNC109 - kept by the sandbox, which kills
) -> Outcome:
    """Run a function once as a job would run it, with ``metadata``, and return its ``Outcome``.

    The outcome has ``status``, ``result``, ``error`` (with the line of your code) and ``logs``.
    It is no job: nothing is stored, and it has no user, data or tools. ``timeout`` is seconds.
    The processes behind it stay ready for half a minute, so that the next run takes milliseconds.

    Raises ``NotSelfContained`` and ``PolicyViolation`` for code that cannot be a job's.
    """
    snippet = _Snippet(function_or_source, metadata, timeout)
    return await asyncio.wrap_future(in_warm_sandbox(snippet.run_in))


class Sandbox:
    """A sandbox for many snippets: ``async with Sandbox() as box: await box.run(source)``.

    As ``run_isolated``, but with processes that wait for exactly as long as the block goes on.
    ``max_concurrent`` is how many run at once; more wait in order.
    """

    def __init__(self, *, max_concurrent: int = 8) -> None:
        self._max_concurrent = max_concurrent
        self._opened: EngineSandbox | None = None

    async def __aenter__(self) -> Self:
        """Start its processes. Raises ``UnsupportedPlatform`` where nothing can be run apart."""
        from luajobs_kit.sandbox import Sandbox as EngineSandbox  # noqa: PLC0415 - it loads RestrictedPython, which is slow

        opened = EngineSandbox(max_children=self._max_concurrent)
        self._opened = await opened.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process of it, and with it what still runs."""
        if self._opened is not None:
            await self._opened.aclose()

    async def run(
        self,
        function_or_source: Execute | str | Path,
        metadata: Mapping[str, Any] | None = None,
        *,
        timeout: float = 30.0,  # noqa: ASYNC109 - kept by the sandbox, which kills
    ) -> Outcome:
        """Run a function once, with ``metadata``, and return its ``Outcome``; see ``run_isolated``.

        Raises ``SandboxError`` outside of the block.
        """
        if self._opened is None:
            raise SandboxError("A Sandbox is used inside `async with Sandbox() as box:`.")
        return await _Snippet(function_or_source, metadata, timeout).run_in(self._opened)


class _Snippet:
    """A function that was captured, with what it is run with."""

    def __init__(
        self,
        function_or_source: Execute | str | Path,
        metadata: Mapping[str, Any] | None,
        timeout: float,
    ) -> None:
        self._bundle = capture(function_or_source)
        self._metadata = to_object(metadata or {}, "metadata")
        self._timeout = read_number(timeout, "timeout")

    async def run_in(self, sandbox: EngineSandbox) -> Outcome:
        """Run it. Raises ``PolicyViolation`` for code that cannot be a job's."""
        from luajobs_kit.sandbox import Limits, Program  # noqa: PLC0415 - see Sandbox

        bundle = self._bundle
        program = Program(
            bundle.source, bundle.entry, bundle.first_line, bundle.file, bundle.segments
        )
        job = {"id": "job_isolated", "name": bundle.entry, "metadata": self._metadata}
        await sandbox.check(program)
        return await sandbox.run(
            program, context={"job": job}, limits=Limits(timeout=self._timeout), serve=_serve
        )


async def _serve(verb: str, arguments: Mapping[str, Any]) -> Any:
    family, _, name = verb.partition(".")
    if family == "schedule":  # making one asks for nothing
        from luajobs_kit.timing.requested import requested  # noqa: PLC0415 - it loads the zones

        return requested(name, arguments)
    raise NotAllowed(
        f"{verb} needs a job: run_isolated has no user, data or tools. Create the job with "
        "Jobs.create(…) and trigger() it."
    )
