# ruff: noqa: ASYNC110, ASYNC220, ASYNC221, ASYNC240  # other processes are watched through /proc, by turns
"""The sandbox's processes: none is left or leaked, none hangs a run, dead ones are replaced."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import sysconfig
import time
from functools import partial
from pathlib import Path

import pytest

from luajobs_kit.errors import SandboxError, UnsupportedPlatform
from luajobs_kit.sandbox import Limits, Program, Sandbox
from luajobs_kit.sandbox.host.fork_server_client import ForkServerClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

FOREVER = "def f(job):\n  log('kept')\n  while True: pass"


def children_of(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition) -> None:
    """Wait for what another process does, a turn of the machine at a time."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def start(sandbox, run_in, source=FOREVER, **options):
    started = asyncio.Event()
    task = asyncio.create_task(run_in(sandbox, source, on_start=started.set, **options))
    await asyncio.wait({task, asyncio.ensure_future(started.wait())}, return_when="FIRST_COMPLETED")
    return task


async def test_cancelling_a_run_kills_and_reaps_its_child(plain_sandbox, run_in):
    async with plain_sandbox(spares=0) as sandbox:
        task = await start(sandbox, run_in)
        # The child that compiled may still be on its way out.
        await until(lambda: len(children_of(sandbox.server_pid)) == 1)
        (child,) = children_of(sandbox.server_pid)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not Path(f"/proc/{child}").exists()


async def test_cancelling_while_a_child_is_asked_for_leaks_none(plain_sandbox, run_in):
    async with plain_sandbox(spares=1, max_children=2) as sandbox:
        await run_in(sandbox, "def f(job): return 1")
        for turns in range(40):
            task = asyncio.create_task(run_in(sandbox, FOREVER))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: len(children_of(sandbox.server_pid)) <= 1)
        assert (await run_in(sandbox, "def f(job): return 1")).status == "completed"


async def test_spares_that_died_waiting_are_given_no_run(plain_sandbox, run_in):
    async with plain_sandbox(spares=2) as sandbox:
        await run_in(sandbox, "def f(job): return 1")
        await until(lambda: len(children_of(sandbox.server_pid)) == 2)
        dead = children_of(sandbox.server_pid)
        for child in dead:
            os.kill(child, signal.SIGKILL)
        await until(lambda: len(children_of(sandbox.server_pid) - dead) == 2)
        for _ in range(3):
            assert (await run_in(sandbox, "def f(job): return 1")).status == "completed"


async def test_a_spare_that_died_this_moment_is_given_no_run(plain_sandbox, run_in):
    async with plain_sandbox(spares=2) as sandbox:
        await run_in(sandbox, "def f(job): return 1")
        await until(lambda: len(children_of(sandbox.server_pid)) == 2)
        await asyncio.sleep(0.05)  # both have said that they are ready
        for child in children_of(sandbox.server_pid):
            os.kill(child, signal.SIGKILL)
            while alive(child):  # nobody may tell the sandbox meanwhile
                pass
        assert (await run_in(sandbox, "def f(job): return 1")).status == "completed"


async def test_runs_that_end_before_their_start_is_reported_do_not_count_as_broken_spares(
    plain_sandbox, run_in, monkeypatch
):
    send = ForkServerClient.send_take

    def late(client, *arguments):
        asyncio.get_running_loop().call_later(0.05, send, client, *arguments)

    monkeypatch.setattr(ForkServerClient, "send_take", late)
    source = "import os\ndef f(job): os._exit(1)"
    async with plain_sandbox(spares=4, max_children=8) as sandbox:
        outcomes = await asyncio.gather(*(run_in(sandbox, source) for _ in range(60)))
    assert {outcome.status for outcome in outcomes} == {"killed"}


async def test_a_child_that_stays_after_its_final_frame_is_killed(plain_sandbox, run_in):
    source = "def f(job):\n  channel.send_result(1)\n  while True: pass"
    async with plain_sandbox(max_children=1, spares=0) as sandbox:
        for _ in range(3):
            assert (await run_in(sandbox, source)).status == "completed"
        await until(lambda: not children_of(sandbox.server_pid))


async def test_children_that_stay_after_their_final_frame_do_not_add_up(plain_sandbox, run_in):
    source = "def f(job):\n  channel.send_result(1)\n  while True: pass"
    async with plain_sandbox(max_children=1, spares=0) as sandbox:
        counted = []
        for _ in range(6):
            await run_in(
                sandbox,
                source,
                on_start=lambda: counted.append(len(children_of(sandbox.server_pid))),
            )
        assert max(counted) <= 2  # one that runs, one that leaves


async def test_a_dead_fork_server_is_replaced_and_its_runs_are_abandoned(sandbox, run_in):
    lines = asyncio.Event()
    task = await start(sandbox, run_in, on_log=lambda line: lines.set())
    await lines.wait()
    first = sandbox.server_pid
    children = children_of(first)
    os.kill(first, signal.SIGKILL)
    outcome = await task
    assert (outcome.status, outcome.error.type) == ("abandoned", "Abandoned")
    await until(lambda: not any(alive(child) for child in children))
    assert (await run_in(sandbox, "def f(job): return 1")).status == "completed"
    assert sandbox.server_pid != first


