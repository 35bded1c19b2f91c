"""The live parts of a panel: small anywidgets that are sent only what changed.

A browser that opens a view (again, after a reload) finds everything in ``snapshot``, which
is made anew whenever it is asked for; from there on numbered messages bring the changes.
One that finds a number missing asks for everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import anywidget
import traitlets

from luajobs_kit.live.change_set import Changed
from luajobs_kit.live.live_state import LinkState, LiveState
from luajobs_kit.presentation import JOB_COLUMNS, TONES, Tone
from luajobs_kit.widgets.json_rows import job_row, line_row, message_row, ms, run_row

STATIC = Path(__file__).parent / "static"
LINES_SHOWN: Final = 1_000
RUNS_SHOWN: Final = 30

# The way to the engine: a sign, its tone and words; the reason, where there is one, follows them.
LINKS: Final[dict[LinkState | Literal["gone"], tuple[str, Tone, str]]] = {
    "live": ("●", "good", "connected"),
    "reconnecting": ("↻", "warn", "reconnecting…"),
    "stopped": ("○", "warn", ""),
    "silent": ("…", "warn", "the engine does not answer just now"),
    "frozen": ("‖", "bad", "frozen"),
    "connecting": ("…", "warn", "connecting…"),
    "gone": ("✗", "bad", "not live any more: the kernel was last heard"),
}


@cache
def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def _script(name: str) -> str:
    """Return a view's module: what is the same in Python and the browser, as data, stands first."""
    shared = {
        "tones": TONES,
        "columns": JOB_COLUMNS,
        "links": LINKS,
        "lines": LINES_SHOWN,
        "runs": RUNS_SHOWN,
    }
    return f"const SHARED = {json.dumps(shared)};\n" + _static("live.js") + _static(name)


class LiveView(anywidget.AnyWidget):
    """A view of the panel's state. Told of changes on the feed's thread."""

    script: ClassVar[str]
    snapshot = traitlets.Any().tag(sync=True, to_json=lambda _, view: view.whole())

    def __init__(self, state: LiveState, **options: Any) -> None:
        self.state = state
        self._sent = 0
        self._esm = _script(self.script)
        super().__init__(**options)
        self.on_msg(self._asked)

    def whole(self) -> dict[str, Any]:
        """Return everything a browser needs to begin."""
        with self.state.lock:
            return {"n": self._sent, "now": ms(self.state.now()), "all": self.read()}

    def read(self) -> dict[str, Any]:
        raise NotImplementedError

    def show(self, changed: Changed) -> None:
        """Send what of the change concerns this view."""
        raise NotImplementedError

    def tell(self, change: dict[str, Any]) -> None:
        with self.state.lock:
            self._sent += 1
            self.send({"n": self._sent, "now": ms(self.state.now()), **change})

    def tell_all(self) -> None:
        with self.state.lock:
            self._sent += 1
            self.send(self.whole())

    def _asked(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, dict) and content.get("ask") == "all":
            if content.get("n") != self._sent:
                self.tell_all()
        else:
            self.received(content)

    def received(self, content: Any) -> None:
        """Take what the reader did in the view."""


class StatusLine(LiveView):
    """The heartbeat, and what the panel has to say; carries the style of the whole panel."""

    script = "status.js"

    def __init__(self, state: LiveState, place: str) -> None:
        self._place = place
        self._note = {"text": "", "tone": "plain"}
        self._css = _static("panel.css")
        super().__init__(state)

    @property
    def note(self) -> str:
        return self._note["text"]

    def say(self, text: str, tone: str = "plain") -> None:
        """Show a sentence until the next one."""
        self._note = {"text": text, "tone": tone}
        self.tell(self._note_and_link())

    def _note_and_link(self) -> dict[str, Any]:
        engine = self.state.engine
        return {
            "note": self._note,
            "link": self.state.link,
            "why": self.state.why,
            "place": self._place,
            "jobs": engine.jobs if engine else None,
            "active": engine.active_jobs if engine else None,
            "running": engine.running if engine else None,
            "stays": engine.stays if engine else "",
        }

    def read(self) -> dict[str, Any]:
        return self._note_and_link()

    def show(self, changed: Changed) -> None:
        if changed.engine:
            self.tell(self._note_and_link())


class JobTable(LiveView):
    """Every job in a row; a row that is chosen is reported."""

    script = "table.js"

    def __init__(self, state: LiveState, on_select: Callable[[str], None]) -> None:
        self._on_select = on_select
        super().__init__(state)

    def read(self) -> dict[str, Any]:
        rows = [job_row(job) for job in self.state.jobs.values()]
        return {"jobs": rows, **self._rest()}

    def _rest(self) -> dict[str, Any]:
        return {"selected": self.state.selected_id, "leftOut": self.state.left_out}

    def show(self, changed: Changed) -> None:
        if changed.everything:
            self.tell_all()
        elif changed.jobs or changed.gone or changed.topics:
            with self.state.lock:
                jobs = [self.state.jobs[key] for key in changed.jobs if key in self.state.jobs]
                rows = [job_row(job) for job in sorted(jobs, key=lambda job: job.created_at)]
                self.tell({"jobs": rows, "gone": sorted(changed.gone), **self._rest()})

    def received(self, content: Any) -> None:
        if isinstance(content, dict) and isinstance(content.get("select"), str):
            self._on_select(content["select"])


class LogView(LiveView):
    """The tail of the selected job's log."""

    script = "log.js"

    def read(self) -> dict[str, Any]:
        job = self.state.selected
        return {
            "job": job.name if job else None,
            "lines": [line_row(line) for line in list(self.state.lines)[-LINES_SHOWN:]],
        }

    def show(self, changed: Changed) -> None:
        if "log" in changed.topics:
            self.tell_all()
        elif changed.lines:
            self.tell({"lines": [line_row(line) for line in changed.lines[-LINES_SHOWN:]]})


class RunList(LiveView):
    """The selected job's newest runs, with the line that failed."""

    script = "runs.js"

    def read(self) -> dict[str, Any]:
        return {
            "runs": [run_row(run) for run in list(self.state.executions.values())[-RUNS_SHOWN:]]
        }

    def show(self, changed: Changed) -> None:
        if "executions" in changed.topics:
            self.tell_all()
        elif changed.executions:
            self.tell({"runs": [run_row(run) for run in changed.executions.values()]})


class Inbox(LiveView):
    """The newest messages of everybody."""

    script = "inbox.js"

    def read(self) -> dict[str, Any]:
        return {"messages": [message_row(message) for message in self.state.messages]}

    def show(self, changed: Changed) -> None:
        if "messages" in changed.topics:
            self.tell_all()
        elif changed.messages:
            self.tell({"messages": [message_row(message) for message in changed.messages]})
