"""``luajobs simulate``: the coming days, run in seconds on a copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click

from luajobs_kit.api.simulation import describe_change, end_of, left_out
from luajobs_kit.cli.engine_commands import as_json, print_json, with_port
from luajobs_kit.cli.formatting import clock, mark, milliseconds, table
from luajobs_kit.cli.json_input import read_object
from luajobs_kit.cli.progress import waiting
from luajobs_kit.cli.shell_completion import complete_jobs
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Simulation
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean
from luajobs_kit.timing import describe_count

FIRST: Final = 40  # runs, messages and changes that are printed; of runs, also those gone wrong
RESPONSES: Final = '{"tools.weather": {"degrees": 3}}'  # an example
WIDTH: Final = 72  # characters of a message or a change


@click.command()
@click.option("--days", type=float, help="How far ahead, at most 366.  [default: 7]")
@click.option("--until", metavar="TIME", help="Or to when, such as 2026-12-24T18:00 (local time).")
@click.option("--name", help="Only this job's schedule.", shell_complete=complete_jobs)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same answer.")
@click.option(
    "--max-fires", default=1_000, show_default=True, help="End after so many, at most 10000."
)
@click.option(
    "--responses", metavar="JSON", help='Answers, as {"GET https://x/*": {…}, "tools.y": …}.'
)
@click.option("--all", "every", is_flag=True, help="Print everything, however much.")
@as_json
@with_port
async def simulate(
    port: Port,
    /,
    *,
    days: float | None,
    until: str | None,
    name: str | None,
    seed: int,
    max_fires: int,
    responses: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """Run every fire of the coming days in virtual time; nothing real changes."""
    end = _end(days, until, (await port.status()).now)
    job = await port.find_job(name) if name else None
    async with waiting(f"Simulating until {clock(end)}"):
        found = await port.simulate(
            end,
            job_id=job.id if job else None,
            seed=seed,
            responses=read_object(responses, "--responses", RESPONSES)
            if responses is not None
            else None,
            max_fires=max_fires,
        )
    if as_json:
        print_json(found.to_json())
    else:
        _show(found, every=every)


def _end(days: float | None, until: str | None, now: datetime) -> datetime:
    if until is None:
        return end_of(None, {"days": days}, now)
    if days is not None:
        raise InvalidInput("Give --until or --days, not both.")
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        raise InvalidInput(f"--until {until!r}: write a time such as 2026-12-24T18:00.") from None
    return end_of(moment, {}, now)


def _show(found: Simulation, *, every: bool) -> None:
    if not found.executions:
        click.echo(f"Nothing fires until {clock(found.end)}.")
        _say_left_out(found)
        return
    shown = [
        run
        for number, run in enumerate(found.executions)
        if every or number < FIRST or run.status != "completed"
    ]
    table(
        ["DUE", "JOB", "STATUS", "TOOK", "TRIES", ""],
        [
            [
                clock(run.fire_time),
                run.job_name,
                mark(run.status),
                milliseconds(run.duration),
                str(len(run.attempts)),
                _short(f"{run.error.type}: {run.error.message}") if run.error else "",
            ]
            for run in shown
        ],
    )
    _say_more(len(found.executions) - len(shown), "that completed")
    _list(
        ["SENT", "TO", "FROM", "MESSAGE"],
        [
            [clock(sent.created_at), sent.user_id, sent.job_name or "-", _short(sent.text)]
            for sent in found.messages
        ],
        every=every,
    )
    _list(
        ["COLLECTION", "ENTRY", "", "DATA"],
        [
            [_short(change.collection), _short(change.id), *map(_short, describe_change(change))]
            for change in found.changes
        ],
        every=every,
    )
    _sum_up(found)


def _list(head: Sequence[str], rows: Sequence[Sequence[str]], *, every: bool) -> None:
    if rows:
        click.echo()
        shown = rows if every else rows[:FIRST]
        table(head, shown)
        _say_more(len(rows) - len(shown), "")


def _say_more(left: int, what: str) -> None:
    if left:
        click.echo(f"… and {left} more {what}".rstrip() + " (--all)")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return clean(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…")


def _sum_up(found: Simulation) -> None:
    statuses = Counter(run.status for run in found.executions)
    counted = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    click.echo()
    click.echo(f"{clock(found.start)} to {clock(found.end)}: {counted}")
    skipped = sum(event.count for event in found.skipped)
    click.echo(
        f"{describe_count(skipped)} fires not run, {len(found.messages)} messages, "
        f"{len(found.changes)} entries changed"
    )
    _say_left_out(found)
    for request in sorted(set(found.refused)):
        click.echo(f"refused: {_short(request)} (give it an answer with --responses)")
    if found.stopped:
        click.secho(f"Ended early, {found.stopped}.", fg="yellow")


def _say_left_out(found: Simulation) -> None:
    if found.left_out:
        click.echo(clean(left_out(found)))
