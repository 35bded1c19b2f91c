"""Watermarks that were lost or cannot be true: found, reported, and set again at a start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from luajobs_kit.engine.jobs.view import active_version, why_it_cannot_fire
from luajobs_kit.engine.schedule.firing import Counts, Firing, Rearming
from luajobs_kit.engine.state import State
from luajobs_kit.model import JobRecord, OnceSchedule
from luajobs_kit.timing import next_fire
from luajobs_kit.timing.durations import describe_length

WRONG_AFTER: Final = timedelta(days=1)
"""A watermark further ahead of the clock is set again at a start: the job would not fire for days."""
REPORTED_AFTER: Final = timedelta(minutes=1)  # ahead of the clock; clocks often move a little

MOST_NAMED: Final = 5  # jobs that one finding names


class Watermarks:
    """The checks of all watermarks: when the engine starts, and for the doctor."""

    def __init__(self, state: State, firing: Firing) -> None:
        self._state = state
        self._firing = firing
        self._lost: list[str] = []  # jobs whose watermarks were lost
        self._wrong: list[str] = []  # jobs whose watermarks could not be true
        self._findings: dict[str, str] = {}  # the finding of either kind
        self._put_back = ""  # in words, how the clock was put back since the engine started

    async def mend(self, record: JobRecord) -> None:
        """Have the job's schedule count from now if its watermark is lost or cannot be true."""
        if record.id not in self._state.fires:
            await self._count_from_now(record)
            return
        until = self._held_back_until(record)
        now = self._state.clock.now()
        if until is None or until - now <= WRONG_AFTER:
            return
        # A new arming, as by activate(): within one arming a watermark never goes back.
        await self._firing.keep(Rearming(record, Counts.ANEW))
        self._state.log(
            f"Its fires up to {until.isoformat(timespec='seconds')} counted as dealt with, days ahead "
            "of the clock; from now on the schedule counts anew.",
            level="warn",
            job=(record.id, record.name),
            user_id=record.user_id,
        )
        self._wrong.append(record.name)
        self._replace_finding(
            "wrong",
            f"The clock was days ahead when {_named(self._wrong)} last fired, or was made, or the "
            "record of it is damaged; until then nothing would have fired. Now the schedule counts "
            "from this start.",
        )

    def note_put_back(self, by: timedelta) -> None:
        """Note for the doctor that the clock was put back."""
        self._put_back = (
            f"The clock was put back by {describe_length(by)} while the engine ran, to "
            f"{self._state.clock.now().isoformat(timespec='seconds')}. What waits for a retry, or by "
            "its jitter, waits no longer for that. "
        )

    def ahead(self) -> str | None:
        """Return how the clock was put back, and which jobs do not fire until then; None if neither."""
        names, last = [], None
        for record in self._state.store.definitions.jobs():
            until = self._held_back_until(record)
            if until is not None:
                names.append(record.name)
                last = until if last is None else max(last, until)
        if last is None:
            return self._put_back.rstrip() or None
        return (
            f"{self._put_back}The clock was ahead when {_named(names)} last fired, or was made, and was put back "
            f"since. What ran is not run again: nothing fires before the clock is there again, at "
            f"{last.isoformat(timespec='seconds')} at the latest. `luajobs jobs deactivate`, then "
            "`luajobs jobs activate`, lets a schedule count from now."
        )

    async def _count_from_now(self, record: JobRecord) -> None:
        """Set a new watermark for a job that has none, so that nothing is caught up."""
        now = self._state.clock.now()
        fire = self._state.fire(record)
        schedule = active_version(self._state, record).schedule
        if not isinstance(schedule, OnceSchedule):
            fire = fire.evolve(last_fire=now)
        elif schedule.execute_at <= now:
            fire = fire.evolve(last_fire=now, state="done", note="whether it ran was lost")
        await self._state.write_fire(fire)
        self._lost.append(record.name)
        self._replace_finding(
            "lost",
            f"The record of what was last run for is lost of {_named(self._lost)}; "
            "nothing is caught up, they go on with their next fires.",
        )

    def _held_back_until(self, record: JobRecord) -> datetime | None:
        """Return the watermark of a job whose next fires are before it and still to come, else None.

        A once-job is left out: it has one fire, and no later ones to hold back.
        """
        fire, now = self._state.fire(record), self._state.clock.now()
        until = max(fire.armed_at, fire.last_fire or fire.armed_at)
        if until - now <= REPORTED_AFTER or fire.state != "armed":
            return None
        if not record.active or record.deleted:
            return None
        if why_it_cannot_fire(self._state, record):
            return None
        schedule = active_version(self._state, record).schedule
        if isinstance(schedule, OnceSchedule):
            return None
        upcoming = next_fire(schedule, now, armed_at=min(now, fire.armed_at))
        return until if upcoming is not None and upcoming <= until else None

    def _replace_finding(self, kind: str, finding: str) -> None:
        """Replace the finding of this kind: one names all the jobs it is about."""
        findings = self._state.store.findings
        if self._findings.get(kind) in findings:
            findings.remove(self._findings[kind])
        self._findings[kind] = finding
        findings.append(finding)


def _named(names: Sequence[str]) -> str:
    """Return the number of the jobs and the names of the first, in words."""
    shown = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    return f"{len(names)} job(s) ({shown})"
