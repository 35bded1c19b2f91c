"""``luajobs demo``: three tools schedule jobs, and the jobs run before your eyes."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import click

from luajobs_kit.api import LuaAgent, LuaSkill, Workspace, every, once
from luajobs_kit.cli.asking import speaking_errors
from luajobs_kit.cli.tables import mark, milliseconds
from luajobs_kit.client import discover
from luajobs_kit.examples import DailyReportTool, ReminderTool, ScheduleFollowupTool
from luajobs_kit.model import (
    AttemptFailed,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    FireSkipped,
    JobCreated,
    LogWritten,
    MessageSent,
)

WATCHED: Final = 15.0  # seconds
SOON: Final = {"reminder": once(seconds=2), "followup": once(seconds=5), "daily": every(seconds=4)}
"""What each job's second version fires by, so that nobody waits until tomorrow."""

AGENT: Final = LuaAgent(
    name="demo",
    persona="A shop's assistant that remembers things for people.",
    skills=[
        LuaSkill(
            name="schedule",
            description="Reminders, follow-ups and reports",
            tools=[ReminderTool(), ScheduleFollowupTool(), DailyReportTool()],
        )
    ],
)


@click.command()
@click.option("--seconds", default=WATCHED, show_default=True, help="How long to watch.")
def demo(seconds: float) -> None:
    """Watch three agent tools schedule jobs, and the jobs run, in about 20 seconds."""
    with speaking_errors(), tempfile.TemporaryDirectory(prefix="luajobs-demo-") as scratch:
        folder = Path(scratch) / ".luajobs"
        try:
            asyncio.run(_show(folder, seconds))
        finally:
            discover.stop(folder)


async def _show(folder: Path, seconds: float) -> None:
    _title("A workspace of its own, with its engine in a process of its own")
    ws = Workspace(folder)
    status = await ws.status()
    _say(f"engine {status.pid}, in {status.workspace}")
    await _furnish(ws)

    seen: Counter[str] = Counter()
    with ws:
        watching = asyncio.create_task(_watch(ws, seen))
        await asyncio.sleep(0)  # it takes its place in the stream before anything happens
        _title("An agent calls three tools, as two users; each makes a job")
        await _call("set_reminder", {"message": "Team meeting in 10 minutes", "minutes": 10}, "alice")
        await _call(
            "schedule_followup",
            {"ticketId": "T-1001", "followupHours": 24, "message": "Did the new cable help?"},
            "bob",
        )
        await _call("setup_daily_report", {"timeOfDay": "08:00"}, "alice")

        _title("Tomorrow is far away: each job gets a version that fires within seconds")
        for job in await ws.jobs.get_all(include_dynamic=True):
            soon = next(schedule for name, schedule in SOON.items() if job.name.startswith(name))
            version = await job.push_version(schedule=soon)
            await job.publish(version.version)
            _say(f"{job.name}: version {version.version} is active")

        _title(f"Watching for {seconds:g} seconds")
        await asyncio.sleep(seconds)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await _sum_up(ws, seen)
    await ws.aclose()


async def _furnish(ws: Workspace) -> None:
    """Give the workspace two users, a ticket and a small catalogue."""
    await ws.users.add("alice", full_name="Alice Arnold")
    await ws.users.add("bob", full_name="Bob Brown")
    ticket = {"ticketId": "T-1001", "status": "open", "subject": "The router blinks red"}
    await ws.data.create("tickets", ticket)
    for name, price in (("Router", 89.0), ("Cable", 7.5), ("Antenna", 24.9)):
        await ws.products.create({"name": name, "price": price})
    _say("two users, one open ticket, three products")


async def _call(tool: str, given: dict[str, object], user: str) -> None:
    answer = await AGENT.call_tool(tool, given, user=user)
    _say(f"{click.style(user, fg='magenta')} → {tool}: {answer['message']}")


async def _watch(ws: Workspace, seen: Counter[str]) -> None:
    async for event in ws.events():
        seen[event.type] += 1
        line = _line(event)
        if line is not None:
            _say(line, at=event.at.astimezone().strftime("%H:%M:%S"))


def _line(event: Event) -> str | None:
    match event:
        case JobCreated(job=job):
            return f"{_name(job.name)} created for {job.user_id}"
        case ExecutionStarted(execution=run):
            return f"{_name(run.job_name)} {mark('running')} in a process of its own"
        case ExecutionFinished(execution=run):
            return f"{_name(run.job_name)} {mark(run.status)} in {milliseconds(run.duration)}"
        case AttemptFailed(execution=run):
            return f"{_name(run.job_name)} failed and will be tried again"
        case FireSkipped(job_name=name, reason=reason):
            return f"{_name(name)} not run: {reason}"
        case LogWritten(line=line) if line.metadata.log_source == "job":
            return f"{_name(line.metadata.primitive_name or '')} log: {line.message}"
        case MessageSent(message=message):
            text = " ".join(message.text.split())
            return click.style(f"✉ {message.user_id}: {text}", fg="green")
    return None


async def _sum_up(ws: Workspace, seen: Counter[str]) -> None:
    _title("What happened")
    _say(
        f"{seen['JobCreated']} jobs, {seen['ExecutionFinished']} runs, "
        f"{seen['LogWritten']} log lines, {seen['MessageSent']} messages"
    )
    [ticket] = await ws.data.search("tickets", "T-1001", 1)
    _say(f"ticket T-1001: followupSent={ticket.data.get('followupSent')}")
    _title("What to try next")
    for command, what in (
        ("luajobs tui", "the monitor, beside your notebook"),
        ("luajobs jobs list", "what is scheduled"),
        ("luajobs logs --type job --follow", "what jobs write, live"),
        ("jupyter lab notebooks/", "the lessons: write a job in a cell"),
    ):
        _say(f"{click.style(f'{command:<34}', fg='cyan')} {what}")


def _name(name: str) -> str:
    return click.style(name, fg="cyan")


def _title(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _say(text: str, *, at: str = "") -> None:
    stamp = click.style(f"{at:<8} ", fg="bright_black") if at else ""
    click.echo(f"  {stamp}{text}")
