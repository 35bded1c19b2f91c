"""Planning and waiting: their costs against the libraries underneath, in the same run.

    python benchmarks/timing.py

Ratios are what to trust: the machine is shared. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import statistics
import sys
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from croniter import croniter

from luajobs_kit.clock import SystemClock, VirtualClock
from luajobs_kit.timing import Scheduler, cron, every, next_fire, once, preview, trigger_for

START = datetime(2026, 1, 1, tzinfo=UTC)
MISSED = []


def goal(name: str, ours: float, theirs: float, most: float, unit: str) -> None:
    ratio = ours / theirs
    verdict = "ok" if ratio <= most else "MISSED"
    print(f"{name:58} {ours:10.3f} {theirs:10.3f} {unit:3} {ratio:6.2f}x  (goal {most}x) {verdict}")
    if ratio > most:
        MISSED.append(name)


def fastest(work, rounds=3) -> float:
    times = []
    for _ in range(rounds):
        gc.collect()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def preview_of_a_thousand() -> None:
    for expression in ("*/5 * * * *", "30 6 * * 1", "30 2 * * *", "0 9-17 * * 1-5", "0 0 1,15 * 5"):

        def bare(expression=expression):
            walk = croniter(expression, START.replace(tzinfo=None))
            for _ in range(1000):
                walk.get_next(datetime)

        schedule = cron(expression, "America/New_York")
        ours = fastest(lambda schedule=schedule: preview(schedule, 1000, START))
        goal(
            f"preview of 1,000 fires of {expression!r}", ours * 1000, fastest(bare) * 1000, 3, "ms"
        )


async def wake_ups() -> None:
    costs = {}
    for jobs in (1_000, 100_000):
        clock = VirtualClock(START)
        scheduler = Scheduler(clock, lambda *_: None)
        scheduler.start()
        clock.join(scheduler.settle)
        for number in range(jobs):  # each once a day, spread over it
            schedule = every(days=1, start=START + timedelta(days=(number + 1) / jobs))
            trigger = trigger_for(schedule, armed_at=START)
            scheduler.add(
                f"job_{number:06}", trigger, next_fire=next_fire(schedule, None, armed_at=START)
            )
        await clock.advance(seconds=0)
        gc.collect()
        times = []
        for _ in range(300):
            step = scheduler.next_wakeup() - clock.now()
            began = time.perf_counter()
            await clock.advance(step)
            times.append(time.perf_counter() - began)
        costs[jobs] = statistics.median(times)
        scheduler.shutdown()
    goal(
        "a wake-up with one due, of 100,000 jobs and of 1,000",
        costs[100_000] * 1e6,
        costs[1_000] * 1e6,
        2,
        "µs",
    )


def nothing() -> None:
    pass


async def start_ups() -> None:
    jobs = 20_000
    kinds = {
        "once": (
            lambda number: once(at=START + timedelta(days=9000, seconds=number)),
            lambda number: DateTrigger(START + timedelta(days=9000, seconds=number)),
        ),
        "interval": (
            lambda number: every(seconds=3600 + number),
            lambda number: IntervalTrigger(seconds=3600 + number),
        ),
        "cron": (
            lambda number: cron(f"{number % 60} {number % 24} * * *", "Europe/Berlin"),
            lambda number: CronTrigger.from_crontab(
                f"{number % 60} {number % 24} * * *", "Europe/Berlin"
            ),
        ),
    }
    for kind, (declare, bare) in kinds.items():
        schedules = [declare(number) for number in range(jobs)]

        async def ours(schedules=schedules):
            armed_at = datetime.now(UTC)
            scheduler = Scheduler(SystemClock(), lambda *_: None)
            scheduler.start()
            for number, schedule in enumerate(schedules):
                trigger = trigger_for(schedule, armed_at=armed_at)
                first = trigger.get_next_fire_time(None, armed_at)
                scheduler.add(f"job_{number:06}", trigger, next_fire=first)
            scheduler.shutdown()

        async def theirs(bare=bare):
            scheduler = AsyncIOScheduler(timezone=UTC)
            for number in range(jobs):  # before the start, which spares it a wake-up for each
                scheduler.add_job(nothing, bare(number), id=f"job_{number:06}")
            scheduler.start()
            scheduler.shutdown()
            await asyncio.sleep(0)

        times = []
        for work in (ours, theirs):
            gc.collect()
            began = time.perf_counter()
            await work()
            times.append(time.perf_counter() - began)
        goal(
            f"adding {jobs:,} {kind} jobs, against bare APScheduler",
            times[0] * 1000,
            times[1] * 1000,
            1.5,
            "ms",
        )


async def memory() -> None:
    jobs = 20_000
    scheduler = Scheduler(SystemClock(), lambda *_: None)
    scheduler.start()
    schedules = [
        cron(f"{number % 60} {number % 24} * * *", "Europe/Berlin") for number in range(jobs)
    ]
    armed_at = datetime.now(UTC)
    gc.collect()
    tracemalloc.start()
    for number, schedule in enumerate(schedules):
        trigger = trigger_for(schedule, armed_at=armed_at)
        scheduler.add(
            f"job_{number:06}", trigger, next_fire=trigger.get_next_fire_time(None, armed_at)
        )
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    scheduler.shutdown()
    goal("memory of a scheduled cron job, against 3 kB", held / jobs / 1000, 3, 1, "kB")


async def lateness() -> None:
    jobs, span = 500, 5.0  # seconds
    found: dict[str, list[float]] = {"ours": [], "bare": []}

    done = asyncio.Event()

    def record(which, due):
        found[which].append((datetime.now(UTC) - due).total_seconds())
        if all(len(times) == jobs for times in found.values()):
            done.set()

    async def bare_job(due):
        record("bare", due)

    ours = Scheduler(SystemClock(), lambda _, fires, __: record("ours", fires[0]))
    ours.start()
    bare = AsyncIOScheduler(timezone=UTC)
    bare.start()
    now = datetime.now(UTC) + timedelta(seconds=2)
    for number in range(jobs):  # in turns, so both meet the same neighbours
        due = now + timedelta(seconds=span * number / jobs)
        ours.add(f"job_{number}", trigger_for(once(at=due), armed_at=now), next_fire=due)
        due += timedelta(seconds=span / jobs / 2)
        bare.add_job(bare_job, DateTrigger(due), args=(due,), misfire_grace_time=None)
    await done.wait()
    ours.shutdown()
    bare.shutdown()
    for name, share in (("median", 0.5), ("p99", 0.99)):
        one, other = (sorted(found[which])[int(jobs * share)] * 1000 for which in ("ours", "bare"))
        goal(f"due to handed over, {jobs} once-jobs over {span:g} s, {name}", one, other, 1.5, "ms")


async def main() -> int:
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    print(f"{'':58} {'ours':>10} {'theirs':>10}")
    preview_of_a_thousand()
    await wake_ups()
    await start_ups()
    await memory()
    await lateness()
    return 1 if MISSED else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
