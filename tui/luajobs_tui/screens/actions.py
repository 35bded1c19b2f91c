"""What the keys ask of the engine. Nothing is decided here: the engine answers or refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from textual import work
from textual.screen import Screen

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.model import Job
from luajobs_kit.port import Port
from luajobs_tui.messages import Answered, Refused
from luajobs_tui.screens.confirm import Confirm
from luajobs_tui.screens.create import CreateJob
from luajobs_tui.state import MonitorState

T = TypeVar("T")


class JobActions(Screen[None]):
    """A screen with a selected job, and the verbs on it."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        self.port = port
        self.state = MonitorState()

    @work(group="asking", exit_on_error=False)
    async def ask(self, request: Callable[[], Awaitable[T]], said: Callable[[T], str]) -> None:
        """Ask the engine; its answer, or its refusal, comes as a message."""
        try:
            answer = await request()
        except LuaJobsError as problem:
            self.post_message(Refused(problem.message))
        except Exception as problem:  # noqa: BLE001 - whatever a connection does, a line says it
            self.post_message(Refused(f"{type(problem).__name__}: {problem}"))
        else:
            self.post_message(Answered(said(answer)))

    def job(self) -> Job | None:
        """Return the selected job, or say that there is none."""
        job = self.state.selected
        if job is None:
            self.post_message(Refused("No job is selected."))
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

    def action_delete(self) -> None:
        if job := self.job():
            versions = len(job.versions)
            effect = (
                f"It has {versions} versions, so it is switched off and hidden; "
                "creating it again brings it back."
                if versions > 1
                else "What waits to run again is cancelled. Its history stays."
            )

            def answered(sure: bool | None) -> None:  # noqa: FBT001 - a dialog's answer
                if sure:
                    self.ask(lambda: self.port.delete_job(job.id), lambda gone: gone.message)

            self.app.push_screen(Confirm(f"Delete {job.name}?", effect, "Delete"), answered)

    def action_cancel(self) -> None:
        """Cancel the execution under the cursor, or else the newest that is not finished."""
        job = self.job()
        if job is None:
            return
        run = self.chosen_execution()
        if run is None or run.finished:
            run = job.last_execution
        if run is None or run.finished:
            self.post_message(Refused(f"Nothing of {job.name} is running or waiting."))
            return
        self.ask(
            lambda: self.port.cancel_execution(run.id),
            lambda now: f"The execution of {job.name} is {now.status}.",
        )

    def chosen_execution(self) -> Any:
        """Return the execution under the cursor, where executions are shown."""
        return None

    def action_create(self) -> None:
        def made(job: Job | None) -> None:
            if job is not None:
                self.job_made(job)

        self.app.push_screen(CreateJob(self.port, self.state.now), made)

    def job_made(self, job: Job) -> None:
        """Go to a job that was just created here."""
