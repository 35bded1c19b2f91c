"""The table of jobs: keyed rows of which only what changed is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from luajobs_kit.model import Job
from luajobs_tui.cell_text import TonedText
from luajobs_tui.columns import TIMED, Column, Key, cell, columns_for
from luajobs_tui.theme import text


class JobTable(DataTable[object]):
    """One row a job, in the order given; the cursor stays with its job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]

    @dataclass
    class Refitted(Message):
        """The columns were laid out anew; the cursor may be on another job."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(
            cursor_type="row",
            cell_padding=0,
            cursor_foreground_priority="renderable",
            id="jobs",
        )
        self._now = now
        self._columns_now: tuple[Column, ...] = ()
        self._shown: dict[str, dict[Key, TonedText]] = {}  # by job, in the order of the rows
        self._jobs: list[Job] = []
        self._goal: str | None = None  # a job to go to as soon as it has a row

    @property
    def selected(self) -> str | None:
        """The id of the job under the cursor."""
        if not self.is_valid_coordinate(self.cursor_coordinate):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def has(self, job_id: str) -> bool:
        """Return whether the job has a row."""
        return job_id in self._shown

    def go(self, job_id: str) -> None:
        """Put the cursor on a job; one that is not there yet, as soon as it is."""
        self._goal = job_id
        self._point(self.selected)

    def show(self, jobs: Sequence[Job], changed: set[str] | None = None) -> None:
        """Have exactly these rows, in this order; only those of ``changed`` say something new."""
        self._jobs = list(jobs)
        if not self._columns_now:
            return  # there is no room to lay them out for yet
        wanted = [job.id for job in jobs]
        if wanted != list(self._shown) or self._goal is not None:
            self._put_in_order(jobs, wanted)
        self.update(job for job in jobs if changed is None or job.id in changed)

    def _put_in_order(self, jobs: Sequence[Job], wanted: list[str]) -> None:
        stay = set(wanted)
        kept = [key for key in self._shown if key in stay]
        here, row = self.selected, self.cursor_row
        with self.prevent(DataTable.RowHighlighted):
            if kept == wanted[: len(kept)]:
                for gone in [key for key in self._shown if key not in stay]:
                    self.remove_row(gone)
                    del self._shown[gone]
                self._add(jobs[len(kept) :])
            else:
                self.clear()
                self._shown.clear()
                self._add(jobs)
            self._point(here, row)

    def _add(self, jobs: Iterable[Job]) -> None:
        now = self._now()
        for job in jobs:
            cells = {column.key: cell(job, column, now) for column in self._columns_now}
            self._shown[job.id] = cells
            self.add_row(*(text(self.app, said) for said in cells.values()), key=job.id)

    def _point(self, job_id: str | None, row: int = 0) -> None:
        """Put the cursor on the job, or where it was when the job has gone."""
        if self._goal in self._shown:
            job_id, self._goal = self._goal, None
        if job_id in self._shown:
            row = self.get_row_index(job_id)
        if self._shown:
            self.move_cursor(row=min(row, len(self._shown) - 1), animate=False)

    def update(self, jobs: Iterable[Job], keys: Sequence[Key] | None = None) -> None:
        """Write the cells of these jobs that say something else than before."""
        now = self._now()
        for job in jobs:
            cells = self._shown.get(job.id)
            if cells is None:
                continue
            for column in self._columns_now:
                if keys is not None and column.key not in keys:
                    continue
                said = cell(job, column, now)
                if cells[column.key] != said:
                    cells[column.key] = said
                    self.update_cell(job.id, column.key, text(self.app, said))

    def tick(self, jobs: Mapping[str, Job]) -> None:
        """Let time pass in the rows that are seen."""
        first = max(0, int(self.scroll_offset.y))
        seen = list(self._shown)[first : first + self.size.height]
        self.update((jobs[key] for key in seen if key in jobs), TIMED)

    def on_resize(self) -> None:
        columns = columns_for(self.size.width - self.styles.scrollbar_size_vertical)
        if self.size.width and columns != self._columns_now:
            self._columns_now = columns
            self.restyle()

    def restyle(self) -> None:
        """Write everything again: for other columns, or in another theme's colours."""
        here, row = self.selected, self.cursor_row
        with self.prevent(DataTable.RowHighlighted):
            self.clear(columns=True)
            self._shown.clear()
            for column in self._columns_now:
                title = text(self.app, TonedText(column.title, "dim"))
                self.add_column(title, width=column.width, key=column.key)
            self._add(self._jobs)
            self._point(here, row)
        self.post_message(self.Refitted())
