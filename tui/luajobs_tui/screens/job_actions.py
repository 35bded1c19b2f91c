"""Requests to the engine, by keys. Nothing is decided here: the engine answers or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from textual import work
from textual.screen import Screen

from luajobs_kit.errors import LuaJobsError, NotFound
from luajobs_kit.model import Execution, ExecutionStatus, Job
from luajobs_kit.port import Port
from luajobs_tui.messages import RequestAnswered, RequestRefused
from luajobs_tui.monitor_state import MonitorState
from luajobs_tui.screens.confirm import Confirm
from luajobs_tui.screens.create import CreateJob

T = TypeVar("T")

UNFINISHED: Final[tuple[ExecutionStatus, ...]] = ("pending", "running")


class JobActions(Screen[None]):
    """A screen with a selected job, and the verbs on it."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        self.port = port
        self.state = MonitorState()
        self._asking = asyncio.Lock()

    @work(group="asking", exit_on_error=False)
    async def ask(
        self,
        request: Callable[[], Awaitable[T]],
        said: Callable[[T], str],
        *,
        shown: Callable[[], bool] = lambda: True,
    ) -> None:
        """Ask the engine; its answer, or its refusal, comes as a message.

        One request at a time, in the order of the keys. The next key waits for this one until
        ``shown`` holds of the screen.
        """
        try:
            async with self._asking:
                answer = await request()
        except LuaJobsError as problem:
            self.post_message(RequestRefused(problem.message))
        except Exception as problem:  # noqa: BLE001 - whatever a connection does, a line says it
            self.post_message(RequestRefused(f"{type(problem).__name__}: {problem}"))
        else:
            self.post_message(RequestAnswered(said(answer)))
            await self.until(shown)

    async def until(self, shown: Callable[[], bool]) -> None:
        """Wait until this holds of the screen, but not for long."""
        raise NotImplementedError

    def under_cursor(self) -> Job | None:
        """Return the job that the cursor is on at this moment."""
        raise NotImplementedError

    def job(self) -> Job | None:
        """Return the job under the cursor, or say that there is none."""
        job = self.under_cursor()
        if job is None:
            self.post_message(RequestRefused("No job is selected."))
        return job

    def action_run(self) -> None:
        if job := self.job():
            self.ask(
                lambda: self.port.trigger_job(job.id), lambda _: f"{job.name} was told to run."
            )

    def action_activate(self) -> None:
        if job := self.job():
            self.ask(
                lambda: self.port.activate_job(job.id), lambda now: f"{job.name} is {now.status}."
            )

    def action_deactivate(self) -> None:
        if job := self.job():
            self.ask(
                lambda: self.port.deactivate_job(job.id),
                lambda now: f"{job.name} is {now.status}{now.cancelled_in_words}.",
            )

    async def action_delete(self) -> None:
        if job := self.job():
            versions = len(job.versions)
            effect = (
                f"It has {versions} versions, so it is deactivated and hidden; "
                "creating it again brings it back."
                if versions > 1
                else "What waits to run again is cancelled. Its history stays."
            )

            def answered(sure: bool | None) -> None:  # noqa: FBT001 - a dialog's answer
                if sure:
                    self.ask(
                        lambda: self.port.delete_job(job.id),
                        lambda gone: gone.message,
                        shown=lambda: not self.shows(job),
                    )

            await self.app.push_screen(Confirm(f"Delete {job.name}?", effect, "Delete"), answered)

    def action_cancel(self) -> None:
        """Cancel the execution under the cursor, or else the newest that is not finished."""
        job = self.job()
        if job is None:
            return
        chosen = self.chosen_execution(job)

        async def cancelled() -> Execution:
            # The engine is asked which it is: a run of a moment ago may not be shown yet.
            run = chosen or await self._unfinished(job)
            if run is None:
                raise NotFound(f"Nothing of {job.name} is running or waiting.")
            return await self.port.cancel_execution(run.id)

        self.ask(cancelled, lambda now: f"The execution of {job.name} is {now.status}.")

    async def _unfinished(self, job: Job) -> Execution | None:
        newest: list[Execution] = []
        for status in UNFINISHED:
            newest += (await self.port.list_executions(job.id, status=status, limit=1)).executions
        return max(newest, key=lambda run: run.created_at, default=None)

    def chosen_execution(self, job: Job) -> Execution | None:
        """Return the unfinished execution of the job under the cursor, where they are shown."""
        raise NotImplementedError

    def shows(self, job: Job) -> bool:
        """Return whether the table has the job."""
        raise NotImplementedError

    async def action_create(self) -> None:
        def made(job: Job | None) -> None:
            if job is not None:
                self.job_made(job)

        await self.app.push_screen(CreateJob(self.port, self.state.now), made)

    def job_made(self, job: Job) -> None:
        """Go to a job that was just created here."""
