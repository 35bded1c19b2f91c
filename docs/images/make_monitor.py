"""Make docs/images/monitor.svg: the monitor as it is, on a real engine whose jobs really ran.

python docs/images/make_monitor.py [WIDTHxHEIGHT] [TAB] [FILE]
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from luajobs_kit.acting_user import acting_as
from luajobs_kit.bundle import capture
from luajobs_kit.engine import Engine
from luajobs_kit.model import ExecutionFinished, Job, JobSpec, Retry, Schedule
from luajobs_kit.timing import cron, every, once
from luajobs_tui.app import MonitorApp

HERE = Path(__file__).parent

REMINDER = """\
async def remind(job):
    user = await job.user()
    await user.send([{"type": "text", "text": job.metadata["message"]}])
    job.log.info(f"reminded {user.id}")
"""
REPORT = """\
from luajobs_kit import Data

async def report(job):
    job.log.info("counting open tickets")
    tickets = await Data.get("tickets", {}, 1, 50)
    open_ones = [t for t in tickets.data if t.data["status"] == "open"]
    for ticket in open_ones:
        job.log.debug(f"{ticket.data['title']}: waiting {ticket.data['days']} days")
        if ticket.data["days"] > 7:
            job.log.warning(f"{ticket.data['title']!r} has waited more than a week")
    user = await job.user()
    await user.send([{"type": "text", "text": f"{len(open_ones)} tickets are open."}])
    job.log.info(f"{len(open_ones)} of {len(tickets.data)} are open; report sent to {user.id}")
    return {"open": len(open_ones)}
"""
FOLLOW_UP = """\
async def follow_up(job):
    ticket = job.metadata["ticket"]
    job.log.info(f"looking at {ticket}")
    answered = {"T-1002": "yes"}
    return answered[ticket]
"""
PRICES = """\
import asyncio

async def watch(job):
    for shop in ("north", "south", "east"):
        job.log.info(f"asking the {shop} shop")
        await asyncio.sleep(60)
"""
JOBS: tuple[tuple[str, str, str, Schedule, dict[str, object]], ...] = (
    ("user_amy", "weekly-report", REPORT, cron("0 8 * * 1", "Europe/Berlin"), {}),
    (
        "user_amy",
        "meeting-reminder",
        REMINDER,
        once(minutes=10),
        {"message": "Team meeting at two"},
    ),
    ("user_ben", "ticket-follow-up", FOLLOW_UP, every(minutes=5), {"ticket": "T-1001"}),
    ("user_ben", "price-watch", PRICES, every(minutes=15), {"shops": 3}),
    ("user_chris", "nightly-clean-up", REMINDER, cron("30 2 * * *"), {"message": "cleaned"}),
    ("user_chris", "old-digest", REMINDER, every(hours=6), {"message": "digest"}),
)


async def make_jobs(engine: Engine) -> dict[str, Job]:
    """Create the jobs, let them run, and return them by name."""
    for title, status, days in (
        ("Login fails", "open", 9),
        ("Typo", "done", 1),
        ("Slow page", "open", 2),
    ):
        ticket = {"title": title, "status": status, "days": days}
        await engine.call("data.create", {"collection": "tickets", "data": ticket})
    jobs = {}
    for user, name, source, schedule, metadata in JOBS:
        with acting_as(user):
            spec = JobSpec(
                name=name,
                schedule=schedule,
                bundle=capture(source, file=f"{name.replace('-', '_')}.py"),
                metadata=metadata,
                retry=Retry(max_attempts=1, backoff_seconds=0)
                if name == "ticket-follow-up"
                else Retry(),
            )
            jobs[name] = await engine.create_job(spec)
    events = engine.events()
    ended = 0
    for name in ("weekly-report", "ticket-follow-up", "nightly-clean-up"):
        await engine.trigger_job(jobs[name].id)
    while ended < 3:
        ended += isinstance(await anext(events), ExecutionFinished)
    await engine.trigger_job(jobs["price-watch"].id)
    await engine.deactivate_job(jobs["old-digest"].id)
    return jobs


async def picture(size: tuple[int, int], topic: str, selected: int) -> str:
    """Return the monitor's screen as SVG."""
    async with await Engine.open(None) as engine:
        await make_jobs(engine)
        app = MonitorApp(engine, workspace_label="~/projects/support/.luajobs")
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.5)
            await pilot.press(*["down"] * selected)
            await pilot.pause(0.3)
            await pilot.press(topic)
            await pilot.pause(1.2)
            drawn = app.export_screenshot(title="luajobs")
            # Self-contained: the reader's own monospaced font instead of one from the web.
            return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    columns, _, rows = given.get(0, "100x30").partition("x")
    svg = asyncio.run(picture((int(columns), int(rows)), given.get(1, "1"), int(given.get(3, "0"))))
    Path(given.get(2, HERE / "monitor.svg")).write_text(svg, encoding="utf-8")
