"""``luajobs logs``: read and follow the log lines of jobs and tools."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from luajobs_kit.cli.engine_commands import print_json, with_port
from luajobs_kit.cli.formatting import COLOURS
from luajobs_kit.cli.shell_completion import complete_jobs
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogLine, LogQuery, LogWritten, Resync
from luajobs_kit.port import Port
from luajobs_kit.presentation import LEVEL_TONES, clean

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MISSED = 200  # lines asked for at once after a loss
_RANK = {level: rank for rank, level in enumerate(LEVEL_TONES)}


@click.command()
@click.option("--type", "source", help="job, skill, … (default: all).")
@click.option(
    "--name", help="Only lines of the job or tool of this name.", shell_complete=complete_jobs
)
@click.option("--user", "--user-id", "user_id", help="Only lines of this user.")
@click.option("--level", type=click.Choice(list(LEVEL_TONES)), help="And above.")
@click.option("--grep", metavar="TEXT", help="Only lines with these words.")
@click.option("--since", metavar="T", help="Only lines since 15m, 2h, 1d or an ISO time.")
@click.option("--limit", default=20, show_default=True, help="How many, the newest.")
@click.option("--page", type=click.IntRange(1), default=1, help="Page, from 1 (newest).")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until interrupted.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs, a line each with -f."
)
@with_port
async def logs(
    port: Port, /, *, follow: bool, as_json: bool, since: str | None, **given: Any
) -> None:
    """Print log lines, oldest of the newest first."""
    status = await port.status()
    query = LogQuery(since=_moment(since, status.now) if since else None, **given)
    if not follow:
        page = await port.logs(query)
        if as_json:
            print_json(page.to_json())
        for line in [] if as_json else reversed(page.logs):
            show(line)
        if not as_json and not page.logs:
            click.echo("No log lines match.", err=True)
            if query.name and query.source in {None, "job"}:
                await port.find_job(query.name)  # raises with the names that are close
        return
    await _follow(port, query, as_json=as_json)


async def _follow(port: Port, query: LogQuery, *, as_json: bool) -> None:
    """Print what ``query`` finds, then each new line once, until the engine is stopped."""
    news = port.events()  # before reading, so that no line falls in between
    last = (await port.logs(LogQuery(limit=1))).logs
    newest = last[0].seq if last else 0  # of the lines that are printed, or are none of these
    for line in reversed((await port.logs(query)).logs):
        newest = max(newest, line.seq)
        _print(line, as_json=as_json)
    async for event in news:
        if isinstance(event, LogWritten) and event.line.seq > newest:
            newest = event.line.seq
            if _wanted(event.line, query):
                _print(event.line, as_json=as_json)
        elif isinstance(event, Resync):  # the engine was lost, or we fell behind: lines were missed
            while missed := (
                await port.logs(query.evolve(after=newest, page=1, limit=_MISSED))
            ).logs:
                for line in missed:
                    newest = line.seq
                    _print(line, as_json=as_json)
    click.echo("The engine has ended.", err=True)


def show(line: LogLine) -> None:
    """Print one line for people."""
    stamp = click.style(line.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3], fg="bright_black")
    name = clean(line.metadata.primitive_name or line.metadata.tool_name or "-")
    level = click.style(f"{line.sub_type:<5}", fg=COLOURS[LEVEL_TONES[line.sub_type]])
    click.echo(f"{stamp} {level} {click.style(name, fg='cyan')}  {clean(line.message)}")


def _print(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        print_json(line.model_dump(mode="json", by_alias=True, exclude_none=True), indent=None)
    else:
        show(line)


def _wanted(line: LogLine, query: LogQuery) -> bool:
    source = line.metadata
    return (
        (query.source in {None, "all", source.log_source})
        and (query.name in {None, source.primitive_name, source.tool_name})
        and (query.user_id in {None, source.user_id})
        and (query.level is None or _RANK[line.sub_type] >= _RANK[query.level])
        and all(word in line.message.lower() for word in (query.grep or "").lower().split())
    )


def _moment(text: str, now: datetime) -> datetime:
    unit = _UNITS.get(text[-1:])
    try:
        if unit and text[:-1].isdecimal():
            return now - timedelta(seconds=int(text[:-1]) * unit)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # the calendar begins with the year 1
        raise InvalidInput(
            f"--since {text!r}: write 15m, 2h, 1d, or a time such as 2026-01-31T09:00."
        ) from None
