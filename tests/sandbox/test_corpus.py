"""The corpora, run as jobs are: compiled in a spare, each case in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from corpus_files import Case, cases
from corpus_runs import AT_ONCE, families, surprises
from ordinary_user import OrdinaryUser

from luajobs_kit.sandbox import Sandbox

HONEST = cases("honest")
HOSTILE = cases("hostile")

as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="these tests run as an ordinary user already; only root can become one",
)


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(HONEST) >= 240
    assert len(HOSTILE) >= 500
    assert len({case.name for case in HONEST + HOSTILE}) == len(HONEST) + len(HOSTILE)
    assert all(case.expectation for case in HOSTILE)


@pytest.mark.parametrize("family", families(HONEST))
async def test_ordinary_code_gives_what_python_gives(family: str) -> None:
    plain = Path(__file__).with_name("plain_python_run.py")
    asked = await asyncio.create_subprocess_exec(
        sys.executable, str(plain), family, stdout=asyncio.subprocess.PIPE
    )
    wanted = json.loads((await asked.communicate())[0])
    chosen = [case for case in HONEST if case.family == family]
    expected = [Case(case.family, case.title, wanted[case.name], case.source) for case in chosen]
    async with Sandbox(max_children=AT_ONCE) as sandbox:
        assert await surprises(sandbox, expected, "main") == []


@pytest.mark.parametrize("family", families(HOSTILE))
async def test_hostile_code_gets_nowhere(family: str) -> None:
    chosen = [case for case in HOSTILE if case.family == family]
    async with Sandbox(max_children=AT_ONCE) as sandbox:
        assert await surprises(sandbox, chosen, "attack") == []


@pytest.mark.parametrize(
    "family",
    [each for each in families(HOSTILE) if each not in {"exhaustion", "memory", "names"}],
)
@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.soak)])
async def test_the_policy_holds_with_the_operating_systems_walls_down(
    family: str, step: int
) -> None:
    run = [case for case in HOSTILE if case.family == family and case.expectation != "policy"]
    chosen = run[::step]
    async with Sandbox(max_children=AT_ONCE, walls=()) as sandbox:
        assert await surprises(sandbox, chosen, "attack") == []


@as_root
@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(["memory"], id="memory"),
        pytest.param(families(HOSTILE), id="all", marks=pytest.mark.soak),
    ],
)
def test_hostile_code_gets_nowhere_when_an_ordinary_user_runs_the_engine(
    ordinary_user: OrdinaryUser, chosen: list[str]
) -> None:
    report = json.loads(ordinary_user.run("corpus_runs.py", *chosen))
    assert report["surprises"] == []
    assert report["cases"] == sum(case.family in chosen for case in HOSTILE)
