"""Programs that no policy holds back, in the real child, with the raw channel in hand.

Each says who refuses it: a wall of ``WALLS``, or the engine, which checks every frame
and ends what it must. It is tried with that one alone, and ends as it says; and with every
wall raised, where it does not get through either.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from corpus_files import Case, without_policy
from corpus_runs import AT_ONCE

from luajobs_kit.acting_user import acting_as
from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec
from luajobs_kit.sandbox import Limits, Outcome, Program, Sandbox, doctor
from luajobs_kit.sandbox.walls.walls import WALLS

CASES = [case for case in without_policy() if case.family != "authority"]
AUTHORITY = [case for case in without_policy() if case.family == "authority"]
"""What a run may ask the engine for: a whole engine answers these."""
PATIENT = Limits(timeout=20)
IMPATIENT = Limits(timeout=0.3)  # seconds; for programs that would never end

PRELUDE = """
def raw(data): channel.send_raw(data)
def body(data): raw(len(data).to_bytes(4, "big") + data)
def send(frame):
    import json
    body(json.dumps(frame).encode())
def libc(name, *arguments):
    import ctypes
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return "got through"
def refusing_frame():
    try: open("/etc/passwd")
    except OSError as error: trace = error.__traceback__
    while trace.tb_next: trace = trace.tb_next
    return trace.tb_frame
def hook():
    from types import FunctionType
    frame = refusing_frame()
    for place in (frame.f_globals, frame.f_back.f_globals):
        for value in place.values():
            if type(value) is FunctionType and value.__code__ is frame.f_code: return value
    return hook  # it is not to be found: any function of Python's, then
"""


def walls_of(case: Case) -> tuple[str, ...]:
    """Return the wall that refuses it, or none where the engine does."""
    who = case.expectation.partition(" | ")[0]
    return (who.removeprefix("wall: "),) if who != "engine" else ()


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def served(verb: str, arguments: dict[str, Any]) -> Any:
    return None


def told(outcome: Outcome) -> str:
    """Return how it ended, in the words of the corpus."""
    if outcome.error is not None and outcome.status == "failed":
        return outcome.error.type
    return "got through" if outcome.result == "got through" else outcome.status


async def run(sandbox: Sandbox, case: Case, port: int) -> str:
    limits = IMPATIENT if case.expectation.endswith("timeout") else PATIENT
    program = Program(PRELUDE + case.source, "attack", 1, "job.py")
    return told(await sandbox.run(program, context={"port": port}, limits=limits, serve=served))


async def surprises(sandbox: Sandbox, chosen: list[Case], port: int, *, alone: bool) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> str | None:
        wanted = case.expectation.partition(" | ")[2]
        async with limit:
            ended = await run(sandbox, case, port)
        fine = ended == wanted if alone else ended != "got through"
        return None if fine else f"{case.name}: {ended}, not {wanted}"

    found = await asyncio.gather(*map(one, chosen))
    return [each for each in found if each is not None]


@pytest.mark.parametrize("walls", sorted({walls_of(case) for case in CASES}), ids=str)
async def test_a_program_without_a_policy_is_refused_by_whom_it_says(
    plain_sandbox, listening: int, walls: tuple[str, ...]
) -> None:
    assert set(walls) <= set(WALLS)
    chosen = [case for case in CASES if walls_of(case) == walls]
    async with plain_sandbox(walls=walls) as sandbox:
        missing = [wall for wall in sandbox.walls() if wall.name in walls and not wall.holds]
        if missing:
            pytest.skip(f"{missing[0].name} is not raised here: {missing[0].note}")
        assert await surprises(sandbox, chosen, listening, alone=True) == []


async def test_no_program_without_a_policy_gets_through_all_walls(
    plain_sandbox, listening: int
) -> None:
    async with plain_sandbox(walls=None) as sandbox:
        missing = {wall.name for wall in sandbox.walls() if not wall.holds}
        chosen = [case for case in CASES if not missing.intersection(walls_of(case))]
        assert await surprises(sandbox, chosen, listening, alone=False) == []


async def test_with_the_walls_that_macos_has_nothing_is_read_and_nothing_connected(
    plain_sandbox, listening: int
) -> None:
    chosen = [case for case in CASES if walls_of(case) == ("interpreter",)]
    async with plain_sandbox(walls={"limits", "interpreter"}) as sandbox:
        assert await surprises(sandbox, chosen, listening, alone=False) == []


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 120
    assert all(case.expectation.count(" | ") == 1 for case in CASES)


def test_where_no_wall_of_linux_is_raised_no_child_has_a_way_to_memory_at_hand() -> None:
    script = """
import sys
from luajobs_kit.sandbox.policy import compile
from luajobs_kit.sandbox.server import fork_server
from luajobs_kit.sandbox.walls import walls
from luajobs_kit.guest import world
world.preload()
walls.Walls({"names": ["limits", "interpreter"], "memory": 2**29, "cpu": 9})
print([name for name in sys.modules if "ctypes" in name])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_doctor_says_which_is_the_boundary(monkeypatch) -> None:
    holding = [doctor.Wall(name, holds=True, stops="") for name in WALLS]
    lacking = [doctor.Wall(name, holds=name != "seccomp", stops="") for name in WALLS]
    monkeypatch.setattr("luajobs_kit.sandbox.doctor.sys.platform", "linux")
    assert doctor.boundary(holding).holds
    assert "the policy is a fence before it" in doctor.boundary(holding).note
    assert not doctor.boundary(lacking).holds
    assert "here seccomp does not hold" in doctor.boundary(lacking).note
    monkeypatch.setattr("luajobs_kit.sandbox.doctor.sys.platform", "darwin")
    on_macos = doctor.boundary(holding)
    assert not on_macos.holds
    assert "the policy is the boundary" in on_macos.note
    assert "Linux or in a virtual machine" in on_macos.note


@pytest.mark.parametrize("case", AUTHORITY, ids=lambda case: case.title)
async def test_a_program_without_a_policy_asks_as_its_own_user_and_no_other(
    plain_sandbox, listening: int, case: Case
) -> None:
    prelude = f"""
def ask(verb, **arguments):
    ask.__globals__["call"](verb, **arguments)
    return "got through"
JOB = {{"port": {listening}, "entry": "1"}}
"""
    source = f"{prelude}{case.source}\ndef execute(job): return attack(JOB)\n"
    async with plain_sandbox() as sandbox, await Engine.open(None, sandbox=sandbox) as engine:
        with acting_as("user_bob"):
            await engine.call("data.create", {"collection": "secrets", "data": {"his": "own"}})
        with acting_as("user_ana"):
            bundle = Bundle(source=source, entry="execute", file="job.py")
            made = JobSpec(name="asks", schedule=IntervalSchedule(seconds=3600), bundle=bundle)
            job = await engine.create_job(made)
            run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.type == "RuntimeError"
