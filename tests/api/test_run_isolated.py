"""Functions run outside any job, in the sandbox that a process keeps warm."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from luajobs_kit import Sandbox, run_isolated
from luajobs_kit.api import warm_sandbox
from luajobs_kit.errors import InvalidInput, PolicyViolation, SandboxError

PLUS_ONE = "def execute(job):\n    return job.metadata['x'] + 1"


def server_pid():
    return warm_sandbox._warm._sandbox.server_pid


async def test_runs_of_one_loop_after_another_share_the_processes():
    def two():
        first = asyncio.run(run_isolated(PLUS_ONE, {"x": 1}))
        pid = server_pid()
        second = asyncio.run(run_isolated(PLUS_ONE, {"x": 2}))
        return first.result, second.result, pid == server_pid()

    assert await asyncio.to_thread(two) == (2, 3, True)


async def test_threads_run_at_once():
    results = {}

    def run(number):
        results[number] = asyncio.run(run_isolated(PLUS_ONE, {"x": number})).result

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert results == {0: 1, 1: 2, 2: 3, 3: 4}


async def test_a_run_that_is_not_awaited_to_its_end_is_killed_and_the_next_one_runs():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run_isolated("def execute(job):\n    while True: pass"), 0.3)
    assert (await run_isolated(PLUS_ONE, {"x": 1})).result == 2


async def test_what_is_no_job_s_code_is_refused_and_the_next_one_runs():
    with pytest.raises(PolicyViolation):
        await run_isolated("def execute(job):\n    return ().__class__.__bases__")
    with pytest.raises(InvalidInput, match="timeout"):
        await run_isolated(PLUS_ONE, timeout=float("nan"))
    assert (await run_isolated(PLUS_ONE, {"x": 1})).result == 2


async def test_the_processes_go_when_nothing_was_run_for_a_while(monkeypatch):
    monkeypatch.setattr(warm_sandbox, "IDLE", 0.05)
    assert (await run_isolated(PLUS_ONE, {"x": 1})).result == 2
    warm = warm_sandbox._warm
    await asyncio.to_thread(warm._thread.join, 60)
    assert not warm._thread.is_alive()
    assert warm._sandbox.server_pid is None
    assert (await run_isolated(PLUS_ONE, {"x": 2})).result == 3


FORKS = f"""
import asyncio, os
from luajobs_kit import run_isolated
from luajobs_kit.api import warm_sandbox

def run(x):
    return asyncio.run(run_isolated({PLUS_ONE!r}, {{"x": x}})).result

assert run(1) == 2
pid = warm_sandbox._warm._sandbox.server_pid
child = os.fork()
if child == 0:
    assert run(2) == 3
    assert warm_sandbox._warm._sandbox.server_pid != pid
    print(warm_sandbox._warm._sandbox.server_pid, flush=True)
    raise SystemExit
assert os.waitpid(child, 0)[1] == 0
assert run(3) == 4
assert warm_sandbox._warm._sandbox.server_pid == pid
print(pid, flush=True)
"""


def test_a_forked_process_has_its_own_and_no_process_is_left_behind():
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    for pid in map(int, done.stdout.split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_sandbox_of_one_s_own_runs_many_and_is_gone_with_its_block():
    async with Sandbox(max_concurrent=2) as box:
        outcomes = await asyncio.gather(*(box.run(PLUS_ONE, {"x": x}) for x in range(5)))
        assert box._opened.server_pid is not None
    assert [outcome.result for outcome in outcomes] == [1, 2, 3, 4, 5]
    assert box._opened.server_pid is None
    with pytest.raises(SandboxError, match="closed"):
        await box.run(PLUS_ONE)


async def test_a_sandbox_that_is_not_open_says_how_it_is_used():
    with pytest.raises(SandboxError, match="async with Sandbox"):
        await Sandbox().run(PLUS_ONE)
