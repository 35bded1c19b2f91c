"""The facts of a job: its schedule, how it is run, and its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from luajobs_kit.model import IntervalSchedule, Job, JobVersion, OnceSchedule, Retry, Schedule
from luajobs_kit.presentation import clean, length
from luajobs_kit.timing import describe_count, describe_kept
from luajobs_tui.theme import style


class Facts(VerticalScroll):
    """The schedule in words, its next fires, the rules of a run, the metadata."""

    def __init__(self) -> None:
        super().__init__(id="facts-view")
        self._content = Static(id="facts")
        self._shown: list[tuple[str, Text]] = []

    def compose(self) -> ComposeResult:
        yield self._content

    def show(self, job: Job, fires: Sequence[datetime], now: datetime) -> None:
        version = job.active_version
        dim, warn = style(self.app, "dim"), style(self.app, "warn")
        rows = self._schedule(job, version, fires, now) if version is not None else []
        if job.skipped_fires:
            rows.append(("skipped", Text(f"{describe_count(job.skipped_fires)} fires", warn)))
        if job.note:
            rows.append(("note", Text(clean(job.note), warn)))
        if job.description:
            rows.append(("about", Text(clean(job.description))))
        kept = json.dumps(job.metadata, indent=2, ensure_ascii=False) if job.metadata else "none"
        rows.append(("metadata", Text(clean(kept), "" if job.metadata else dim)))
        rows.append(("id", Text(job.id, dim)))
        if rows != self._shown:
            self._shown = rows
            page = Table.grid()
            page.add_column(width=12, style=dim)
            page.add_column(ratio=1, style=style(self.app, "plain"))
            for label, value in rows:
                page.add_row(f" {label}", value)
            self._content.update(page)

    def _schedule(
        self, job: Job, version: JobVersion, fires: Sequence[datetime], now: datetime
    ) -> list[tuple[str, Text]]:
        app, dim, warn = self.app, style(self.app, "dim"), style(self.app, "warn")
        rows = [("schedule", Text(_in_words(version), style(app, "plain", bold=True)))]
        for number, fire in enumerate(fires):
            rows.append(
                ("next fires" if number == 0 else "", self._fire(version, fire, now, number))
            )
        if not fires:
            rows.append(("next fires", Text("none", dim)))
        elif job.next_run_at is None:
            rows.append(("", Text(f"not while it is {job.status}: a activates it", warn)))
        run = f"at most {length(version.timeout)} · {_retry(version.retry)}"
        if not isinstance(version.schedule, OnceSchedule):
            run += f" · on overlap {version.overlap} · catch up {version.catch_up}"
        rows.append(("a run", Text(run)))
        return rows

    def _fire(self, version: JobVersion, fire: datetime, now: datetime, number: int) -> Text:
        app, local, there = self.app, fire.astimezone(), _zone(version.schedule)
        written = Text(f"{local:%a %d %b %H:%M:%S} {local.tzname() or ''}")
        written.append(f"  in {length(fire - now)}", style(app, "live" if number == 0 else "dim"))
        if there is not None and fire.astimezone(there).utcoffset() != local.utcoffset():
            city = str(there).rpartition("/")[2].replace("_", " ")
            written.append(f"  {fire.astimezone(there):%a %H:%M} {city}", style(app, "dim"))
        return written


def _zone(schedule: Schedule) -> ZoneInfo | None:
    """Return the zone the schedule was written in, where it was written in one."""
    name = None if isinstance(schedule, IntervalSchedule) else schedule.timezone
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # known to the engine's machine, not to this one
        return None


def _in_words(version: JobVersion) -> str:
    # Once-schedules are told by their own time; how far off it is stands with the fires.
    if isinstance(version.schedule, OnceSchedule):
        when = version.schedule.execute_at.astimezone()
        return f"once, {when:%a %d %b %Y %H:%M:%S} {when.tzname() or ''}"
    return describe_kept(version.schedule)


def _retry(retry: Retry) -> str:
    if not retry.max_attempts:
        return "no retries"
    noun = "retry" if retry.max_attempts == 1 else "retries"
    return f"{retry.max_attempts} {noun}, {retry.backoff_seconds:g}s {retry.backoff}"
