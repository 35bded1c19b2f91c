"""``luajobs simulate``: the coming days, run in seconds on a copy."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Final

import click

from luajobs_kit.cli.asking import asks, print_json
from luajobs_kit.cli.completing import complete_jobs
from luajobs_kit.cli.tables import clock, mark, milliseconds, table
from luajobs_kit.cli.waiting import waiting
from luajobs_kit.errors import InvalidInput
from luajobs_kit.live.words import clean
from luajobs_kit.model import Simulation
from luajobs_kit.port import Port

FIRST: Final = 40  # runs that are printed; further ones only if they do not complete


@click.command()
@click.option("--days", default=7.0, show_default=True, help="How far ahead, at most 366.")
@click.option("--name", help="Only this job's schedule.", shell_complete=complete_jobs)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same answer.")
@click.option(
    "--max-fires", default=1_000, show_default=True, help="End after so many, at most 10000."
)
@click.option(
    "--responses", metavar="JSON", help='Answers, as {"GET https://x/*": {…}, "tools.y": …}.'
)
@click.option("--all", "every", is_flag=True, help="Print every run, however many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@asks
async def simulate(
    port: Port,
    /,
    *,
    days: float,
    name: str | None,
    seed: int,
    max_fires: int,
    responses: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """Run every fire of the coming days in virtual time; nothing real changes."""
    job = await port.find_job(name) if name else None
    until = (await port.status()).now + timedelta(days=days)
    async with waiting(f"Simulating {days:g} days"):
        found = await port.simulate(
            until,
            job_id=job.id if job else None,
            seed=seed,
            responses=_answers(responses),
            max_fires=max_fires,
        )
    if as_json:
        print_json(found.to_json())
    else:
        _show(found, every=every)


def _answers(text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise InvalidInput(f"--responses is no JSON: {problem}") from None
    if not isinstance(value, dict):
        raise InvalidInput(
            '--responses must be an object, such as {"tools.weather": {"degrees": 3}}.'
        )
    return value


def _show(found: Simulation, *, every: bool) -> None:
    if not found.executions:
        click.echo(f"Nothing fires until {clock(found.end)}.")
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
                clean(f"{run.error.type}: {run.error.message}"[:60]) if run.error else "",
            ]
            for run in shown
        ],
    )
    if len(shown) < len(found.executions):
        click.echo(f"… and {len(found.executions) - len(shown)} more that completed (--all)")
    statuses = Counter(run.status for run in found.executions)
    counted = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    click.echo()
    click.echo(f"{clock(found.start)} to {clock(found.end)}: {counted or 'nothing fires'}")
    skipped = sum(event.count for event in found.skipped)
    click.echo(
        f"{skipped} fires not run, {len(found.messages)} messages, "
        f"{len(found.changes)} entries changed"
    )
    for request in sorted(set(found.refused)):
        click.echo(f"refused: {request} (give it an answer with --responses)")
    if found.stopped:
        click.secho(f"Ended early, {found.stopped}.", fg="yellow")
