"""``run_isolated`` with the processes kept warm, as a ratio to a bare fork of an empty interpreter.

    python benchmarks/run_isolated.py [--rounds 200]

Both take turns, so that a loaded machine is loaded for both. The goal for the median is 3.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time

from sandbox_run import BARE

from luajobs_kit import run_isolated

SOURCE = "def execute(job):\n    return job.metadata['x'] + 1"


async def warm(rounds: int, bare: subprocess.Popen[str]) -> tuple[list[float], list[float]]:
    """Return the seconds of each run, and of each bare fork beside it."""
    await run_isolated(SOURCE, {"x": 0})
    assert bare.stdin is not None
    assert bare.stdout is not None
    runs, forks = [], []
    for number in range(rounds):
        bare.stdin.write("1 0\n")
        bare.stdin.flush()
        forks.append(float(bare.stdout.readline().split()[1]))
        begun = time.perf_counter()
        outcome = await run_isolated(SOURCE, {"x": number})
        runs.append(time.perf_counter() - begun)
        assert outcome.result == number + 1
    return runs, forks


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=200)
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", BARE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as bare:
        runs, forks = asyncio.run(warm(options.parse_args().rounds, bare))
    run, fork = statistics.median(runs), statistics.median(forks)
    print(f"bare fork   p50 {fork * 1000:7.2f} ms")
    print(f"warm run    p50 {run * 1000:7.2f} ms   {run / fork:5.2f} x a bare fork   (goal 3)")
    tail = statistics.quantiles(runs, n=100)[98]
    print(f"warm run    p99 {tail * 1000:7.2f} ms")


if __name__ == "__main__":
    main()
