"""The corpora, run as jobs are: compiled in a spare, each case in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from corpus_files import Case, cases
from harness import CONTEXT, unrestricted

from luajobs_kit.errors import InvalidInput, PolicyViolation
from luajobs_kit.sandbox import Limits, Program, Sandbox
from luajobs_kit.sandbox.encoding import plain

HONEST = cases("honest")
HOSTILE = cases("hostile")
AT_ONCE = 6  # cases under way at the same time
PATIENT = Limits(timeout=20)
IMPATIENT = Limits(timeout=0.7)  # seconds; for programs that would never end


def families(corpus: list[Case]) -> list[str]:
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


def expected(case: Case) -> str:
    return "killed" if case.expectation.startswith("killed") else case.expectation


async def surprises(sandbox: Sandbox, chosen: Iterable[Case], entry: str) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> str | None:
        async with limit:
            ended = await ending(sandbox, case, entry)
        wanted = expected(case) if case.expectation else wanted_of(case)
        return None if ended == wanted else f"{case.name}: {ended[:300]}, not {wanted[:300]}"

    found = await asyncio.gather(*[one(case) for case in chosen])
    return [each for each in found if each is not None]


def wanted_of(case: Case) -> str:
    """Return what an honest case gives under plain Python."""
    with contextlib.redirect_stdout(io.StringIO()):
        value = unrestricted(case.source)
    return "returns " + json.dumps(plain(value, "the result"), sort_keys=True)


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(HONEST) >= 120
    assert len(HOSTILE) >= 250
    assert len({case.name for case in HONEST + HOSTILE}) == len(HONEST) + len(HOSTILE)
    assert all(case.expectation for case in HOSTILE)


@pytest.mark.parametrize("family", families(HONEST))
async def test_ordinary_code_gives_what_python_gives(family: str) -> None:
    # Plain Python runs asyncio.run(), which a running loop forbids: ask a thread.
    chosen = [case for case in HONEST if case.family == family]
    wanted = await asyncio.to_thread(lambda: {case.name: wanted_of(case) for case in chosen})
    told = [Case(case.family, case.title, wanted[case.name], case.source) for case in chosen]
    async with Sandbox(max_children=AT_ONCE) as sandbox:
        assert await surprises(sandbox, told, "main") == []


@pytest.mark.parametrize("family", families(HOSTILE))
async def test_hostile_code_gets_nowhere(family: str) -> None:
    chosen = [case for case in HOSTILE if case.family == family]
    async with Sandbox(max_children=AT_ONCE) as sandbox:
        assert await surprises(sandbox, chosen, "attack") == []


@pytest.mark.parametrize("family", ["attributes", "machinery"])
async def test_the_policy_holds_with_the_operating_systems_walls_down(family: str) -> None:
    chosen = [case for case in HOSTILE if case.family == family and case.expectation != "policy"]
    async with Sandbox(max_children=AT_ONCE, walls=()) as sandbox:
        assert await surprises(sandbox, chosen, "attack") == []
