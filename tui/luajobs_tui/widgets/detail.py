"""The selected job: a line that names it, and a tab for each thing there is to see."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane

from luajobs_kit.live.change_set import Changed, Topic
from luajobs_kit.model import Job
from luajobs_tui.cell_text import user
from luajobs_tui.monitor_state import MonitorState
from luajobs_tui.widgets.code_view import CodeView
from luajobs_tui.widgets.executions import Executions
from luajobs_tui.widgets.facts import Facts
from luajobs_tui.widgets.inbox import Inbox
from luajobs_tui.widgets.log_view import LogView

TITLES: Final[dict[Topic, str]] = {
    "log": "Log",
    "executions": "Executions",
    "code": "Code",
    "schedule": "Schedule",
    "messages": "Messages",
}


class Detail(Vertical):
    """Only the tab that is seen is painted; the others are when they are turned to."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._log, self._executions = LogView(), Executions()
        self._code, self._facts, self._inbox = CodeView(), Facts(), Inbox()

    def compose(self) -> ComposeResult:
        widgets: dict[Topic, Widget] = {
            "log": self._log,
            "executions": self._executions,
            "code": self._code,
            "schedule": self._facts,
            "messages": self._inbox,
        }
        with TabbedContent(initial="log"):
            for topic, title in TITLES.items():
                with TabPane(title, id=topic):
                    yield widgets[topic]

    @property
    def topic(self) -> Topic:
        """The tab that is seen."""
        active = self.query_one(TabbedContent).active
        return next((topic for topic in TITLES if topic == active), "log")

    @topic.setter
    def topic(self, topic: Topic) -> None:
        self.query_one(TabbedContent).active = topic

    @property
    def log_view(self) -> LogView:
        return self._log

    @property
    def executions(self) -> Executions:
        return self._executions

    def focus_content(self) -> None:
        """Give the keys to what the tab shows."""
        targets: dict[Topic, Widget] = {
            "log": self._log,
            "executions": self._executions.query_one("#runs"),
            "code": self._code,
            "schedule": self._facts,
            "messages": self._inbox,
        }
        self.screen.set_focus(targets[self.topic])

    def paint(self, state: MonitorState, changed: Changed) -> None:
        """Write what changed in the tab that is seen."""
        job, topic = state.selected, self.topic
        if job is None:
            return
        loaded, whole, now = topic in state.loaded, topic in changed.topics, state.now()
        match topic:
            case "log" if whole:
                empty = "No line yet. r runs the job now." if loaded else "Reading…"
                self._log.show(job.id, state.lines, empty=empty)
            case "log" if changed.lines:
                self._log.add(changed.lines)
            case "executions" if whole or changed.executions:
                newest_first = list(state.executions.values())[::-1]
                self._executions.show(newest_first, now, loaded=loaded)
            case "code" if whole or changed.executions:  # it shows the line that failed
                self._code.show(job)
            case "schedule" if whole:
                self._facts.show(job, state.fires, now)
            case "messages" if whole or changed.messages:
                self._inbox.show(job, reversed(state.messages), now, loaded=loaded)
            case _:
                pass

    def tick(self, state: MonitorState) -> None:
        """Let time pass in the tab that is seen."""
        job = state.selected
        if job is not None and self.topic == "executions":
            self._executions.tick(state.now())
        elif job is not None and self.topic == "schedule":
            self._facts.show(job, state.fires, state.now())

    def title(self, job: Job | None) -> str:
        """Return the words for the frame: the job's name, whose it is, and what ails it."""
        if job is None:
            return ""
        version = f" · version {job.active_version.version}" if job.active_version else ""
        whose = f" · {user(job.user_id).text}" if job.user_id else ""
        note = f" · {job.note}" if job.note else ""
        return f"{job.name}{whose}{version}{note}"

    def following(self) -> str:
        """Return how the log is being read, for the frame."""
        if self.topic != "log":
            return ""
        if self._log.following:
            return "following"
        new = f" · {self._log.unseen} new" if self._log.unseen else ""
        return f"held{new} · f follows"