async def test_runs_waiting_for_a_child_survive_the_fork_server(plain_sandbox, run_in):
    async with plain_sandbox(max_children=1, spares=0) as sandbox:
        busy = await start(sandbox, run_in)
        queued = asyncio.create_task(run_in(sandbox, "def f(job): return 1"))
        await asyncio.sleep(0)
        os.kill(sandbox.server_pid, signal.SIGKILL)
        assert (await busy).status == "abandoned"
        assert (await queued).status == "completed"


async def test_a_stuck_fork_server_is_given_up(sandbox, run_in, monkeypatch):
    monkeypatch.setattr("luajobs_kit.sandbox.host.child_handle.EXIT_PATIENCE", 0.3)
    await run_in(sandbox, "def f(job): return 1")
    task = await start(sandbox, run_in, timeout=0.3)
    stuck = sandbox.server_pid
    os.kill(stuck, signal.SIGSTOP)
    assert (await task).status == "abandoned"
    assert not alive(stuck)
    assert (await run_in(sandbox, "def f(job): return 1")).status == "completed"


async def test_children_end_with_the_engine_even_when_it_is_killed(tmp_path):
    script = tmp_path / "engine.py"
    script.write_text(
        "import asyncio, sys\n"
        "from luajobs_kit.sandbox import Sandbox, Program, Limits\n"
        "async def serve(verb, arguments): pass\n"
        "async def main():\n"
        "  async with Sandbox(world='plain_world', policy='plain_world') as s:\n"
        "    program = Program('def f(job):\\n  while True: pass', 'f')\n"
        "    await s.run(program, context={}, limits=Limits(), serve=serve,\n"
        "                on_start=lambda: print(s.server_pid, flush=True))\n"
        "asyncio.run(main())\n"
    )
    worlds = str(Path(__file__).parents[1] / "worlds")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([worlds, *sys.path])}
    engine = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    )
    with engine:
        server = int(engine.stdout.readline())
        family = {server, *children_of(server)}
        engine.kill()
    await until(lambda: not any(alive(pid) for pid in family))


