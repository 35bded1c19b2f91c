"""``luajobs jobs``: list, show, create, trigger, switch, delete."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from luajobs_kit.cli.engine_commands import confirm, print_json, with_port, with_session
from luajobs_kit.cli.formatting import Styled, clock, mark, milliseconds, table, until, when
from luajobs_kit.cli.job_choice import chosen_jobs, job_or_where, where_option
from luajobs_kit.cli.json_input import read_object
from luajobs_kit.cli.progress import waiting
from luajobs_kit.cli.shell_completion import complete_jobs
from luajobs_kit.client.session import EngineSession
from luajobs_kit.errors import Conflict, NotFound
from luajobs_kit.presentation import clean, progress_words

if TYPE_CHECKING:
    from luajobs_kit.model import Execution, Job, Schedule
    from luajobs_kit.port import Port

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the outcome."
)
run_metadata = click.option(
    "--metadata", metavar="JSON", help="An object laid over the job's metadata for this run alone."
)
FAILED: Final = ("failed", "timeout", "killed", "abandoned")
"""How an execution ends that failed."""

job_name = click.argument("job", metavar="JOB", shell_complete=complete_jobs)


@click.group()
def jobs() -> None:
    """Look at jobs, run them, switch them. JOB is a job's name or id."""


@jobs.command("list")
@click.option("--predefined", is_flag=True, help="Only jobs defined at an agent's set-up.")
@click.option("--all", "deleted", is_flag=True, help="Deleted jobs that are kept hidden, too.")
@where_option
@as_json
@with_session
async def list_(
    session: EngineSession, /, *, predefined: bool, deleted: bool, where: str | None, as_json: bool
) -> None:
    """List the jobs, oldest first."""
    found = await session.ask_json(
        "list_jobs", includeDynamic=not predefined, includeDeleted=deleted
    )
    count = len(found)
    if where is not None:
        found = _meant(found, where, (await session.ask_json("status"))["now"])
    if as_json:
        print_json(found)
    elif count and not found:
        click.echo(f"None of {count} jobs is meant by {clean(where or '')}.")
    elif not found:
        where = (await session.ask_json("status"))["workspace"]
        click.echo(f"No jobs yet in {where}.")
        click.echo("In a notebook: await Jobs.create(name=…, schedule=…, execute=…)")
        click.echo(
            "Or from a file: luajobs jobs create FILE.py --every 60   (luajobs demo shows more)"
        )
    else:
        table(
            ["NAME", "USER", "STATUS", "NEXT FIRE", "LAST RUN"],
            [
                [
                    job["name"],
                    job.get("userId") or "-",
                    mark(job["status"]),
                    until(_moment(job.get("nextRunAt"))),
                    _last(job.get("lastExecution")),
                ]
                for job in found
            ],
        )
        for job in found:
            if job.get("note"):
                click.echo(f"{clean(job['name'])}: {clean(job['note'])}")


@jobs.command()
@job_name
@as_json
@with_port
async def show(port: Port, /, *, job: str, as_json: bool) -> None:
    """Show one job: its schedule, versions, metadata and last runs."""
    found = await port.find_job(job)
    recent = await port.list_executions(found.id, limit=5)
    if as_json:
        print_json(found.to_json() | {"executions": [run.to_json() for run in recent.executions]})
        return
    active = found.active_version
    click.echo(f"{click.style(clean(found.name), bold=True)}  {mark(found.status)}  {found.id}")
    if found.note:
        click.echo(f"  note       {clean(found.note)}")
    if found.description:
        click.echo(f"  about      {clean(found.description)}")
    click.echo(f"  user       {clean(found.user_id or 'none (pre-defined)')}")
    if active is not None:
        click.echo(f"  schedule   {in_words(active.schedule)}")
        click.echo(f"  version    {active.version} of {len(found.versions)}")
        click.echo(f"  timeout    {active.timeout:g} s, {active.retry.max_attempts} retries")
    click.echo(f"  next fire  {when(found.next_run_at)}")
    if found.skipped_fires:
        from luajobs_kit.timing import describe_count  # noqa: PLC0415 - listing does not need it

        click.echo(
            f"  not run    {describe_count(found.skipped_fires)} (see luajobs logs --name {clean(found.name)})"
        )
    if found.metadata:
        click.echo("  metadata")
        for key, value in found.metadata.items():
            click.echo(f"    {clean(key)}: {value!r}")
    if recent.executions:
        click.echo()
        _executions(recent.executions)


@jobs.command()
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
        _executions(page.executions)
        click.echo(f"{len(page.executions)} of {page.total}")


@jobs.command()
@job_name
@as_json
@with_port
async def versions(port: Port, /, *, job: str, as_json: bool) -> None:
    """List a job's versions."""
    found = await port.find_job(job)
    if as_json:
        print_json([version.to_json() for version in found.versions])
        return
    table(
        ["", "VERSION", "ID", "SCHEDULE", "CREATED"],
        [
            [
                "▸" if version.active else " ",
                version.version,
                version.id,
                in_words(version.schedule),
                clock(version.created_at),
            ]
            for version in found.versions
        ],
    )


@jobs.command()
@job_name
@click.argument("version")
@with_port
async def publish(port: Port, /, *, job: str, version: str) -> None:
    """Make VERSION (its number or id) the active one."""
    found = await port.find_job(job)
    changed = await port.publish_version(found.id, version)
    active = changed.active_version
    cancelled = changed.cancelled_in_words
    click.echo(
        f"{clean(changed.name)} runs version {active.version if active else '?'}{cancelled}."
    )


