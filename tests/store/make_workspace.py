"""A workspace with something of every kind in it, made by the kit as it is.

``workspace_of_0_1/`` was made by it with version 0.1.0, and is kept as it was written: later
versions are held to open it. For another version, run it with that one installed::

    python tests/store/make_workspace.py tests/store/workspace_of_NEXT
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from luajobs_kit.acting_user import acting_as
from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    IntervalSchedule,
    JobSpec,
    OnceSchedule,
    Retry,
    Schedule,
    VersionSpec,
)

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
REPORT = """
async def execute(job):
    print("reporting", job.metadata["topic"])
    user = await job.user()
    await user.send([{"type": "text", "text": "The report is ready."}])
    return {"topic": job.metadata["topic"]}
"""
FAILING = """
async def execute(job):
    raise ValueError("no report today")
"""


def spec(name: str, schedule: Schedule, source: str, **options: object) -> JobSpec:
    bundle = Bundle(source=source.strip() + "\n", entry="execute", file="notebook.py")
    return JobSpec(name=name, schedule=schedule, bundle=bundle, **options)


async def main(folder: Path) -> None:
    clock = VirtualClock(START)
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.settings({"env": {"API_KEY": "a-secret"}, "http_hosts": ["api.example"]})
        with acting_as("user_ada"):
            await engine.call("user.get", {})
            await engine.call("user.update", {"data": {"language": "français"}})
            report = await engine.create_job(
                spec(
                    "report",
                    IntervalSchedule(seconds=60),
                    REPORT,
                    metadata={"topic": "rivers"},
                    description="A report for Ada.",
                    tools=["get_weather"],
                    env=["API_KEY"],
                    retry=Retry(max_attempts=1, backoff_seconds=5),
                )
            )
            await engine.create_job(
                spec(
                    "failing",
                    CronSchedule(expression="1 9 * * *", timezone="Europe/Berlin"),
                    FAILING,
                )
            )
            await engine.create_job(
                spec("later", OnceSchedule(execute_at=START + timedelta(days=3650)), FAILING)
            )
            off = await engine.create_job(spec("off", IntervalSchedule(seconds=3600), FAILING))
            await engine.deactivate_job(off.id)
        await engine.create_job(
            spec(
                "nightly",
                CronSchedule(expression="0 2 * * *", timezone="UTC"),
                FAILING,
                dynamic=False,
            )
        )
        await engine.call(
            "data.create", {"collection": "tickets", "data": {"title": "broken lamp"}}
        )
        await engine.call(
            "products.create",
            {"product": {"id": "p1", "name": "Lamp", "price": 20}},
        )
        await clock.advance(seconds=120)
        for run in (await engine.list_executions(report.id)).executions:
            await engine.wait_execution(run.id)
        await engine.push_version(
            report.id,
            VersionSpec(
                schedule=IntervalSchedule(seconds=300),
                bundle=Bundle(source=REPORT.strip() + "\n", entry="execute", file="notebook.py"),
                metadata={"topic": "lakes"},
                tools=["get_weather"],
            ),
        )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
