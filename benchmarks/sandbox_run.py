"""Runs in the sandbox: their costs as ratios to a bare fork-pipe-wait loop in the same minute.

    python benchmarks/sandbox_run.py [--runs 300] [--rounds 6] [--world plain]

Absolute times are this machine's; the ratios are what to compare. Both take turns, so
that a loaded machine is loaded for both. Other ways of running
a function in a process of its own are shown when they are installed (pip install pebble;
npm install deno, and its folder in PATH).
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from luajobs_kit.guest import allowlist
from luajobs_kit.sandbox import Limits, Program, Sandbox

ROOT = Path(__file__).parent.parent
SOURCE = "async def f(job):\n    return 1\n"
PLAIN = "def f(job):\n    return 1\n"
BARE = """
import gc, os, resource, sys, time
gc.collect(); gc.freeze()
for line in sys.stdin:
    times = []
    turns, pause = line.split()
    for _ in range(int(turns)):
        if float(pause):
            time.sleep(float(pause))
        begun = time.perf_counter()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writer, b"1")
            os._exit(0)
        os.close(writer)
        os.read(reader, 10)
        os.close(reader)
        os.waitpid(pid, 0)
        times.append(time.perf_counter() - begun)
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(sum(each.ru_utime + each.ru_stime for each in spent), *times, flush=True)
"""
# What forks for each run without a sandbox has imported what a job may import.
OURS = {"luajobs_kit", "requests", "requests.exceptions", "httpx"}  # which Python does not have
IMPORTS = f"import {', '.join(name for name in allowlist.MODULES if name not in OURS)}\n"


async def serve(_verb: str, _arguments: dict) -> None:
    return None


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(time * 1000 for time in times)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]


class Bare:
    """A loop of fork, pipe and wait in a fresh interpreter, so many turns when asked."""

    def __init__(self, imports: str = IMPORTS) -> None:
        self.spent = 0.0  # seconds of processor time since its start
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", imports + BARE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def begin(self, turns: int, pause: float = 0.0) -> None:
        """Ask for ``turns``, ``pause`` seconds before each."""
        self._process.stdin.write(f"{turns} {pause}\n")
        self._process.stdin.flush()

    def times(self) -> list[float]:
        self.spent, *times = map(float, self._process.stdout.readline().split())
        return times

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def bare_rate(loops: list[Bare], runs: int) -> float:
    """Let every loop make ``runs`` turns at the same time; return turns a second."""
    for loop in loops:
        loop.begin(runs)
    return sum(runs / sum(loop.times()) for loop in loops)


def options_for(world: str) -> dict:
    if world == "real":
        return {}
    sys.path.insert(0, str(ROOT / "tests" / "sandbox" / "worlds"))
    return {"world": "plain_world", "policy": "plain_world"}


async def latency(
    sandbox: Sandbox, program: Program, runs: int, pause: float = 0.001
) -> list[float]:
    """Ask again as soon as the spares wait again, looked for every ``pause`` seconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        outcome = await sandbox.run(program, context=CONTEXT, limits=Limits(), serve=serve)
        times.append(time.perf_counter() - begun)
        assert outcome.status == "completed", outcome
        await asyncio.sleep(pause)
        while len(sandbox._client._spares) < SPARES:  # noqa: ASYNC110, SLF001  # nothing says so
            await asyncio.sleep(pause)
    return times


