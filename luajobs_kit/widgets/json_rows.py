"""Documents as the browser is given them: small, plain, times in ms since 1970."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from luajobs_kit.model import Execution, Job, LogLine, Message, OnceSchedule
from luajobs_kit.model.schedule import CronSchedule, IntervalSchedule
from luajobs_kit.presentation import (
    SIGNS,
    error_line,
    length,
    percent,
    progress_words,
    short_user,
    took,
)
from luajobs_kit.timing import describe_kept

LONGEST: Final = 4_000  # characters of one text


def job_row(job: Job) -> dict[str, Any]:
    schedule = job.active_version.schedule if job.active_version else None
    return {
        "id": job.id,
        "name": job.name,
        "user": short_user(job.user_id),
        "status": job.status,
        "sign": SIGNS[job.status],
        "note": clip(job.note or ""),
        "schedule": _words(schedule) if schedule else "",
        "once": ms(schedule.execute_at) if isinstance(schedule, OnceSchedule) else None,
        "next": ms(job.next_run_at),
        "created": ms(job.created_at),
        "last": run_row(job.last_execution) if job.last_execution else None,
    }


def run_row(run: Execution) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status.replace("_", " "),
        "sign": SIGNS[run.status],
        "cause": run.cause.replace("_", "-"),
        "begun": ms(run.started_at or run.created_at),
        "ended": ms(run.completed_at) if run.finished else None,
        "ms": run.duration,
        "took": "" if run.duration is None else took(run.duration),
        "late": length(run.lateness) if run.lateness else "",
        "attempts": len(run.attempts),
        "retry": ms(run.next_attempt_at),
        "error": clip(error_line(run.error)) if run.error else None,
        "done": percent(run.progress) if run.progress and not run.finished else "",
        "progress": progress_words(run.progress, None if run.finished else run.started_at)
        if run.progress
        else "",
    }


def line_row(line: LogLine) -> list[Any]:
    return [line.seq, ms(line.timestamp), line.sub_type, clip(line.message)]


def message_row(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "user": short_user(message.user_id),
        "job": message.job_name,
        "at": ms(message.created_at),
        "text": clip(message.text),
    }


def clip(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000)


@lru_cache(maxsize=2_048)  # asked again at every change of a row
def _words(schedule: OnceSchedule | IntervalSchedule | CronSchedule) -> str:
    # Of a once-schedule the browser says when, in its reader's zone.
    return "once" if isinstance(schedule, OnceSchedule) else describe_kept(schedule)
