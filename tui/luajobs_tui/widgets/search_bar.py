"""One line to type in: it filters the jobs, or searches the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from luajobs_kit.model.job_query import complete_query

Purpose = Literal["filter", "search"]


class _Queries(Suggester):
    """Completes a query for jobs as one types."""

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(complete_query(value)), None)


_QUERIES: Final = _Queries(case_sensitive=True)


class SearchBar(Horizontal):
    """Hidden until ``/``; Escape takes back what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Clear and close"),
        Binding("up", "step(-1)", "Place before"),
        Binding("down", "step(1)", "Place after"),
    ]

    @dataclass
    class Typed(Message):
        """The words changed."""

        purpose: Purpose
        words: str

    @dataclass
    class Stepped(Message):
        """The next place (1) or the one before (-1) is wanted."""

        purpose: Purpose
        by: int

    @dataclass
    class Left(Message):
        """The line was closed; ``cleared`` when what was typed no longer holds."""

        purpose: Purpose
        cleared: bool

    def __init__(self) -> None:
        super().__init__(id="search")
        self._purpose: Purpose = "filter"

    def compose(self) -> ComposeResult:
        yield Static(id="search-label")
        yield Input(id="search-words")
        yield Static(id="search-count")

    def open(self, purpose: Purpose, words: str) -> None:
        """Show the line and begin to type."""
        self._purpose = purpose
        label = " filter jobs " if purpose == "filter" else " search log "
        self.query_one("#search-label", Static).update(label)
        self.tell("")
        self.display = True
        field = self.query_one(Input)
        of_jobs = purpose == "filter"
        field.placeholder = "name  status:failed  user:alice  is:late" if of_jobs else "words"
        field.suggester = _QUERIES if of_jobs else None
        with self.prevent(Input.Changed):
            field.value = words
        self.screen.set_focus(field)

    def tell(self, count: str) -> None:
        """Say how much was found."""
        self.query_one("#search-count", Static).update(f" {count} ")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self._purpose, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._purpose == "search":
            self.post_message(self.Stepped("search", -1))
        else:
            self.display = bool(event.value)
            self.post_message(self.Left("filter", cleared=False))

    def action_step(self, by: int) -> None:
        self.post_message(self.Stepped(self._purpose, by))

    def action_leave(self) -> None:
        self.display = False
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self.post_message(self.Left(self._purpose, cleared=True))
