"""The form that makes a job. What the engine refuses is said beside the field it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static, TextArea

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.live.job_form import TEMPLATE, Draft, field_of, typed_schedule
from luajobs_kit.model import Job
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean, length
from luajobs_kit.timing import describe
from luajobs_kit.timing.typed_schedules import EXAMPLES
from luajobs_tui.cell_text import moment
from luajobs_tui.messages import FormRefused, JobMade, SchedulePreviewed
from luajobs_tui.theme import style

FILE: Final = "<monitor>"


class CreateJob(ModalScreen[Job | None]):
    """Name, schedule, source."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close"),
        Binding("ctrl+s", "create", "Create", priority=True),
    ]

    def __init__(self, port: Port, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._port, self._now = port, now
        self._waiting = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog form") as form:
            form.border_title = "New job"
            form.border_subtitle = "ctrl+s creates · tab next field · esc closes"
            with Horizontal(classes="field"):
                yield Label("Name")
                yield Input(placeholder="daily-report", id="name", max_length=200)
            yield Static(id="name-says", classes="says")
            with Horizontal(classes="field"):
                yield Label("Schedule")
                yield Input("every 30s", placeholder=EXAMPLES, id="schedule")
            yield Static(id="schedule-says", classes="says")
            with Horizontal(classes="field"):
                yield Label("Source")
                yield Label("runs isolated; its input is job.metadata")
            yield TextArea(TEMPLATE, id="source", show_line_numbers=True, tab_behavior="indent")
            yield Static(id="source-says", classes="says")
            with Horizontal(classes="buttons"):
                yield Button("Close", id="close")
                yield Button("Create", id="create", variant="primary")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#name", Input))
        self._preview()

    # The schedule, told while it is typed

    @on(Input.Changed, "#schedule")
    def _schedule_typed(self) -> None:
        self._preview()

    @on(Input.Changed, "#name")
    def _name_typed(self) -> None:
        self._show_beside("name", "", bad=False)

    @on(TextArea.Changed, "#source")
    def _source_typed(self) -> None:
        self._show_beside("source", "", bad=False)

    def _preview(self) -> None:
        typed = self.query_one("#schedule", Input).value
        self._previewed(typed)

    @work(group="preview", exclusive=True, exit_on_error=False)
    async def _previewed(self, typed: str) -> None:
        try:
            schedule = typed_schedule(typed, self._now())
            fires = await self._port.preview(schedule, 3)
            self.post_message(SchedulePreviewed(typed, describe(schedule), fires))
        except LuaJobsError as problem:
            self.post_message(SchedulePreviewed(typed, problem=problem.message))

    def on_schedule_previewed(self, message: SchedulePreviewed) -> None:
        if message.text != self.query_one("#schedule", Input).value:
            return
        if message.problem is not None:
            self._show_beside("schedule", message.problem, bad=True)
            return
        now = self._now()
        fires = ", ".join(moment(fire, now) for fire in message.fires) or "never"
        first = f" in {length(message.fires[0] - now)}:" if message.fires else ""
        words = message.words.partition(" (")[0]
        self._show_beside("schedule", f"{words} · next{first} {fires}", bad=False)

    # Creating

    @on(Button.Pressed, "#create")
    def action_create(self) -> None:
        """Ask the engine to make the job of what is typed."""
        if self._waiting:
            return
        self._waiting = True
        name = self.query_one("#name", Input).value
        schedule = self.query_one("#schedule", Input).value
        source = self.query_one("#source", TextArea).text
        self._created(Draft(name, schedule, source, FILE))

    @work(group="creating", exit_on_error=False)
    async def _created(self, draft: Draft) -> None:
        try:
            job = await self._port.create_job(draft.spec(self._now()))
        except LuaJobsError as problem:
            self.post_message(FormRefused(problem.message, field_of(problem), problem.details))
        except Exception as problem:  # noqa: BLE001 - whatever a connection does, the form says it
            self.post_message(FormRefused(str(problem) or type(problem).__name__))
        else:
            self.post_message(JobMade(job))

    def on_job_made(self, message: JobMade) -> None:
        self.dismiss(message.job)

    def on_form_refused(self, message: FormRefused) -> None:
        self._waiting = False
        self._show_beside(message.field, message.text, bad=True)
        target = self.query_one(f"#{message.field}")
        self.set_focus(target)
        names = message.details.get("names") or [{}]
        line = message.details.get("line") or names[0].get("line")
        if isinstance(target, TextArea) and isinstance(line, int) and line > 0:
            target.move_cursor((min(line, target.document.line_count) - 1, 0))

    def _show_beside(self, field: str, words: str, *, bad: bool) -> None:
        sign = "✗ " if bad else ""
        written = Text(
            f"{sign}{clean(words)}" if words else "", style(self.app, "bad" if bad else "dim")
        )
        self.query_one(f"#{field}-says", Static).update(written)

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        self.dismiss(None)
