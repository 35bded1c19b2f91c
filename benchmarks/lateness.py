"""Lateness of jobs, against bare APScheduler in the same run; and 100,000 of them in one engine.

    python benchmarks/lateness.py [--jobs 1000] [--span 20] [--many 100000]

Ratios are what to trust: the machine is shared. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from luajobs_kit.clock import SystemClock
from luajobs_kit.engine import Engine
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    IntervalSchedule,
    JobRecord,
    JobSpec,
    JobVersion,
    OnceSchedule,
    Schedule,
)
from luajobs_kit.store import FireState, Put, Store

FIRST_LINE = Bundle(
    source="import time\nasync def execute(job):\n    return time.time()\n", entry="execute"
)
LEAD = 3.0  # seconds from the last job made to the first one due
MISSED: list[str] = []


def goal(name: str, ours: float, most: float, unit: str, note: str = "") -> None:
    verdict = "ok" if ours <= most else "MISSED"
    print(f"{name:62} {ours:10.2f} {unit:3} (goal {most:.2f}{note}) {verdict}", flush=True)
    if ours > most:
        MISSED.append(name)


def quantile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share) - 1] * 1000


async def bare_lateness(jobs: int, span: float) -> list[float]:
    found: list[float] = []
    done = asyncio.Event()

    async def no_op(due: datetime) -> None:
        found.append((datetime.now(UTC) - due).total_seconds())
        if len(found) == jobs:
            done.set()

    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.start()
    begin = datetime.now(UTC) + timedelta(seconds=LEAD)
    for number in range(jobs):
        due = begin + timedelta(seconds=span * number / jobs)
        scheduler.add_job(no_op, DateTrigger(due), args=(due,), misfire_grace_time=None)
    await done.wait()
    scheduler.shutdown()
    return found


async def our_lateness(jobs: int, span: float, folder: Path) -> tuple[list[float], list[float]]:
    claimed: list[float] = []
    begin = datetime.now(UTC) + timedelta(seconds=jobs * 0.005 + 10)  # when an engine is up

    def schedule(number: int) -> Schedule:
        return OnceSchedule(execute_at=begin + timedelta(seconds=span * number / jobs))

    await fill(folder, jobs, schedule)
    async with await Engine.open(folder) as engine:
        # Making a job compiles its code; this one has the code of all.
        await engine.create_job(
            JobSpec(name="the first", bundle=FIRST_LINE, schedule=IntervalSchedule(seconds=9_999))
        )
        history = engine._state.store.history  # noqa: SLF001 - to stamp claims where they are made
        claim = history.claim

        async def stamped(execution, fire, key=None, **how):
            kept = await claim(execution, fire, key, **how)
            claimed.append((datetime.now(UTC) - kept.fire_time).total_seconds())
            return kept

        history.claim = stamped
        news = engine.events()
        assert datetime.now(UTC) < begin, "this machine takes too long to begin"
        finished = 0
        first_line = []
        async for event in news:
            if event.type == "ExecutionFinished":
                run = event.execution
                first_line.append(run.result - run.fire_time.timestamp())
                finished += 1
                if finished == jobs:
                    break
        return claimed, first_line


async def syncs(folder: Path) -> list[float]:
    """What the disk asks for a line that is to survive a power cut, in this very minute."""
    found = []
    with (folder / "line").open("ab", buffering=0) as file:

        def append() -> None:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

        for _ in range(300):
            began = time.perf_counter()
            await asyncio.to_thread(append)
            found.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
    return found


async def lateness(jobs: int, span: float) -> None:
    print(f"{jobs} once-jobs over {span:g} s, from due")
    bare = await bare_lateness(jobs, span)
    with tempfile.TemporaryDirectory() as folder:
        synced = await syncs(Path(folder))
        claimed, started = await our_lateness(jobs, span, Path(folder))
    for name, times in (
        ("bare APScheduler", bare),
        ("a synced line alone", synced),
        ("claimed", claimed),
        ("first line", started),
    ):
        shown = "  ".join(
            f"p{share * 100:g} {quantile(times, share):6.2f}" for share in (0.5, 0.9, 0.99, 1)
        )
        print(f"  {name:20} {shown}  ms")
    worst = quantile(bare, 0.99)
    goal("p99 to the claim", quantile(claimed, 0.99), 1.5 * worst, "ms", " = 1.5x bare")
    late = quantile(started, 0.99) - quantile(claimed, 0.99)
    goal("p99 more to the first line of job code", late, 10, "ms")


def resident() -> int:
    gc.collect()
    text = Path("/proc/self/statm").read_text().split()
    return int(text[1]) * os.sysconf("SC_PAGE_SIZE")


async def fill(folder: Path, jobs: int, schedule: Callable[[int], Schedule]) -> None:
    """Write the jobs as an engine leaves them, past its verbs: making them is not measured."""
    clock = SystemClock()
    now = clock.now()
    ids = Ids(clock)
    async with await Store.open(folder, clock=clock, ids=ids) as store:
        pending = []
        for number in range(jobs):
            job_id, version_id = ids.new("job"), ids.new("version")
            version = JobVersion(
                id=version_id, job_id=job_id, name=f"job {number}", version="1.0.0", schedule=schedule(number),
                bundle=FIRST_LINE, created_at=now, updated_at=now,
            )  # fmt: skip
            record = JobRecord(
                id=job_id, name=f"job {number}", user_id="user_bench", active_version_id=version_id,
                armed_at=now, created_at=now, updated_at=now,
            )  # fmt: skip
            pending += [Put(version), Put(record)]
            if len(pending) == 4_000 or number == jobs - 1:
                await store.definitions.commit(*pending)
                pending = []
        fires = [FireState(job_id=record.id, armed_at=now) for record in store.definitions.jobs()]
        for begin in range(0, jobs, 1_000):
            await asyncio.gather(*map(store.history.set_fire, fires[begin : begin + 1_000]))


def monthly(number: int) -> Schedule:
    return CronSchedule(
        expression=f"{number % 60} {number // 60 % 24} 1 * *", timezone="Europe/Berlin"
    )


async def nothing() -> None:
    pass


async def many(folder: Path, jobs: int) -> None:
    """In a process of its own, so that its memory is its own."""
    clock = SystemClock()
    before = resident()
    began = time.perf_counter()
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    reading = time.perf_counter() - began
    documents = (resident() - before) / jobs / 1000
    await store.aclose()
    del store
    print(f"{jobs:,} cron jobs: reading the documents {reading:.2f} s, {documents:.2f} kB a job")

    scheduler = AsyncIOScheduler(timezone=UTC)
    began = time.perf_counter()
    for number in range(jobs):
        trigger = CronTrigger.from_crontab(
            f"{number % 60} {number // 60 % 24} 1 * *", "Europe/Berlin"
        )
        scheduler.add_job(nothing, trigger, id=f"job_{number:06}")
    scheduler.start()
    bare = time.perf_counter() - began
    scheduler.shutdown()
    await asyncio.sleep(0)
    del scheduler

    before = resident()
    began = time.perf_counter()
    async with await Engine.open(folder) as engine:
        ours = time.perf_counter() - began
        held = (resident() - before) / jobs / 1000
        assert (await engine.status()).active_jobs == jobs
    print(f"  an engine: start {ours:.2f} s, {held:.2f} kB a job; bare APScheduler: {bare:.2f} s")
    goal("start-up of an engine, documents read", ours, 1.5 * bare, "s", " = 1.5x bare")
    goal("resident memory of a job beyond its document", held - documents, 3, "kB")


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--span", type=float, default=20.0, help="seconds")
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # our own second process
    asked = parser.parse_args()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    if asked.folder:
        await many(asked.folder, asked.many)
        return 1 if MISSED else 0
    if asked.jobs:
        await lateness(asked.jobs, asked.span)
    status = 0
    if asked.many:
        with tempfile.TemporaryDirectory() as folder:
            await fill(Path(folder), asked.many, monthly)
            again = [sys.executable, __file__, "--folder", folder, "--many", str(asked.many)]
            status = await (await asyncio.create_subprocess_exec(*again)).wait()
    return 1 if MISSED or status else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
