"""``luajobs jobs``, of executions: run, run again, cancel, list what ran and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luajobs_kit.cli.engine_commands import as_json, print_json, with_port
from luajobs_kit.cli.formatting import clock, mark, milliseconds, table, until
from luajobs_kit.cli.job_choice import chosen_jobs, job_name, job_or_where
from luajobs_kit.cli.json_input import read_object
from luajobs_kit.cli.progress import waiting
from luajobs_kit.errors import Conflict, NotFound
from luajobs_kit.presentation import clean, progress_words

if TYPE_CHECKING:
    from luajobs_kit.model import Execution, Job
    from luajobs_kit.port import Port

wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the outcome."
)
run_metadata = click.option(
    "--metadata", metavar="JSON", help="An object laid over the job's metadata for this run alone."
)


@click.command()
@job_name
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@as_json
@with_port
async def history(port: Port, /, *, job: str, limit: int, as_json: bool) -> None:
    """List a job's executions, newest first."""
    found = await port.find_job(job)
    page = await port.list_executions(found.id, limit=limit)
    if as_json:
        print_json(page.to_json())
    else:
        print_executions(page.executions)
        click.echo(f"{len(page.executions)} of {page.total}")


@click.command()
@job_or_where
@click.option("--version", "version_id", help="A version other than the active one.")
@run_metadata
@wait_option
@as_json
@with_port
async def trigger(
    port: Port,
    /,
    *,
    job: str | None,
    where: str | None,
    yes: bool,
    version_id: str | None,
    metadata: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Run a job now, and wait until it ended, retries included."""
    given = _object(metadata)
    found = await chosen_jobs(port, job, where, verb="Run", yes=yes)
    runs = [await port.trigger_job(each.id, version_id, metadata=given) for each in found]
    await _tell_outcomes(port, runs, wait=wait, as_json=as_json, one=job is not None)


@click.command()
@click.argument("executions", metavar="EXECUTION...", nargs=-1, required=True)
@click.option("--version", "version_id", help="A version other than the one that it ran.")
@run_metadata
@wait_option
@as_json
@with_port
async def rerun(
    port: Port,
    /,
    *,
    executions: tuple[str, ...],
    version_id: str | None,
    metadata: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Run again what finished executions ran, and wait until that ended."""
    given = _object(metadata)
    for each in executions:  # all are looked at before one begins
        if not (before := await port.get_execution(each)).finished:
            raise Conflict(f"{each} of {before.job_name} is {before.status} and not over.")
    runs = [await port.rerun_execution(each, version_id, metadata=given) for each in executions]
    await _tell_outcomes(port, runs, wait=wait, as_json=as_json, one=len(runs) == 1)


@click.command()
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@as_json
@with_port
async def failed(port: Port, /, *, limit: int, as_json: bool) -> None:
    """List the executions that failed for good; luajobs jobs rerun ID... runs them again."""
    from luajobs_kit.model import FAILED  # noqa: PLC0415 - the other commands load no models

    found: list[Execution] = []
    for status in sorted(FAILED):
        found += (await port.list_executions(status=status, limit=limit)).executions
    found.sort(key=lambda run: run.created_at, reverse=True)
    if as_json:
        print_json([run.to_json() for run in found[:limit]])
    elif not found:
        click.echo("No execution failed.")
    else:
        table(
            ["EXECUTION", "JOB", "STATUS", "ENDED", "ERROR"],
            [
                [run.id, run.job_name, mark(run.status), until(run.completed_at), _remark(run)]
                for run in found[:limit]
            ],
        )


async def _tell_outcomes(
    port: Port, runs: list[Execution], *, wait: bool, as_json: bool, one: bool
) -> None:
    """Print how the runs ended, or with ``wait`` off that they began; exit with 1 for a failure."""
    for number, run in enumerate(runs):
        runs[number] = await _ended(port, run) if wait else run
        if not as_json:
            _outcome(runs[number])
    if as_json:
        print_json(runs[0].to_json() if one else [run.to_json() for run in runs])
    if any(run.finished and run.status != "completed" for run in runs):
        raise SystemExit(1)


def _object(text: str | None) -> dict[str, Any] | None:
    """Read ``--metadata``. Raises ``InvalidInput`` for what is no JSON object."""
    return None if text is None else read_object(text, "--metadata", '{"message": "hello"}')


async def _ended(port: Port, run: Execution) -> Execution:
    """Return the run once it is finished."""
    async with waiting(f"Running {clean(run.job_name)}") as bar:
        while not run.finished:
            look = 0.25 if bar.is_shown else 30.0  # seconds; a run that is over answers sooner
            run = await port.wait_execution(run.id, look)
            bar.tell(run)
    return run


@click.command()
@job_or_where
@click.option("--execution", "execution_id", metavar="ID", help="This run of JOB alone.")
@with_port
async def cancel(
    port: Port, /, *, job: str | None, where: str | None, yes: bool, execution_id: str | None
) -> None:
    """End what runs of a job, and cancel what waits; its schedule goes on."""
    for found in await chosen_jobs(port, job, where, verb="Cancel the runs of", yes=yes):
        await _cancel(port, found, execution_id)


async def _cancel(port: Port, found: Job, execution_id: str | None) -> None:
    name = clean(found.name)
    if execution_id is not None:
        run = await port.get_execution(execution_id)
        if run.job_id != found.id:
            raise NotFound(f"{execution_id} is a run of {run.job_name}, not of {found.name}.")
        if run.finished:
            click.echo(f"{execution_id} of {name} is {run.status} already.")
            return
        ended = await port.cancel_execution(execution_id)
        click.echo(f"{execution_id} of {name} is {ended.status}.")
        return
    ended_runs = await port.cancel_job(found.id)
    if not ended_runs.total:
        click.echo(f"Nothing of {name} runs or waits.")
        return
    upcoming = (await port.get_job(found.id)).next_run_at
    then = f" Its next fire is {until(upcoming)}." if upcoming else ""
    click.echo(
        f"{name}: {ended_runs.total} cancelled ({ended_runs.running} running, "
        f"{ended_runs.waiting} waiting).{then}"
    )


def print_executions(found: list[Execution]) -> None:
    """Print executions as a table."""
    table(
        ["EXECUTION", "STATUS", "STARTED", "TOOK", "CAUSE", "TRIES", ""],
        [
            [
                run.id,
                mark(run.status),
                clock(run.started_at),
                milliseconds(run.duration),
                run.cause,
                str(len(run.attempts)),
                _remark(run),
            ]
            for run in found
        ],
    )


def _remark(run: Execution) -> str:
    if run.next_attempt_at:
        return f"next attempt {until(run.next_attempt_at)}"
    if run.error:
        return clean(f"{run.error.type}: {run.error.message}".splitlines()[0][:60])
    if run.progress is not None and not run.finished:
        return progress_words(run.progress, run.attempts[-1].started_at if run.attempts else None)
    return f"{run.lateness:.0f} s late" if run.lateness else ""


def _outcome(run: Execution) -> None:
    again = f"  rerun of {run.rerun_of}" if run.rerun_of else ""
    took = milliseconds(run.duration)
    click.echo(f"{clean(run.job_name)}  {mark(run.status)}  {took}  {run.id}{again}")
    if run.progress is not None:
        click.echo(progress_words(run.progress))
    if run.result is not None:
        print_json(run.result)
    if run.error:
        where = f" ({run.error.place}: {run.error.text})" if run.error.line else ""
        click.echo(clean(f"{run.error.type}: {run.error.message}{where}"))
    if run.next_attempt_at:
        click.echo(f"next attempt {until(run.next_attempt_at)}")
