"""Simulation: the time that 10,000 fires of trivial jobs take.

    python benchmarks/simulation.py [--fires 10000]

The goal is for a machine of two cores with nothing else to do; the processor time, which
neighbours do not add to, is shown beside it. Ends with 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from datetime import timedelta

from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec

JOBS = 20
GOAL = 60.0 / 10_000  # seconds a fire


def processor(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fires", type=int, default=10_000)
    fires = parser.parse_args().fires
    bundle = Bundle(source="async def execute(job):\n    return 1\n", entry="execute")
    async with await Engine.open(None) as engine:
        for number in range(JOBS):
            schedule = IntervalSchedule(seconds=600 + number)
            await engine.create_job(JobSpec(name=f"job {number}", schedule=schedule, bundle=bundle))
        until = (await engine.status()).now + timedelta(days=366)
        began, used = time.perf_counter(), processor(resource.RUSAGE_SELF)
        found = await engine.simulate(until, max_fires=fires)
        took, used = time.perf_counter() - began, processor(resource.RUSAGE_SELF) - used
        assert len(found.executions) >= fires
        statuses = {run.status for run in found.executions[: fires - JOBS]}
        assert statuses == {"completed"}, statuses
    children = processor(resource.RUSAGE_CHILDREN)
    each = took / len(found.executions)
    verdict = "ok" if each <= GOAL else "MISSED"
    print(
        f"{len(found.executions):,} fires in {took:.1f} s, {each * 1000:.2f} ms each "
        f"(goal {GOAL * 1000:.0f} ms) {verdict}"
    )
    print(
        f"  processor time a fire: engine {used / len(found.executions) * 1000:.2f} ms, "
        f"sandbox {children / len(found.executions) * 1000:.2f} ms"
    )
    return verdict != "ok"


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
