"""A job's log, drawn line by line: only what is seen is ever written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from luajobs_kit.model import LogLine
from luajobs_kit.presentation import LEVEL_TONES, clean
from luajobs_tui.theme import style

_PREFIX: Final = 15  # cells: "14:08:05 error "
_KEPT: Final = 6_000  # rows on the screen's side; beyond, the oldest go
_DROPPED: Final = 1_000  # rows at once, so that dropping is rare


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: a line's first, one of its next, or the date that begins."""

    text: str
    line: LogLine | None = None
    first: bool = False


class LogView(ScrollView, can_focus=True):
    """Follows the end until the reader scrolls up or holds it with the space bar."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "Hold/follow", show=False),
        Binding("f", "follow(True)", "Follow", show=False),
        Binding("end,G", "follow(True)", "Follow", show=False),
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="log-view")
        self._lines: list[LogLine] = []
        self._job_id: str | None = None
        self._rows: list[_Row] = []
        self._day: date | None = None
        self._empty = "Reading…"
        self._wrapped_at = 0
        self._sought = ""
        self._found: list[int] = []  # rows with what is sought
        self._at = -1  # index into _found
        self.following = True
        self.unseen = 0
        """Lines that came while the view was held."""

    # Lines

    def show(self, job_id: str, lines: Iterable[LogLine], *, empty: str) -> None:
        """Show the lines of a job. Another job's are followed; the same job's stay held if they are.

        The same job's are shown again whenever its tab is turned to, its log was read, or the
        engine was reached again: the reader did not ask for any of it.
        """
        self._lines, self._empty = list(lines), empty
        if job_id != self._job_id:
            self._job_id, self.following, self.unseen = job_id, True, 0
        self._wrap_all()

    def add(self, lines: list[LogLine]) -> None:
        """Add lines at the end, all at once."""
        self._lines += lines
        self._append(lines)
        if len(self._rows) > _KEPT:
            self._lines = self._lines[-(_KEPT - _DROPPED) :]
            self._wrap_all()
            return
        if not self.following:
            self.unseen += len(lines)
        self._resized()

    def _wrap_all(self) -> None:
        self._rows, self._day, self._found = [], None, []
        self._wrapped_at = self.size.width
        self._append(self._lines)
        self._resized()

    def _append(self, lines: Iterable[LogLine]) -> None:
        room = max(10, self._wrapped_at - _PREFIX - 1)
        for line in lines:
            day = line.timestamp.astimezone().date()
            if day != self._day:
                self._rows.append(_Row(f"── {day:%a} {day.day} {day:%b %Y} ──"))
                self._day = day
            for number, part in enumerate(self._parts(clean(line.message), room)):
                if self._sought and self._sought in part.lower():
                    self._found.append(len(self._rows))
                self._rows.append(_Row(part, line, first=number == 0))

    def _parts(self, message: str, room: int) -> list[str]:
        parts: list[str] = []
        for piece in message.splitlines() or [""]:
            if cell_len(piece) <= room:
                parts.append(piece)
            else:
                wrapped = Text(piece).wrap(self.app.console, room)
                parts += [part.plain.rstrip() for part in wrapped]
        return parts

    def _resized(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.refresh()
        if self.following:
            self.scroll_end(animate=False)

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._wrapped_at:
            self._wrap_all()
        elif self.following:
            self.scroll_end(animate=False)

    # Following

    def action_follow(self, follow: bool | None = None) -> None:  # noqa: FBT001 - named in a binding
        """Follow the end, or hold the view; without an argument, the other of the two."""
        self.following = not self.following if follow is None else follow
        if self.following:
            self.unseen = 0
            self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.following = False
        elif new_value > old_value and new_value >= self.max_scroll_y:
            self.following, self.unseen = True, 0

    # Searching

    def seek(self, words: str) -> tuple[int, int]:
        """Mark where the words occur and go to the last place; return (which, of how many)."""
        self._sought, self._at = words.lower(), -1
        self._found = (
            [
                number
                for number, row in enumerate(self._rows)
                if row.line is not None and self._sought in row.text.lower()
            ]
            if words
            else []
        )
        self.refresh()
        return self.step(-1)

    def step(self, by: int) -> tuple[int, int]:
        """Go ``by`` places on, round the end; return (which, of how many), counted from 1."""
        if not self._found:
            return 0, 0
        start = 0 if self._at < 0 and by < 0 else self._at
        self._at = (start + by) % len(self._found)
        row = self._found[self._at]
        self.following = False
        self.scroll_to(y=max(0, row - self.size.height // 2), animate=False)
        self.refresh()
        return self._at + 1, len(self._found)

    # Drawing

    def render_line(self, y: int) -> Strip:
        number = y + int(self.scroll_offset.y)
        if not self._rows:
            written = Text(f" {self._empty}" if y == 0 else "", style(self.app, "dim"))
        elif number >= len(self._rows):
            written = Text("")
        else:
            written = self._written(number)
        strip = Strip(written.render(self.app.console, end=""))
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _written(self, number: int) -> Text:
        row, app = self._rows[number], self.app
        if row.line is None:
            return Text(f" {row.text}", style(app, "dim"))
        level = row.line.sub_type
        tone = style(app, LEVEL_TONES[level])
        if row.first:
            at = row.line.timestamp.astimezone()
            written = Text.assemble(
                (f" {at:%H:%M:%S} ", style(app, "dim")),
                (f"{level:<5} ", style(app, "dim") if level == "info" else tone),
                (row.text, tone),
            )
        else:
            written = Text(" " * (_PREFIX + 1)).append(row.text, tone)
        if self._sought:
            here = 0 <= self._at < len(self._found) and self._found[self._at] == number
            marked = style(app, "accent") + Style(reverse=True, bold=here)
            plain = written.plain.lower()
            begin = plain.find(self._sought, _PREFIX)
            while begin >= 0:
                written.stylize(marked, begin, begin + len(self._sought))
                begin = plain.find(self._sought, begin + len(self._sought))
        return written
