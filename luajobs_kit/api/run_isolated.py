"""``run_isolated``: a function run once in the sandbox, outside any job."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luajobs_kit.api._json_values import to_object
from luajobs_kit.api._unawaited import explain_unawaited
from luajobs_kit.api.jobs.options import Execute
from luajobs_kit.bundle import capture
from luajobs_kit.errors import NotAllowed

if TYPE_CHECKING:
    from luajobs_kit.sandbox import Outcome


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

    Raises ``NotSelfContained`` and ``PolicyViolation`` for code that cannot be a job's.
    """
    from luajobs_kit.sandbox import Limits, Program, Sandbox  # noqa: PLC0415 - it loads RestrictedPython, which is slow

    bundle = capture(function_or_source)
    program = Program(bundle.source, bundle.entry, bundle.first_line, bundle.file, bundle.segments)
    job = {
        "id": "job_isolated",
        "name": bundle.entry,
        "metadata": to_object(metadata or {}, "metadata"),
    }
    async with Sandbox(max_children=1, spares=1) as sandbox:
        await sandbox.check(program)
        return await sandbox.run(
            program, context={"job": job}, limits=Limits(timeout=timeout), serve=_serve
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