@jobs.command()
@job_name
@click.option("--count", default=5, show_default=True)
@as_json
@with_port
async def preview(port: Port, /, *, job: str, count: int, as_json: bool) -> None:
    """Print the next times a job's schedule fires."""
    found = await port.find_job(job)
    times = await port.next_runs(found.id, count)
    if as_json:
        print_json([time.isoformat() for time in times])
    else:
        for time in times:
            click.echo(f"{clock(time)}  {until(time)}")
        if not times:
            never = found.note or "It never fires again."
            click.echo(clean(never) if found.status == "active" else f"It is {found.status}.")


@jobs.command()
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


@jobs.command()
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


@jobs.command()
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@as_json
@with_port
async def failed(port: Port, /, *, limit: int, as_json: bool) -> None:
    """List the executions that failed for good; luajobs jobs rerun ID... runs them again."""
    found: list[Execution] = []
    for status in FAILED:
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


@jobs.command()
@job_or_where
@with_port
async def activate(port: Port, /, *, job: str | None, where: str | None, yes: bool) -> None:
    """Let a job run on schedule, counting from now."""
    for found in await chosen_jobs(port, job, where, verb="Activate", yes=yes):
        changed = await port.activate_job(found.id)
        upcoming = until(changed.next_run_at)
        click.echo(f"{clean(changed.name)} is active; its next fire is {upcoming}.")


@jobs.command()
@job_or_where
@with_port
async def deactivate(port: Port, /, *, job: str | None, where: str | None, yes: bool) -> None:
    """Deactivate a job, and cancel what waits of it; what runs goes on to its end."""
    for found in await chosen_jobs(port, job, where, verb="Deactivate", yes=yes):
        changed = await port.deactivate_job(found.id)
        name, cancelled = clean(changed.name), changed.cancelled_in_words
        click.echo(
            f"{name} is inactive{cancelled}. luajobs jobs activate {name} lets it fire again."
        )


@jobs.command()
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


@jobs.command()
@job_or_where
@click.option("--force", is_flag=True, help="Really delete, with all versions.")
@with_port
async def delete(
    port: Port, /, *, job: str | None, where: str | None, yes: bool, force: bool
) -> None:
    """Delete a job; one with several versions is deactivated and hidden instead."""
    if job is None or where is not None:
        for found in await chosen_jobs(port, job, where, verb="Delete", yes=yes):
            await _delete(port, found, force=force)
        return
    found = await _to_delete(port, job, force=force)
    if not yes:
        confirm(f"Delete {clean(found.name)} ({found.id})?")
    await _delete(port, found, force=force)


async def _delete(port: Port, found: Job, *, force: bool) -> None:
    deletion = await port.delete_job(found.id, force=force)
    if deletion.deactivated:
        click.echo(
            f"{clean(found.name)} has {len(found.versions)} versions, so it was deactivated and hidden"
            f"{deletion.cancelled_in_words}. Creating it again revives it; luajobs jobs delete {found.id} --force deletes it."
        )
    else:
        click.echo(clean(deletion.message))


@jobs.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The job's name (default: the file's).")
@click.option("--every", metavar="SPAN", help="Run at an interval: 60 (seconds), 5m, 2h.")
@click.option("--cron", "expression", metavar="EXPR", help="Run by cron, such as '0 8 * * 1'.")
@click.option("--timezone", metavar="ZONE", help="The zone of --cron (default UTC).")
@click.option("--in", "after", metavar="SPAN", help="Run once, that much later: 10m.")
@click.option("--metadata", metavar="JSON", help="An object for job.metadata.")
@with_port
async def create(port: Port, /, *, file: Path, **given: Any) -> None:
    """Make a job of a function in a Python FILE."""
    from luajobs_kit.cli.job_from_file import spec_of  # noqa: PLC0415 - parsing code is not for every command

    made = await port.create_job(spec_of(file, **given))
    fires = f"; it fires {until(made.next_run_at)}" if made.next_run_at else ""
    cancelled = made.cancelled_in_words
    note = f"; {clean(made.note)}" if made.note else ""
    click.echo(f"{clean(made.name)}: {made.change}{fires}{cancelled}{note} ({made.id})")


async def _to_delete(port: Port, name: str, *, force: bool) -> Job:
    """Return the job of that name or id, with ``force`` also one that is deleted and hidden."""
    try:
        return await port.find_job(name)
    except NotFound:
        jobs = await port.list_jobs(include_dynamic=True, include_deleted=True)
        hidden = [job for job in jobs if name in {job.id, job.name}]
        if not hidden:
            raise
    if not force:
        raise NotFound(f"{name} is deleted and kept hidden; --force deletes it with all versions.")
    if len(hidden) > 1:
        ids = ", ".join(job.id for job in hidden)
        raise Conflict(f"Several hidden jobs are named {name!r}: {ids}. Use the id.")
    return hidden[0]


def in_words(schedule: Schedule) -> str:
    """Return a schedule in words."""
    from luajobs_kit.timing import describe_kept  # noqa: PLC0415 - listing does not need APScheduler

    return describe_kept(schedule)


def _meant(jobs: list[dict[str, Any]], where: str, now: str) -> list[dict[str, Any]]:
    """Return the jobs that a query means."""
    from luajobs_kit.model import Job  # noqa: PLC0415 - a plain list needs no models
    from luajobs_kit.model.job_query import JobQuery  # noqa: PLC0415 - likewise

    query, moment = JobQuery.parse(where), datetime.fromisoformat(now)
    return [job for job in jobs if query.matches(Job.model_validate(job), moment)]


def _last(run: dict[str, Any] | None) -> Styled:
    if run is None:
        return Styled("-")
    moment = run.get("completedAt") or run.get("startedAt") or run.get("createdAt")
    return Styled(f"{mark(run['status'])}  {until(_moment(moment))}")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _executions(found: list[Execution]) -> None:
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