@pytest.mark.parametrize("stage", ["preload", "bind", "import"])
async def test_a_world_that_fails_says_so(plain_sandbox, run_in, tmp_path, monkeypatch, stage):
    source = (Path(__file__).parents[1] / "worlds" / "plain_world.py").read_text()
    broken = {
        "preload": source.replace("def preload() -> None:", "def preload() -> None:\n    1 / 0"),
        "bind": source.replace("    def call(", "    1 / 0\n\n    def call("),
        "import": source + "\n1 / 0\n",
    }[stage]
    (tmp_path / "broken_world.py").write_text(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    sandbox = Sandbox(world="broken_world", policy="plain_world")
    if stage == "bind":
        async with sandbox:
            outcome = await run_in(sandbox, "def f(job): return 1")
        assert (outcome.status, outcome.error.type) == ("failed", "ZeroDivisionError")
    else:
        with pytest.raises(SandboxError, match="ZeroDivisionError"):
            await sandbox.__aenter__()


async def test_a_child_that_dies_before_it_is_ready_is_refused_with_advice(
    plain_sandbox, run_in, tmp_path, monkeypatch
):
    source = (Path(__file__).parents[1] / "worlds" / "plain_world.py").read_text()
    dying = source + (
        "\nimport os\nfrom luajobs_kit.sandbox.walls.walls import Walls\n"
        "Walls.raise_around_child = lambda *_: os._exit(9)\n"
    )
    (tmp_path / "dying_world.py").write_text(dying)
    monkeypatch.syspath_prepend(str(tmp_path))
    async with Sandbox(world="dying_world", policy="plain_world") as sandbox:
        with pytest.raises(SandboxError, match="luajobs doctor"):
            await run_in(sandbox, "def f(job): return 1")


async def test_no_more_children_run_than_allowed_and_the_rest_take_turns(plain_sandbox):
    async with plain_sandbox(max_children=2, spares=1) as sandbox:
        running, most, order = 0, 0, []

        async def serve(verb, arguments):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

        program = Program("def f(job): return call('a.b')", "f")
        await sandbox.check(program)

        def run(n):
            begun = partial(order.append, n)
            return sandbox.run(program, context={}, limits=Limits(), serve=serve, on_start=begun)

        outcomes = await asyncio.gather(*map(run, range(20)))
        assert {outcome.status for outcome in outcomes} == {"completed"}
        assert most <= 2
        assert order == list(range(20))


async def test_closing_gives_runs_their_grace_and_then_ends_everything(plain_sandbox, run_in):
    sandbox = plain_sandbox()
    await sandbox.__aenter__()
    go = asyncio.Event()

    async def serve(verb, arguments):
        go.set()
        await asyncio.sleep(0.05)

    short = await start(sandbox, run_in, "def f(job): call('a.b'); return 1", serve=serve)
    long = await start(sandbox, run_in)
    await go.wait()
    server = sandbox.server_pid
    await sandbox.aclose(grace=1.0)
    assert (await short).status == "completed"
    assert (await long).status == "abandoned"
    assert not alive(server)
    with pytest.raises(SandboxError, match="closed"):
        await run_in(sandbox, "def f(job): return 1")


async def _thousands(sandbox, run_in, count: int) -> None:
    kinds = [
        ("def f(job): return 1", {}, "completed"),
        ("def f(job): return 1 / 0", {}, "failed"),
        ("import os\ndef f(job): os._exit(1)", {}, "killed"),
        ("import os\ndef f(job): os.write(0, b'rubbish!')", {}, "killed"),
        ("def f(job): return call('a.b', x=1)", {}, "completed"),
    ]

    async def stream(first: int) -> None:
        for n in range(first, count, 4):
            source, options, expected = kinds[n % len(kinds)]
            outcome = await run_in(sandbox, source, **options)
            assert outcome.status == expected, outcome

    await asyncio.gather(*(stream(first) for first in range(4)))


def descriptors_of(pid) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_of(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


async def test_a_spare_that_waits_adds_less_than_three_megabytes(run_in):
    async with Sandbox(spares=1) as sandbox:
        await run_in(sandbox, "def f(job): return 1")
        await until(lambda: sandbox._client._spares)  # nothing else says it is ready
        server = sandbox.server_pid
        await until(lambda: len(children_of(server)) == 1)
        (spare,) = children_of(server)
        lines = Path(f"/proc/{spare}/smaps_rollup").read_text().splitlines()
    of_its_own = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    assert sum(of_its_own) < 3_000  # kB


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_runs_leave_no_process_no_descriptor_and_no_growth(sandbox, run_in, count):
    spares = 4  # each that waits has a socket here
    await _thousands(sandbox, run_in, 200)
    await until(lambda: len(children_of(sandbox.server_pid)) <= spares)
    server = sandbox.server_pid
    gc.collect()
    descriptors = descriptors_of("self")
    memory, server_memory = memory_of(os.getpid()), memory_of(server)
    await _thousands(sandbox, run_in, count)
    await until(lambda: len(children_of(server)) <= spares)
    gc.collect()
    assert sandbox.server_pid == server
    # There may be fewer by now: what other tests left open in this process is closed.
    await until(lambda: descriptors_of("self") - descriptors <= spares)
    assert memory_of(os.getpid()) - memory < 4_000  # kB
    assert memory_of(server) - server_memory < 1_000  # kB
    assert descriptors_of(server) < 16


async def test_a_flooding_run_does_not_slow_another(sandbox, run_in):
    frame = 'b\'\\0\\0\\0\\x1e\' + b\'{"log":[["info","x",1000.00]]}\''
    flood = f"import os, select\ndef f(job):\n  data = ({frame}) * 1000\n"
    flood += (
        "  while True:\n    try: os.write(0, data[:30 * 1000 // 34 * 34])\n"
        "    except BlockingIOError: select.select([], [0], [])\n"
    )
    noisy = await start(sandbox, run_in, flood)
    begun = time.monotonic()
    for _ in range(20):
        outcome = await run_in(sandbox, "def f(job): return call('a.b', x=1)")
        assert outcome.status == "completed"
    assert time.monotonic() - begun < 5
    noisy.cancel()
    await asyncio.gather(noisy, return_exceptions=True)


async def test_the_fork_server_stays_small_and_loads_no_pydantic_asyncio_or_threads(
    plain_sandbox, run_in
):
    async with Sandbox() as sandbox:
        most = 29_000 if sys.version_info < (3, 14) else 35_000  # kB; these are larger themselves
        assert memory_of(sandbox.server_pid) < most
        maps = Path(f"/proc/{sandbox.server_pid}/maps").read_text()
        assert "pydantic" not in maps
        assert len(list(Path(f"/proc/{sandbox.server_pid}/task").iterdir())) == 1
    probe = (
        "import sys; import luajobs_kit.sandbox.server.fork_server; "
        "import luajobs_kit.sandbox.policy.compile, luajobs_kit.guest.world as world; world.preload(); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    unwanted = {"pydantic", "asyncio", "starlette", "httpx"}
    if sys.version_info < (3, 12):  # from there on, zoneinfo itself imports it (and starts none)
        unwanted.add("threading")
    assert not unwanted & set(done.stdout.split())


async def test_a_free_threaded_python_is_refused_with_the_one_to_use(monkeypatch):
    known = sysconfig.get_config_var
    asked = {"Py_GIL_DISABLED": 1}  # the build's flag is all that is not real here
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: asked.get(name) or known(name))
    with pytest.raises(UnsupportedPlatform, match=r"free-threaded build.*Use the ordinary build"):
        async with Sandbox():
            pass
