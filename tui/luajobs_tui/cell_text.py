"""Values as the screen's words and signs: a ``TonedText`` each, without a widget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, set_cell_size

from luajobs_kit.model import (
    CronSchedule,
    Execution,
    IntervalSchedule,
    Job,
    JobVersion,
    OnceSchedule,
    Schedule,
)
from luajobs_kit.presentation import (
    Tone,
    age,
    clean,
    countdown,
    length,
    percent,
    short_user,
    status_text,
    status_tone,
    took,
)
from luajobs_kit.timing import describe_kept


@dataclass(frozen=True, slots=True)
class TonedText:
    """A short text, and what colour means it."""

    text: str
    tone: Tone = "plain"


NOTHING: Final = TonedText("—", "dim")

CAUSES: Final = {"schedule": "schedule", "catch_up": "catch-up", "manual": "manual"}


def status(word: str) -> TonedText:
    """Return a job's or an execution's status, in its colour."""
    return TonedText(status_text(word), status_tone(word))


def moment(when: datetime, now: datetime) -> str:
    """Return a moment in the reader's own zone, no longer than its distance asks for."""
    local, today = when.astimezone(), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    if abs(when - now) < timedelta(days=7):
        return f"{local:%a %H:%M}"
    return f"{local:%d %b %Y}" if local.year != today.year else f"{local:%d %b %H:%M}"


def next_fire(job: Job, now: datetime) -> TonedText:
    """Return the countdown and the clock time, ``3m 05s · 14:08:05``, or why there is none."""
    when = job.next_run_at
    if when is None:
        return TonedText(job.note, "warn") if job.note else NOTHING
    left, local = when - now, when.astimezone()
    if left <= timedelta(0):
        return TonedText(f"due · {local:%H:%M:%S}", "live")
    shown = countdown(left)
    left += timedelta(seconds=0.999)  # likewise rounded up
    if left < timedelta(hours=1):
        at = f"{local:%H:%M:%S}"
    elif left < timedelta(days=1):
        at = f"{local:%H:%M}"
    else:
        at = moment(when, now)
    if left.days >= 7:
        shown = f"{left.days}d"
    return TonedText(f"{shown} · {at}", "live" if left <= timedelta(seconds=11) else "plain")


def last_outcome(job: Job, now: datetime) -> TonedText:
    """Return how the newest execution stands: ``✓ 120ms · 3m ago``."""
    run = job.last_execution
    if run is None:
        return TonedText("not yet run", "dim")
    said = status(run.status)
    if not run.finished:
        if run.next_attempt_at is not None and run.status == "pending":
            return TonedText(f"↻ retry in {countdown(run.next_attempt_at - now)}", "warn")
        since = run.attempts[-1].started_at if run.attempts else run.created_at
        if run.progress is not None:
            return TonedText(
                f"{said.text[0]} {percent(run.progress)} {length(now - since)}", said.tone
            )
        return TonedText(f"{said.text} {length(now - since)}", said.tone)
    ended = run.completed_at or run.created_at
    return TonedText(f"{said.text[0]} {took(run.duration)} · {age(ended, now)}", said.tone)


def lateness(run: Execution) -> TonedText:
    if run.lateness is None:
        return NOTHING
    return TonedText(f"+{length(run.lateness)}", "warn")


def user(user_id: str | None) -> TonedText:
    """Return whose job it is; a pre-defined one has no user."""
    return TonedText(short_user(user_id)) if user_id else NOTHING


def schedule_of(job: Job) -> Schedule | None:
    return job.active_version.schedule if job.active_version else None


def short_schedule(version: JobVersion | None, now: datetime) -> str:
    """Return the schedule in few words, for a table: ``every 30s``, ``every Mon at 08:00``."""
    match version.schedule if version else None:
        case OnceSchedule() as once:
            return f"once {moment(once.execute_at, now)}"
        case IntervalSchedule() as interval:
            return _short_interval(interval.seconds)
        case CronSchedule() as cron:
            return _short_cron(cron)
        case _:
            return "—"


def _short_interval(seconds: float) -> str:
    if seconds < 60:
        return f"every {seconds:g}s"
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    rest, parts = round(seconds), []
    for unit, size in units:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return f"every {' '.join(parts[:2])}"


@lru_cache(maxsize=2_048)  # the table asks again at every change of a row
def _short_cron(schedule: CronSchedule) -> str:
    words = describe_kept(schedule).removesuffix(", UTC").removesuffix(" time")
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        words = words.replace(day, day[:3])
    return words


def clip(text: str, width: int) -> str:
    """Return the text in at most ``width`` cells, with … where it was cut."""
    if width <= 0:
        return ""
    text = " ".join(clean(text).split())
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def clip_left(text: str, width: int) -> str:
    """Return the end of a text (a path's) in at most ``width`` cells."""
    if cell_len(text) <= width:
        return text
    return "…" + text[-(width - 1) :] if width > 1 else "…"
