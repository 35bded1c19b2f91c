"""``luajobs demo``: three tools schedule jobs, and the jobs run before your eyes."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import click

from luajobs_kit.api.agent.agents import LuaAgent, LuaSkill
from luajobs_kit.api.workspace import Workspace
from luajobs_kit.cli.engine_commands import reporting_errors
from luajobs_kit.cli.formatting import mark, milliseconds
from luajobs_kit.client import discover
from luajobs_kit.examples.followup import ScheduleFollowupTool
from luajobs_kit.examples.reminder import ReminderTool
from luajobs_kit.examples.report import DailyReportTool
from luajobs_kit.model import (
    AttemptFailed,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    FireSkipped,
    JobCreated,
    LogWritten,
    MessageSent,
    Schedule,
)
from luajobs_kit.presentation import clean
from luajobs_kit.timing import describe, every, once
from luajobs_kit.timing.durations import read_number

WATCHED: Final = 15.0  # seconds
NAME_WIDTH: Final = 19  # characters
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
    with reporting_errors(), tempfile.TemporaryDirectory(prefix="luajobs-demo-") as scratch:
        folder = Path(scratch) / ".luajobs"
        try:
            asyncio.run(_show(folder, read_number(seconds, "--seconds")))
        finally:
            discover.stop(folder)


async def _show(folder: Path, seconds: float) -> None:
    _title("A workspace of its own, with its engine in a process of its own")
    ws = Workspace(folder)
    status = await ws.status()
    _say(f"engine {status.pid}, in {status.workspace}")
    await _furnish(ws)

    seen: Counter[str] = Counter()
    async with ws:
        news = (await ws.port()).events()  # from here on nothing is missed
        watching = asyncio.create_task(_watch(news, seen))
        _title("An agent calls three tools, as two users; each makes a job")
        await _call(
            "set_reminder", {"message": "Team meeting in 10 minutes", "minutes": 10}, "alice"
        )
        await _call(
            "schedule_followup",
            {"ticket_id": "T-1001", "followup_hours": 24, "message": "Did the new cable help?"},
            "bob",
        )
        await _call("setup_daily_report", {"time_of_day": "08:00"}, "alice")

        _title("Tomorrow is far away: each job gets a version that fires within seconds")
        for job in await ws.jobs.get_all(include_dynamic=True):
            soon = _soon(job.name)
            version = await job.push_version(schedule=soon)
            await job.publish(version.version)
            _say(f"{_name(job.name)} version {version.version} is active: {describe(soon)}")

        _title(f"Watching for {seconds:g} seconds")
        await asyncio.sleep(seconds)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await _sum_up(ws, seen)


async def _furnish(ws: Workspace) -> None:
    """Give the workspace two users, a ticket and a small catalogue."""
    await ws.users.add("alice", full_name="Alice Arnold")
    await ws.users.add("bob", full_name="Bob Brown")
    ticket = {"ticket_id": "T-1001", "status": "open", "subject": "The router blinks red"}
    await ws.data.create("tickets", ticket)
    for name, price in (("Router", 89.0), ("Cable", 7.5), ("Antenna", 24.9)):
        await ws.products.create({"name": name, "price": price})
    _say("two users, one open ticket, three products")


def _soon(name: str) -> Schedule:
    """Return what a job's second version fires by, so that nobody waits until tomorrow."""
    if name.startswith("reminder"):
        return once(seconds=2)
    return once(seconds=5) if name.startswith("followup") else every(seconds=4)


async def _call(tool: str, given: dict[str, object], user: str) -> None:
    answer = await AGENT.call_tool(tool, given, user=user)
    _say(f"{click.style(user, fg='magenta')} → {tool}: {answer['message']}")


async def _watch(news: AsyncIterator[Event], seen: Counter[str]) -> None:
    async for event in news:
        seen[event.type] += 1
        line = _line(event)
        if line is not None:
            _say(line, at=event.at.astimezone().strftime("%H:%M:%S"))


def _line(event: Event) -> str | None:
    match event:
        case JobCreated(job=job):
            return f"{_name(job.name)} created for {click.style(job.user_id or '', fg='magenta')}"
        case ExecutionStarted(execution=run):
            return f"{_name(run.job_name)} {mark('running')}"
        case ExecutionFinished(execution=run):
            return f"{_name(run.job_name)} {mark(run.status)} in {milliseconds(run.duration)}"
        case AttemptFailed(execution=run):
            return f"{_name(run.job_name)} failed and will be tried again"
        case FireSkipped(job_name=name, reason=reason):
            return f"{_name(name)} not run: {reason}"
        case LogWritten(line=line) if line.metadata.execution_id:
            return f"{_name(line.metadata.primitive_name or '')} log: {clean(line.message)}"
        case MessageSent(message=message):
            text = " · ".join(filter(None, map(str.strip, message.text.splitlines())))
            to = click.style(f"✉ to {message.user_id}", fg="magenta")
            return f"{_name(message.job_name or '')} {to}: {click.style(text, fg='green')}"
    return None


async def _sum_up(ws: Workspace, seen: Counter[str]) -> None:
    _title("What happened")
    _say(
        f"{seen['JobCreated']} jobs, {seen['ExecutionFinished']} runs, "
        f"{seen['LogWritten']} log lines, {seen['MessageSent']} messages"
    )
    [ticket] = await ws.data.search("tickets", "T-1001", 1)
    _say(f"ticket T-1001: followup_sent={ticket.data.get('followup_sent')}")
    _title("What to try next")
    luajobs = "luajobs" if shutil.which("luajobs") else _beside_python()
    for command, what in (
        (f"{luajobs} tui", "the monitor, beside your notebook or your script"),
        (
            f"{luajobs} jobs list",
            "what is scheduled (nothing yet: the demo's workspace goes with it)",
        ),
        (f"{luajobs} logs --follow", "what jobs write, live"),
        ("notebooks/quickstart.ipynb", "the first lesson, in JupyterLab: write a job in a cell"),
    ):
        _say(f"{click.style(f'{command:<30}', fg='cyan')} {what}")


def _beside_python() -> str:
    """Return the command as it is reached where its environment is not activated."""
    command = Path(sys.executable).with_name("luajobs")
    try:
        return str(command.relative_to(Path.cwd()))
    except ValueError:
        return str(command)


def _name(name: str) -> str:
    short = name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"
    return click.style(f"{short:<{NAME_WIDTH}}", fg="cyan")


def _title(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _say(text: str, *, at: str = "") -> None:
    stamp = click.style(f"{at:<8} ", fg="bright_black") if at else ""
    click.echo(f"  {stamp}{text}")
