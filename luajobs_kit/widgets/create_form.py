"""The form that makes a job. A refusal is shown beside the field it is about."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any, Final

import ipywidgets as ipw

from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.live.job_form import TEMPLATE, Draft, field_of, typed_schedule
from luajobs_kit.timing import describe
from luajobs_kit.timing.typed_schedules import EXAMPLES
from luajobs_kit.widgets.callbacks import Callbacks, in_words

FILE: Final = "<panel>"


class CreateForm(ipw.VBox):  # type: ignore[misc]  # the library ships no types
    """Name, schedule in words, source."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        wide = {"width": "calc(100% - 6px)"}
        self.name = ipw.Text(description="Name", placeholder="daily-report", layout=wide)
        self.schedule = ipw.Text(
            value="every 30s", description="Schedule", placeholder=EXAMPLES, layout=wide
        )
        self.source = ipw.Textarea(
            value=TEMPLATE,
            description="Source",
            rows=9,
            continuous_update=False,  # it comes in one piece when the field is left
            layout=wide,
        )
        self.says = {field: _says() for field in ("name", "schedule", "source")}
        self.create = ipw.Button(description="Create", icon="check", button_style="primary")
        self.close_button = ipw.Button(description="Close", layout={"width": "auto"})
        self.create.on_click(self._create)
        self.close_button.on_click(lambda _: self.hide())
        self.schedule.observe(self._typed, "value")
        super().__init__(
            [
                self.name,
                self.says["name"],
                self.schedule,
                self.says["schedule"],
                self.source,
                self.says["source"],
                ipw.HBox([self.create, self.close_button], layout={"margin": "0 0 4px 90px"}),
            ]
        )
        self.add_class("luajobs-form")
        self.hide()

    def toggle(self) -> None:
        """Open it, or close it."""
        if self.layout.display == "none":
            self.layout.display = ""
            self._typed(None)
        else:
            self.hide()

    def hide(self) -> None:
        self.layout.display = "none"

    def _typed(self, _change: Any) -> None:
        self._callbacks.act(partial(self._preview, self.schedule.value))

    async def _preview(self, typed: str) -> None:
        try:
            schedule = typed_schedule(typed, self._callbacks.feed.state.now())
            fires = await self._callbacks.feed.ask(lambda port: port.preview(schedule, 3))
        except InvalidInput as problem:
            said, tone = in_words(problem), "bad"
        else:
            words = describe(schedule).partition(" (")[0]
            times = ", ".join(fire.astimezone().strftime("%a %H:%M:%S") for fire in fires)
            said, tone = f"{words} · next: {times or 'never'}", "dim"
        if typed == self.schedule.value:
            self._say("schedule", said, tone)

    def _create(self, _button: Any) -> None:
        self.create.disabled = True
        draft = Draft(self.name.value, self.schedule.value, self.source.value, FILE)
        self._callbacks.act(partial(self._created, draft))

    async def _created(self, draft: Draft) -> None:
        for field in ("name", "source"):
            self._say(field, "", "dim")
        feed = self._callbacks.feed
        try:
            spec = draft.spec(feed.state.now())
            job = await feed.ask(lambda port: port.create_job(spec))
        except (Conflict, InvalidInput) as problem:
            self._say(field_of(problem), in_words(problem), "bad")
        else:
            self.hide()
            self.name.value = ""
            self._callbacks.say(f"✓ {job.name} was created.", "good")
            await feed.select(job.id)
        finally:
            self.create.disabled = False

    def _say(self, field: str, words: str, tone: str) -> None:
        said = self.says[field]
        said.value = f'<span class="{tone}">{escape(words)}</span>' if words else ""
        said.layout.display = "" if words else "none"


def _says() -> Any:
    said = ipw.HTML(layout={"margin": "0 2px 4px 92px", "display": "none"})
    said.add_class("luajobs-says")
    return said
