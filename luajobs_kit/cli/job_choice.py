"""The jobs that a command is about: the one it names, or all that a query means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from luajobs_kit.cli.engine_commands import confirm
from luajobs_kit.cli.shell_completion import complete_jobs
from luajobs_kit.errors import NotFound
from luajobs_kit.presentation import clean

if TYPE_CHECKING:
    from luajobs_kit.model import Job
    from luajobs_kit.port import Port

F = TypeVar("F", bound=Callable[..., Any])

NAMED: Final = 3  # jobs that a question names; of more it says how many

job_name = click.argument("job", metavar="JOB", shell_complete=complete_jobs)
where_option = click.option(
    "--where", metavar="QUERY", help="Those it means: 'status:failed user:alice'."
)


def job_or_where(command: F) -> F:
    """Give a command JOB, and ``--where`` and ``--yes`` in its place for all that a query means."""
    for decorate in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        where_option,
        click.argument("job", metavar="[JOB]", required=False, shell_complete=complete_jobs),
    ):
        command = decorate(command)
    return command


async def meant_jobs(port: Port, where: str) -> list[Job]:
    """Return the jobs that a query means, oldest first. Raises ``InvalidInput`` for what is none."""
    from luajobs_kit.model.job_query import JobQuery  # noqa: PLC0415 - most commands need no query

    query = JobQuery.parse(where)
    jobs = await port.list_jobs(include_dynamic=True)
    now = (await port.status()).now
    return [job for job in jobs if query.matches(job, now)]


async def chosen_jobs(
    port: Port, job: str | None, where: str | None, *, verb: str, yes: bool
) -> list[Job]:
    """Return the jobs that a command is about; of a query's, once its user said that they are meant.

    ``verb`` is what is to be done to them, as a question begins. Raises ``NotFound`` for none.
    """
    if (job is None) == (where is None):
        raise click.UsageError("Name one JOB, or say which ones with --where QUERY.")
    if job is not None:
        return [await port.find_job(job)]
    found = await meant_jobs(port, where or "")
    if not found:
        raise NotFound(f"No job is meant by {where!r}; luajobs jobs list shows all there are.")
    if not yes:
        names = ", ".join(clean(each.name) for each in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        confirm(f"{verb} {len(found)} {'job' if len(found) == 1 else 'jobs'} ({names}{more})?")
    return found
