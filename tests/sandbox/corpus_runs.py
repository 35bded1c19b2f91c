"""Runner of corpus cases as jobs are run; it returns those that ended otherwise than written.

Also a program, for tests that run it as another user: ``python corpus_runs.py`` takes the
names of families of hostile cases (none: all) and prints what it found, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Iterable
from typing import Any

from corpus_files import Case, cases
from unwalled_run import CONTEXT, unrestricted

from luajobs_kit.errors import InvalidInput, PolicyViolation
from luajobs_kit.sandbox import Limits, Program, Sandbox
from luajobs_kit.sandbox.child.json_encoding import plain

AT_ONCE = 6  # cases under way at the same time
PATIENT = Limits(timeout=20)
IMPATIENT = Limits(timeout=0.3)  # seconds; for programs that would never end


def families(corpus: Iterable[Case]) -> list[str]:
    return sorted({case.family for case in corpus})


async def serve(verb: str, arguments: dict[str, Any]) -> Any:
    return None


async def ending(sandbox: Sandbox, case: Case, entry: str) -> str:
    """Return in the words of the corpus how a case ends."""
    program = Program(case.source, entry, 1, "job.py")
    try:
        await sandbox.check(program)
    except PolicyViolation:
        return "policy"
    except InvalidInput:
        return "raises SyntaxError"
    limits = IMPATIENT if case.expectation == "timeout" else PATIENT
    outcome = await sandbox.run(program, context=CONTEXT, limits=limits, serve=serve)
    if outcome.status == "completed":
        return "returns " + json.dumps(outcome.result, sort_keys=True)
    if outcome.status == "failed":
        assert outcome.error is not None
        return f"raises {outcome.error.type}"
    return outcome.status


def expected(case: Case) -> list[str]:
    """Return the ways a case may end; Pythons differ in how they refuse some."""
    ways = case.expectation.split(", or ")
    return ["killed" if way.startswith("killed") else way for way in ways]


async def surprises(sandbox: Sandbox, chosen: Iterable[Case], entry: str) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> str | None:
        async with limit:
            ended = await ending(sandbox, case, entry)
        wanted = expected(case) if case.expectation else [wanted_of(case)]
        if ended in wanted:
            return None
        return f"{case.name}: {ended[:300]}, not {', or '.join(wanted)[:300]}"

    found = await asyncio.gather(*[one(case) for case in chosen])
    return [each for each in found if each is not None]


def wanted_of(case: Case) -> str:
    """Return what an honest case gives under plain Python."""
    with contextlib.redirect_stdout(io.StringIO()):
        value = unrestricted(case.source)
    return "returns " + json.dumps(plain(value, "the result"), sort_keys=True)


async def main(chosen: list[str]) -> None:
    found = [case for case in cases("hostile") if not chosen or case.family in chosen]
    async with Sandbox(max_children=AT_ONCE) as sandbox:
        missing = [wall.name for wall in sandbox.walls() if not wall.holds]
        otherwise = await surprises(sandbox, found, "attack")
    sys.stdout.write(json.dumps({"cases": len(found), "missing": missing, "surprises": otherwise}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
