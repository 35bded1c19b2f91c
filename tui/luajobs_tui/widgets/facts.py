"""When a job runs, how, and with what metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from luajobs_kit.model import IntervalSchedule, Job, OnceSchedule, Retry, Schedule
from luajobs_kit.timing import describe
from luajobs_tui.formatting import clean, length
from luajobs_tui.theme import style


class Facts(VerticalScroll):
    """The schedule in words, its next fires, the rules of a run, the metadata."""

    def __init__(self) -> None:
        super().__init__(id="facts-view")
        self._content = Static(id="facts")
        self._shown = Text()

    def compose(self) -> ComposeResult:
        yield self._content

    def show(self, job: Job, fires: Sequence[datetime], now: datetime) -> None:
        version = job.active_version
        if version is None:
            return
        app, dim = self.app, style(self.app, "dim")
        schedule = version.schedule
        written = Text.assemble(
            (" schedule   ", dim), (_in_words(job), style(app, "plain", bold=True))
        )
        written.append("\n next fires ", dim)
        if not fires:
            written.append("none", dim)
        there = _zone(schedule)
        for number, fire in enumerate(fires):
            local = fire.astimezone()
            pad = "" if number == 0 else "\n            "
            written.append(f"{pad}{local:%a %d %b %H:%M:%S} {local.tzname() or ''}")
            if there is not None and fire.astimezone(there).utcoffset() != local.utcoffset():
                city = str(there).rpartition("/")[2].replace("_", " ")
                written.append(f" ({fire.astimezone(there):%a %H:%M} {city})", dim)
            written.append(
                f"  in {length(fire - now)}", style(app, "live" if number == 0 else "dim")
            )
        if fires and job.next_run_at is None:
            written.append(
                f"\n            not while it is {job.status}: a switches it on", style(app, "warn")
            )
        written.append("\n a run      ", dim).append(f"at most {length(version.timeout)}")
        written.append(f" · {_retry(version.retry)}")
        if not isinstance(schedule, OnceSchedule):
            written.append(f" · on overlap {version.overlap} · catch up {version.catch_up}")
        if job.skipped_fires:
            written.append(f"\n skipped    {job.skipped_fires} fires", style(app, "warn"))
        if job.note:
            written.append(f"\n note       {clean(job.note)}", style(app, "warn"))
        if job.description or version.description:
            about = job.description or version.description or ""
            written.append("\n about      ", dim).append(clean(about))
        written.append("\n metadata   ", dim)
        shown = json.dumps(job.metadata, indent=2, ensure_ascii=False) if job.metadata else "none"
        written.append(clean(shown).replace("\n", "\n            "), None if job.metadata else dim)
        written.append("\n id         ", dim).append(job.id, dim)
        if written != self._shown:
            self._shown = written
            self._content.update(written)


def _zone(schedule: Schedule) -> ZoneInfo | None:
    """Return the zone the schedule was written in, where it was written in one."""
    name = None if isinstance(schedule, IntervalSchedule) else schedule.timezone
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # known to the engine's machine, not to this one
        return None


def _in_words(job: Job) -> str:
    version = job.active_version
    assert version is not None
    # Once-schedules are told by their own time; how far off it is stands with the fires.
    if isinstance(version.schedule, OnceSchedule):
        when = version.schedule.execute_at.astimezone()
        return f"once, {when:%a %d %b %Y %H:%M:%S} {when.tzname() or ''}"
    return describe(version.schedule)


def _retry(retry: Retry) -> str:
    if not retry.max_attempts:
        return "no retries"
    noun = "retry" if retry.max_attempts == 1 else "retries"
    return f"{retry.max_attempts} {noun}, {retry.backoff_seconds:g}s {retry.backoff}"
