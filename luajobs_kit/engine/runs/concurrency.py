"""The places for attempts: so many work at once, as the workspace's setting says now.

Places are given in turn, user by user, and job by job within a user; of one job's runs the oldest
comes first. So whoever asks for many waits behind its own runs, not others behind them. Runs that
take long would hold all places all the same. So the last quarter of them (two of eight) is for jobs
that hold none yet; and where there are several users, none holds more than three quarters.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from luajobs_kit.engine.runs.activity import Activity

Turn = tuple[str | None, str]
"""Whose a place is, or is to be: a user (None: the agent's own jobs) and a job."""


class Places:
    """``most`` says how many there are, ``users`` how many users the workspace has.

    Who waits for one is not active: in virtual time the code of those who hold the places may
    sleep, and time must go on for them to leave.
    """

    def __init__(
        self, most: Callable[[], int], users: Callable[[], int], activity: Activity
    ) -> None:
        self._most = most
        self._users = users
        self._activity = activity
        self._held_by_job: Counter[str] = Counter()
        self._held_by_user: Counter[str | None] = Counter()
        self._waiting: dict[str | None, dict[str, deque[asyncio.Future[None]]]] = {}
        """Who waits, by user and job: both in the order of their turns, runs in that of asking."""

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        runs = (
            waits for jobs in self._waiting.values() for runs in jobs.values() for waits in runs
        )
        return sum(not waits.done() for waits in runs)

    @asynccontextmanager
    async def place(self, user_id: str | None, job_id: str) -> AsyncIterator[None]:
        """Hold a place inside the block; asked for by a run that is active."""
        turn = (user_id, job_id)
        await self._take(turn)
        try:
            yield
        finally:
            self._leave(turn)

    def give(self) -> None:
        """Hand out what is free: a place was left or asked for, or there are more than before."""
        while (turn := self._next_turn()) is not None:
            waits = self._pop(turn)
            if not waits.done():  # else its run was stopped
                self._count(turn, 1)
                self._activity.wake()  # at once, before time can move on
                waits.set_result(None)

    async def _take(self, turn: Turn) -> None:
        user_id, job_id = turn
        waits = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, {}).setdefault(job_id, deque()).append(waits)
        self._activity.rest()
        self.give()
        try:
            await waits
        except asyncio.CancelledError:
            if waits.cancelled():
                self._activity.wake()  # to record its end
            else:
                self._leave(turn)
            raise

    def _leave(self, turn: Turn) -> None:
        self._count(turn, -1)
        self.give()

    def _next_turn(self) -> Turn | None:
        """Return who is next of those that may have a place; None where nobody may have one."""
        most = self._most()
        free = most - self._held_by_job.total()
        if free <= 0:
            return None
        is_for_all = free > most // 4
        shared = not is_for_all and self._users() > 1
        for user_id, jobs in self._waiting.items():
            if shared and self._held_by_user[user_id] >= most - most // 4:
                continue
            for job_id in jobs:
                if is_for_all or not self._held_by_job[job_id]:
                    return user_id, job_id
        return None

    def _pop(self, turn: Turn) -> asyncio.Future[None]:
        """Take the oldest waiting run of that turn out, and put user and job last."""
        user_id, job_id = turn
        jobs = self._waiting.pop(user_id)
        runs = jobs.pop(job_id)
        oldest = runs.popleft()
        if runs:
            jobs[job_id] = runs
        if jobs:
            self._waiting[user_id] = jobs
        return oldest

    def _count(self, turn: Turn, change: int) -> None:
        user_id, job_id = turn
        self._held_by_user[user_id] += change
        self._held_by_job[job_id] += change
        if not self._held_by_job[job_id]:
            del self._held_by_job[job_id]
