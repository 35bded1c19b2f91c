"""The scheduler: APScheduler with an injected clock. It reports what is due and decides nothing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.base import STATE_RUNNING, BaseScheduler

from luajobs_kit.clock import Clock
from luajobs_kit.timing.triggers import Trigger, due_fires

MOST_FIRES: Final = 1_000
"""Fire times handed over at once for one job; older ones are only counted."""

_SLICE: Final = 500  # jobs handed over before the loop may do something else

OnDue = Callable[[str, list[datetime], int], None]
"""``on_due(job_id, fire_times, omitted)``: see ``Scheduler``."""


class Scheduler(BaseScheduler):  # type: ignore[misc]  # APScheduler ships no types
    """Calls ``on_due(job_id, fire_times, omitted)`` in the loop, when fires of a job are due.

    ``fire_times`` are in UTC, in order, at least one, and each fire is handed over once.
    Usually it is one; after an outage, a suspended machine or a clock put forward it is
    every fire that came due, however late (there is no grace) and each for itself
    (nothing is coalesced). Of more than ``keep`` the newest are handed over and
    ``omitted`` says how many older ones there were (``MOST_COUNTED + 1``: more than
    ``MOST_COUNTED``), so that no outage gives an endless list. A clock put back repeats nothing: the next fire is
    still the one after the last.

    ``on_due`` must not block; what it raises is logged, and the schedule goes on. After
    its last fire a job is removed.

    Only the clock given is asked for the time. All calls are made in the loop's thread.
    """

    def __init__(self, clock: Clock, on_due: OnDue) -> None:
        self._clock = clock
        self._timer: asyncio.Task[None] | None = None
        self._planned: datetime | None = None  # what the timer waits for
        self._asked: asyncio.Handle | None = None
        defaults = {"misfire_grace_time": None, "coalesce": False, "max_instances": 1}
        super().__init__(timezone=UTC, job_defaults=defaults)
        self._store = MemoryJobStore()
        self.add_jobstore(self._store)
        self.add_executor(_HandOver(on_due))

    def start(self) -> None:
        """Begin to hand over what is due; what is due already comes in the loop's next turn."""
        super().start()

    def shutdown(self) -> None:
        """Stop at once and forget all jobs; nothing is handed over afterwards."""
        self._plan(None)
        if self.running:
            super().shutdown(wait=False)

    def add(
        self, job_id: str, trigger: Trigger, *, next_fire: datetime, keep: int = MOST_FIRES
    ) -> None:
        """Schedule a job (again, when it is known) from ``next_fire``, an aware datetime, past or to come.

        ``keep`` bounds the fire times handed over at once; 1 is enough where missed
        fires are run once, and spares working out the others.
        """
        self.add_job(
            _stands_for_the_job,
            trigger,
            args=(keep,),
            id=job_id,
            next_run_time=next_fire.astimezone(UTC),
            replace_existing=True,
        )

    def remove(self, job_id: str) -> None:
        """Forget a job; an unknown one is none already."""
        if self.running and self._store.lookup_job(job_id) is None:
            return  # as of every job that an engine arms when it starts: an error costs more
        try:
            self.remove_job(job_id)
        except JobLookupError:
            return

    def next_wakeup(self) -> datetime | None:
        """Return when the next fire is due (in UTC), or None when no job is scheduled."""
        found: datetime | None = self._store.get_next_run_time()
        return found

    async def settle(self) -> None:
        """Return when all that is due by the clock is handed over and the next wake-up is waited for.

        For ``VirtualClock.join``: time moves on when this has returned. Whoever adds jobs
        in answer to a fire settles first, and awaits this last.
        """
        while self.state == STATE_RUNNING:
            if self._asked is not None or self._overdue():
                self._turn()
            await asyncio.sleep(0)  # the timer's task begins to wait
            if self._asked is None and not self._overdue():
                return

    def wakeup(self) -> None:
        """Look for what is due in the loop's next turn; asked often, it looks once."""
        if self._asked is None:
            self._asked = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
        if self.state != STATE_RUNNING:
            return
        self._process_jobs()
        if self._overdue():
            self.wakeup()  # after whatever else waits for its turn
        else:
            self._plan(self.next_wakeup())

    def _plan(self, when: datetime | None) -> None:
        if self._timer is not None:
            if when == self._planned:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._planned = when
            self._timer = asyncio.create_task(self._wait(when), name="luajobs scheduler")

    async def _wait(self, when: datetime) -> None:
        await self._clock.sleep_until(when)
        self._timer = None
        self._turn()

    def _overdue(self) -> bool:
        when = self.next_wakeup()
        return when is not None and when <= self._clock.now()

    def _process_jobs(self) -> None:
        # APScheduler's own asks datetime.now(), and lists every missed fire.
        now = self._clock.now()
        for job in self._store.get_due_jobs(now)[:_SLICE]:
            if self._store.lookup_job(job.id) is not job:
                continue  # removed or replaced by what an earlier one set off
            try:
                self._hand_over(job, now)
            except Exception:
                # A schedule that cannot be worked out must not hold up all others.
                self._logger.exception("job %s is no longer scheduled", job.id)
                self.remove(job.id)

    def _hand_over(self, job: Any, now: datetime) -> None:
        fires, omitted = due_fires(job.trigger, job.next_run_time, now, *job.args)
        # Before handing over: on_due may schedule the job anew.
        following = job.trigger.get_next_fire_time(fires[-1], now)
        if following is None:
            self._store.remove_job(job.id)
        else:
            job._modify(next_run_time=following)  # noqa: SLF001 - as APScheduler's own loop does
            self._store.update_job(job)
        try:
            self._lookup_executor("default").submit_job(job, (fires, omitted))
        except Exception:
            self._logger.exception("on_due failed for job %s", job.id)


class _HandOver(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no types
    """Runs nothing itself; how many runs of a job may overlap is not its business."""

    def __init__(self, on_due: OnDue) -> None:
        super().__init__()
        self._on_due = on_due

    def submit_job(self, job: Any, run_times: tuple[list[datetime], int]) -> None:
        self._do_submit_job(job, run_times)

    def _do_submit_job(self, job: Any, run_times: tuple[list[datetime], int]) -> None:
        fires, omitted = run_times
        self._on_due(job.id, fires, omitted)


def _stands_for_the_job(keep: int) -> None:
    """APScheduler wants a callable for each job; ours are run elsewhere."""


# It looks at the signature twice for each job added; so it need not be worked out each time.
_stands_for_the_job.__signature__ = inspect.signature(_stands_for_the_job)  # type: ignore[attr-defined]  # any function may have one