async def throughput(sandbox: Sandbox, program: Program, runs: int, streams: int) -> float:
    async def stream() -> None:
        for _ in range(runs // streams):
            outcome = await sandbox.run(program, context=CONTEXT, limits=Limits(), serve=serve)
            assert outcome.status == "completed", outcome

    begun = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    return runs / (time.perf_counter() - begun)


def spent_by(pid: int) -> float:
    """Return the seconds of processor time of a process and the children it has reaped."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")


def unique_memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = [line for line in text.splitlines() if line.startswith("Private_")]
    return sum(int(line.split()[1]) for line in lines)


def resident_memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if "VmRSS" in line)


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


SPARES = 4  # waiting when a run is asked for
PAUSE = 0.05  # seconds between those that are asked for seldom: the processor has gone to sleep
CONTEXT = {"job": {"id": "job_1", "name": "bench", "metadata": {}}}


def work() -> int:
    return 1


def timed(runs: int, once: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        once()
        times.append(time.perf_counter() - begun)
    return times


def others(runs: int) -> dict[str, list[float]]:
    """Return the times of other ways to run a function, by name, where they are installed."""
    found: dict[str, list[float]] = {}
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)

        def once(context=context) -> None:
            queue = context.SimpleQueue()
            process = context.Process(target=_into, args=(queue,))
            process.start()
            queue.get()
            process.join()

        found[f"multiprocessing {method}, a process a run"] = timed(
            runs if method == "fork" else min(runs, 10), once
        )
    try:
        import pebble  # noqa: PLC0415  # only when it is installed
    except ImportError:
        pass
    else:
        found["pebble, a process a run, time limit"] = timed(
            runs, lambda: pebble.concurrent.process(timeout=5)(work)().result()
        )
    if deno := shutil.which("deno"):
        with tempfile.TemporaryDirectory() as folder:
            script, host = Path(folder) / "job.js", Path(folder) / "host.js"
            script.write_text(DENO_JOB)
            host.write_text(DENO_HOST)
            found["Deno, a process a run"] = timed(
                min(runs, 30),
                lambda: subprocess.run(
                    [deno, "run", str(script)], stdin=subprocess.DEVNULL,
                    capture_output=True, check=True,
                ),
            )  # fmt: skip
            told = subprocess.run(
                [deno, "run", f"--allow-read={folder}", "--unstable-worker-options", str(host),
                 str(script), str(min(runs, 60))],
                capture_output=True, check=True, text=True,
            )  # fmt: skip
            found["Deno, a worker a run, no permissions"] = json.loads(told.stdout)
    with ProcessPoolExecutor(1) as pool:
        pool.submit(work).result()
        found["concurrent.futures, one process: not isolated"] = timed(
            runs, lambda: pool.submit(work).result()
        )
    return found


# The same work in both: a module is loaded, answers once, and is ended.
DENO_JOB = """
const answer = 1;
if (typeof WorkerGlobalScope !== "undefined") postMessage(answer); else console.log(answer);
"""
DENO_HOST = """
const [script, runs] = Deno.args;
const times = [];
for (let i = 0; i < Number(runs); i++) {
  const begun = performance.now();
  const worker = new Worker(`file://${script}`, { type: "module", deno: { permissions: "none" } });
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = reject;
  });
  worker.terminate();
  times.push((performance.now() - begun) / 1000);
}
console.log(JSON.stringify(times));
"""


def _into(queue) -> None:
    queue.put(work())


async def main(runs: int, world: str, rounds: int) -> None:
    program = Program(SOURCE if world == "real" else PLAIN, "f")
    compare = others(min(runs, 100))
    loops = [Bare(), Bare()]
    empty = Bare(imports="")
    smallest, limits, paced, mine, seldom, rates = (
        [],
        [],
        [],
        [],
        [],
        {name: [] for name in ("bare", "one", "two", "burst")},
    )
    async with Sandbox(max_children=2, spares=SPARES, **options_for(world)) as sandbox:
        await latency(sandbox, program, 20)
        await asyncio.sleep(0.1)  # those that ran are gone, the spares wait
        spares = [unique_memory(pid) for pid in children_of(sandbox.server_pid)]
        server_memory = resident_memory(sandbox.server_pid)
        # By turns, so that whatever else the machine does falls on both.
        for _ in range(rounds):
            empty.begin(runs // rounds)
            smallest += empty.times()
            loops[0].begin(runs // rounds)
            limits += loops[0].times()
            loops[0].begin(runs // rounds, PAUSE)
            paced += loops[0].times()
            mine += await latency(sandbox, program, runs // rounds)
            seldom += await latency(sandbox, program, runs // rounds, PAUSE)
        spent_bare, spent = loops[0].spent, time.process_time() + spent_by(sandbox.server_pid)
        for _ in range(rounds):
            rates["bare"].append(bare_rate(loops, 100))
            rates["two"].append(await throughput(sandbox, program, 200, 2))
            rates["burst"].append(await throughput(sandbox, program, 200, 200))
        spent = time.process_time() + spent_by(sandbox.server_pid) - spent
        spent_bare = loops[0].spent - spent_bare
        rates["one"].append(await throughput(sandbox, program, 200, 1))
    for loop in (*loops, empty):
        loop.close()
    walls = [wall.name for wall in sandbox.walls() if not wall.holds]
    limit, limit99 = quantiles(limits)
    p50, p99 = quantiles(mine)
    paced50, paced99 = quantiles(paced)
    seldom50, _ = quantiles(seldom)
    rate = {name: statistics.median(each) for name, each in rates.items()}
    rows = [
        ("bare fork, pipe, wait", limit, limit99, len(limits) / sum(limits)),
        ("the same, nothing imported", *quantiles(smallest), len(smallest) / sum(smallest)),
        ("the same, asked seldom", paced50, paced99, len(paced) / sum(paced)),
        ("sandbox, a spare waiting", p50, p99, rate["one"]),
        ("the same, asked seldom", seldom50, quantiles(seldom)[1], len(seldom) / sum(seldom)),
    ]
    for name, times in compare.items():
        rows.append((name, *quantiles(times), len(times) / sum(times)))
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load}, "
          f"walls missing: {walls or 'none'}")  # fmt: skip
    print(f"{'':45}{'p50 ms':>8}{'p99 ms':>8}{'of bare':>9}{'runs/s':>9}")
    for name, middle, worst, each in rows:
        print(f"{name:45}{middle:8.2f}{worst:8.2f}{middle / limit:9.2f}{each:9.0f}")
    print(
        f"p50: {p50 / limit:.2f} of bare p50 (goal 0.6), fastest to fastest "
        f"{min(mine) / min(limits):.2f}; both asked seldom: {seldom50 / paced50:.2f}"
    )
    print(f"p99: {p99 / limit99:.2f} of bare p99 (goal 3), {p99 / limit:.2f} of bare p50")
    print(f"two workers: {rate['two']:.0f} runs/s, {rate['two'] / rate['bare']:.2f} "
          f"of two bare streams' {rate['bare']:.0f} (goal 0.5, with namespaces 0.4)")  # fmt: skip
    print(
        f"a burst of 200: {rate['burst']:.0f} runs/s, {rate['burst'] / rate['bare']:.2f} (likewise)"
    )
    mine_each, bare_each = spent / (400 * rounds) * 1000, spent_bare / (100 * rounds) * 1000
    print(f"processor time a run, engine and all: {mine_each:.2f} ms, a bare fork: {bare_each:.2f} ms "
          f"({bare_each / mine_each:.2f})")  # fmt: skip
    print(f"a waiting child adds {statistics.mean(spares):.0f} kB (goal 3,000); "
          f"the fork server holds {server_memory} kB")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--world", choices=("real", "plain"), default="real")
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    asyncio.run(main(given.runs, given.world, given.rounds))
