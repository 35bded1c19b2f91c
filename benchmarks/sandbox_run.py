"""What a run in the sandbox costs, as ratios to a bare fork-pipe-wait loop in the same minute.

    python benchmarks/sandbox_run.py [--runs 300] [--world plain]

Absolute times are this machine's; the ratios are what to compare. Other ways of running
a function in a process of its own are shown when they are installed.
"""

import argparse
import asyncio
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from luajobs_kit.sandbox import Limits, Program, Sandbox

ROOT = Path(__file__).parent.parent
SOURCE = "async def f(job):\n    return 1\n"
PLAIN = "def f(job):\n    return 1\n"
BARE = """
import gc, os, sys, time
gc.collect(); gc.freeze()
times = []
for _ in range(int(sys.argv[1])):
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
print(*times)
"""


async def serve(_verb: str, _arguments: dict) -> None:
    return None


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(time * 1000 for time in times)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]


def bare(runs: int) -> list[float]:
    """Fork from an interpreter the size of the fork server: the standard library's worth."""
    imports = (
        "import json, datetime, decimal, random, statistics, hashlib, ctypes, typing, ast, uuid\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", imports + BARE, str(runs)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [float(word) for word in done.stdout.split()]


def bare_streams(runs: int, streams: int) -> float:
    rates: list[float] = []

    def one() -> None:
        times = bare(runs)
        rates.append(len(times) / sum(times))

    threads = [threading.Thread(target=one) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def options_for(world: str) -> dict:
    if world == "real":
        return {}
    sys.path.insert(0, str(ROOT / "tests" / "sandbox" / "worlds"))
    return {"world": "plain_world", "policy": "plain_world"}


async def latency(sandbox: Sandbox, program: Program, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        outcome = await sandbox.run(program, context=CONTEXT, limits=Limits(), serve=serve)
        times.append(time.perf_counter() - begun)
        assert outcome.status == "completed", outcome
        await asyncio.sleep(0.012)  # a spare is waiting again
    return times


async def throughput(sandbox: Sandbox, program: Program, runs: int, streams: int) -> float:
    async def stream() -> None:
        for _ in range(runs // streams):
            outcome = await sandbox.run(program, context=CONTEXT, limits=Limits(), serve=serve)
            assert outcome.status == "completed", outcome

    begun = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    return runs / (time.perf_counter() - begun)


def unique_memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = [line for line in text.splitlines() if line.startswith("Private_")]
    return sum(int(line.split()[1]) for line in lines)


def resident_memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if "VmRSS" in line)


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


CONTEXT = {"job": {"id": "job_1", "name": "bench", "metadata": {}}}


def work() -> int:
    return 1


def others(runs: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        times = []
        for _ in range(runs if method == "fork" else min(runs, 10)):
            begun = time.perf_counter()
            queue = context.SimpleQueue()
            process = context.Process(target=_into, args=(queue,))
            process.start()
            queue.get()
            process.join()
            times.append(time.perf_counter() - begun)
        found[f"multiprocessing {method}, a process a run"] = times
    try:
        import pebble  # noqa: PLC0415  # only when it is installed
    except ImportError:
        pass
    else:
        times = []
        for _ in range(runs):
            begun = time.perf_counter()
            pebble.concurrent.process(timeout=5)(work)().result()
            times.append(time.perf_counter() - begun)
        found["pebble, a process a run with a time limit"] = times
    if deno := shutil.which("deno"):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "job.js"
            script.write_text("console.log(1)")
            times = []
            for _ in range(min(runs, 30)):
                begun = time.perf_counter()
                subprocess.run([deno, "run", str(script)], capture_output=True, check=True)
                times.append(time.perf_counter() - begun)
            found["Deno, a process a run"] = times
    return found


def _into(queue) -> None:
    queue.put(work())


async def main(runs: int, world: str) -> None:
    program = Program(SOURCE if world == "real" else PLAIN, "f")
    compare = others(min(runs, 100))
    before = bare(runs)
    two_streams = bare_streams(runs, 2)
    rows = []
    async with Sandbox(max_children=2, **options_for(world)) as sandbox:
        await latency(sandbox, program, 20)
        await asyncio.sleep(0.1)  # those that ran are gone, the spares wait
        spare = unique_memory(children_of(sandbox.server_pid)[-1])
        server_memory = resident_memory(sandbox.server_pid)
        mine = await latency(sandbox, program, runs)
        after = bare(runs)
        one = await throughput(sandbox, program, runs, 1)
        two = await throughput(sandbox, program, runs, 2)
        burst = await throughput(sandbox, program, 200, 200)
    walls = [wall.name for wall in sandbox.walls() if not wall.holds]
    limit, limit99 = quantiles(before + after)
    rows.append(("bare fork, pipe, wait", limit, limit99, len(before) / sum(before)))
    p50, p99 = quantiles(mine)
    rows.append(("sandbox, a spare waiting", p50, p99, one))
    for name, times in compare.items():
        rows.append((name, *quantiles(times), len(times) / sum(times)))
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, walls missing: {walls or 'none'}"
    )
    print(f"{'':45}{'p50 ms':>8}{'p99 ms':>8}{'of bare':>9}{'runs/s':>9}")
    for name, middle, worst, rate in rows:
        print(f"{name:45}{middle:8.2f}{worst:8.2f}{middle / limit:9.2f}{rate:9.0f}")
    print(f"p50 to bare p50: {p50 / limit:.2f} (goal 0.6); p99 to bare p50: {p99 / limit:.2f},")
    print(f"  to bare p99: {p99 / limit99:.2f} (goal 3)")
    print(f"two workers: {two:.0f} runs/s, {two / two_streams:.2f} of two bare streams (goal 0.4)")
    print(
        f"a burst of 200: {burst:.0f} runs/s, {burst / two_streams:.2f} of two bare streams (goal 0.4)"
    )
    print(f"a waiting child adds {spare} kB (goal 3,000); the fork server holds {server_memory} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--world", choices=("real", "plain"), default="real")
    given = parser.parse_args()
    asyncio.run(main(given.runs, given.world))
