"""The panel as plain HTML: for saved notebooks, GitHub and whatever runs no widgets."""

from __future__ import annotations

from html import escape

from luajobs_kit.live.live_state import LiveState
from luajobs_kit.model import Job, OnceSchedule
from luajobs_kit.presentation import JOB_COLUMNS, error_line, short_user, status_text
from luajobs_kit.widgets.json_rows import job_row

ROWS = 50  # jobs


def picture(state: LiveState, place: str) -> str:
    """Return how things stood, and when."""
    with state.lock:
        jobs = list(state.jobs.values())[::-1]
        now = state.now().astimezone()
        why = state.why
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in JOB_COLUMNS)
    body = "".join(f"<tr>{''.join(_cells(job))}</tr>" for job in jobs[:ROWS])
    counts = f"{len(jobs)} job{'s' * (len(jobs) != 1)}"
    if len(jobs) > ROWS:
        counts += f", the newest {ROWS} shown"
    note = f"{counts} in {place} on {now:%Y-%m-%d at %H:%M:%S %Z}. Run the cell for a live panel."
    if why is not None:
        note = f"The engine of {place} did not answer: {why}"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if jobs else ""
    return f"{table}<p><em>{escape(note)}</em></p>"


def _cells(job: Job) -> list[str]:
    row = job_row(job)
    schedule = job.active_version.schedule if job.active_version else None
    when = row["schedule"]
    if isinstance(schedule, OnceSchedule):
        when = f"once, {schedule.execute_at.astimezone():%Y-%m-%d %H:%M:%S}"
    upcoming = (
        f"{job.next_run_at.astimezone():%Y-%m-%d %H:%M:%S}" if job.next_run_at else job.note or "—"
    )
    run = job.last_execution
    last = "not yet run" if run is None else status_text(run.status)
    if run is not None and run.error is not None:
        last += f": {error_line(run.error)}"
    shown = (
        status_text(job.status),
        job.name,
        short_user(job.user_id) or "—",
        when,
        upcoming,
        last,
    )
    return [f'<td style="text-align:left">{escape(text[:200])}</td>' for text in shown]
