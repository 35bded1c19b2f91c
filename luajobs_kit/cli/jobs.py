"""``luajobs jobs``: list, show, create, switch, delete; what is about executions is beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luajobs_kit.cli.engine_commands import as_json, confirm, print_json, with_port, with_session
from luajobs_kit.cli.execution_commands import (
    cancel,
    failed,
    history,
    print_executions,
    rerun,
    trigger,
)
from luajobs_kit.cli.formatting import Styled, clock, mark, table, until, when
from luajobs_kit.cli.job_choice import chosen_jobs, job_name, job_or_where, where_option
from luajobs_kit.client.session import EngineSession
from luajobs_kit.errors import Conflict, NotFound
from luajobs_kit.presentation import clean

if TYPE_CHECKING:
    from luajobs_kit.model import Job, Schedule
    from luajobs_kit.port import Port


@click.group()
def jobs() -> None:
    """Look at jobs, run them, switch them. JOB is a job's name or id."""


for command in (history, trigger, rerun, failed, cancel):
    jobs.add_command(command)


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
        print_executions(recent.executions)


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
