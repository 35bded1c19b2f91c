"""The inbox of the job's user: what this job sent stands out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from luajobs_kit.model import Job, Message
from luajobs_kit.presentation import clean, short_user
from luajobs_tui.cell_text import moment
from luajobs_tui.theme import style


class Inbox(VerticalScroll):
    """Messages, newest first."""

    def __init__(self) -> None:
        super().__init__(id="inbox-view")
        self._content = Static(id="inbox")

    def compose(self) -> ComposeResult:
        yield self._content

    def show(self, job: Job, messages: Iterable[Message], now: datetime, *, loaded: bool) -> None:
        app, dim = self.app, style(self.app, "dim")
        written = Text()
        for message in messages:
            own = message.job_id == job.id
            sender = message.job_name or message.role
            to = short_user(message.user_id)
            written.append(f" {moment(message.created_at, now):<9} ", dim)
            written.append(clean(sender), style(app, "accent" if own else "dim", bold=own))
            written.append(f" → {clean(to)}\n", dim)
            body = clean(message.text).replace("\n", "\n           ")
            written.append(f"           {body}\n", style(app, "plain" if own else "dim"))
        if not written:
            whose = f"{short_user(job.user_id)}'s inbox" if job.user_id else "The inbox"
            said = f" {whose} is empty." if loaded else " Reading…"
            written.append(said, dim)
        self._content.update(written)
