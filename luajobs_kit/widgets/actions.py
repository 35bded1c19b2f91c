"""The buttons under the table, for the selected job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ipywidgets as ipw

from luajobs_kit.live.change_set import Changed
from luajobs_kit.model import Execution, Job
from luajobs_kit.port import Port
from luajobs_kit.widgets.callbacks import Callbacks


class Actions(ipw.VBox):  # type: ignore[misc]  # the library ships no types
    """Run now, activate, deactivate, cancel, and delete, which asks first."""

    def __init__(self, callbacks: Callbacks, on_new: Callable[[], None]) -> None:
        self._callbacks = callbacks
        self._deleting: Job | None = None
        self.run = _button("Run now", "play", "Run the selected job now, whatever its schedule")
        self.activate = _button("Activate", "toggle-on", "Let it run on schedule")
        self.deactivate = _button("Deactivate", "toggle-off", "Keep it from running on schedule")
        self.cancel = _button("Cancel run", "stop", "Kill the newest run that is not finished")
        self.delete = _button("Delete", "trash", "Delete the selected job")
        self.new = _button("New job…", "plus", "Write a job here", disabled=False)
        self.run.on_click(partial(self._clicked, self._run))
        self.activate.on_click(partial(self._clicked, self._activate))
        self.deactivate.on_click(partial(self._clicked, self._deactivate))
        self.cancel.on_click(partial(self._clicked, self._cancel))
        self.delete.on_click(self._ask)
        self.new.on_click(lambda _: on_new())
        self.question = ipw.Label()
        self.confirm = _button("Delete it", "trash", "Delete the job", disabled=False)
        self.confirm.button_style = "danger"
        self.keep = _button("Keep it", "", "Change nothing", disabled=False)
        self.confirm.on_click(self._confirmed)
        self.keep.on_click(lambda _: self._close())
        self.asking = ipw.HBox(
            [self.question, self.confirm, self.keep], layout={"flex_flow": "row wrap"}
        )
        self.asking.layout.display = "none"
        buttons = [self.run, self.activate, self.deactivate, self.cancel, self.delete, self.new]
        super().__init__([ipw.HBox(buttons, layout={"flex_flow": "row wrap"}), self.asking])

    def show(self, changed: Changed) -> None:
        """Offer what can be done now."""
        if not (changed.topics or changed.jobs or changed.gone or changed.executions):
            return
        job = self._callbacks.feed.state.selected
        self.run.disabled = self.delete.disabled = job is None
        self.activate.disabled = job is None or job.status == "active"
        self.deactivate.disabled = job is None or job.status == "inactive"
        self.cancel.disabled = self._unfinished() is None
        if self._deleting is not None and (job is None or job.id != self._deleting.id):
            self._close()

    def _clicked(self, verb: Callable[[Port, Job], Awaitable[str]], _button: Any) -> None:
        job = self._callbacks.feed.state.selected
        if job is not None:
            self._callbacks.act(partial(self._done, verb, job))

    async def _done(self, verb: Callable[[Port, Job], Awaitable[str]], job: Job) -> None:
        async def question(port: Port) -> str:
            return await verb(port, job)

        self._callbacks.say(await self._callbacks.feed.ask(question))

    async def _run(self, port: Port, job: Job) -> str:
        await port.trigger_job(job.id)
        return f"{job.name} was started."

    async def _activate(self, port: Port, job: Job) -> str:
        await port.activate_job(job.id)
        return f"{job.name} runs on schedule again, counting from now."

    async def _deactivate(self, port: Port, job: Job) -> str:
        off = await port.deactivate_job(job.id)
        cancelled = off.cancelled_in_words
        return f"{job.name} is inactive{cancelled}. “Run now” still works."

    async def _cancel(self, port: Port, job: Job) -> str:
        run = self._unfinished()
        if run is None:
            return f"No run of {job.name} is under way."
        ended = await port.cancel_execution(run.id)
        return f"The run of {job.name} is {ended.status.replace('_', ' ')}."

    async def _delete(self, port: Port, job: Job) -> str:
        return (await port.delete_job(job.id)).message

    def _unfinished(self) -> Execution | None:
        state = self._callbacks.feed.state
        with state.lock:
            waiting = [run for run in state.executions.values() if not run.finished]
        return waiting[-1] if waiting else None

    def _ask(self, _button: Any) -> None:
        job = self._callbacks.feed.state.selected
        if job is not None:
            self._deleting = job
            self.question.value = f"Delete {job.name}? Its history stays."
            self.asking.layout.display = "flex"

    def _confirmed(self, _button: Any) -> None:
        job = self._deleting
        self._close()
        if job is not None:
            self._callbacks.act(partial(self._done, self._delete, job))

    def _close(self) -> None:
        self._deleting = None
        self.asking.layout.display = "none"


def _button(words: str, icon: str, tip: str, *, disabled: bool = True) -> Any:
    return ipw.Button(
        description=words, icon=icon, tooltip=tip, disabled=disabled, layout={"width": "auto"}
    )
