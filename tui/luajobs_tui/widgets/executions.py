"""The executions of a job: a table of them, and all that is known of the one under the cursor."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import DataTable, Static

from luajobs_kit.model import Execution, RunError
from luajobs_kit.presentation import age, clean, error_line, length, progress_words, took
from luajobs_tui.cell_text import CAUSES, TonedText, lateness, moment, status
from luajobs_tui.theme import style, text

_COLUMNS: Final = (
    ("status", 13),
    ("when", 19),
    ("took", 9),
    ("cause", 11),
    ("tries", 6),
    ("late", 8),
)
_SHOWN_RESULT: Final = 2_000  # characters


class Executions(Vertical):
    """Keyed rows, newest first; of the whole, only what changed is written."""

    def __init__(self) -> None:
        super().__init__(id="executions-view")
        self._runs: dict[str, Execution] = {}
        self._cells: dict[str, tuple[TonedText, ...]] = {}
        self._told: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield DataTable(
            cursor_type="row", cell_padding=0, id="runs", cursor_foreground_priority="renderable"
        )
        with VerticalScroll(id="run-scroll"):
            yield Static(id="run")

    def on_mount(self) -> None:
        table = self._table
        for title, width in _COLUMNS:
            table.add_column(text(self.app, TonedText(title, "dim")), width=width, key=title)
        table.add_column(text(self.app, TonedText("error", "dim")), width=200, key="error")

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#runs", DataTable)

    @property
    def selected(self) -> Execution | None:
        """The execution under the cursor."""
        table = self._table
        if not table.is_valid_coordinate(table.cursor_coordinate):
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return self._runs.get(key or "")

    def show(self, runs: Iterable[Execution], now: datetime, *, loaded: bool) -> None:
        """Show these executions, newest first."""
        before, self._runs = list(self._runs), {run.id: run for run in runs}
        table, wanted = self._table, list(self._runs)
        if before != wanted:
            here, top = self.selected, table.cursor_row == 0
            table.clear()
            self._cells.clear()
            for run in self._runs.values():
                self._cells[run.id] = cells = _cells(run, now)
                table.add_row(*(text(self.app, said) for said in cells), key=run.id)
            if here is not None and here.id in self._runs and not top:
                table.move_cursor(row=wanted.index(here.id), animate=False)
        self.tick(now)
        if not self._runs:
            said = "No execution yet. r runs the job now." if loaded else "Reading…"
            self._tell((said,), Text(said, style(self.app, "dim")))

    def tick(self, now: datetime) -> None:
        """Write the cells that say something else now."""
        names = [*(title for title, _ in _COLUMNS), "error"]
        for run in self._runs.values():
            old, new = self._cells[run.id], _cells(run, now)
            for name, was, said in zip(names, old, new, strict=True):
                if was != said:
                    self._table.update_cell(run.id, name, text(self.app, said))
            self._cells[run.id] = new
        self._tell_selected(now)

    @on(DataTable.RowHighlighted, "#runs")
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        now = max((run.created_at for run in self._runs.values()), default=None)
        if now is not None:
            self._tell_selected(now)

    def _tell_selected(self, now: datetime) -> None:
        run = self.selected
        if run is not None:
            self._tell((run, moment(run.created_at, now)), self._account(run, now))

    def _tell(self, what: tuple[object, ...], written: Text) -> None:
        if what != self._told:
            self._told = what
            self.query_one("#run", Static).update(written)

    def _account(self, run: Execution, now: datetime) -> Text:
        app, dim = self.app, style(self.app, "dim")
        written = Text.assemble(
            (f"{run.id}", style(app, "plain", bold=True)),
            (f" · version {run.version} · {CAUSES[run.cause]}", dim),
        )
        if run.rerun_of is not None:
            written.append(f" · rerun of {run.rerun_of}", dim)
        if run.metadata is not None:
            given = json.dumps(run.metadata, ensure_ascii=False)[:_SHOWN_RESULT]
            written.append(f" · given {clean(given)}", dim)
        if run.fire_time is not None:
            late = f", {length(run.lateness)} late" if run.lateness else ""
            written.append(f" · due {moment(run.fire_time, now)}{late}", dim)
        for attempt in run.attempts:
            said = status(attempt.status)
            written.append(f"\n\n{said.text}", style(app, said.tone, bold=True))
            times = f"  attempt {attempt.number} · {moment(attempt.started_at, now)}"
            written.append(f"{times} · {took(attempt.duration)}", dim)
            if attempt.error is not None:
                self._error(written, attempt.error)
        if run.progress is not None:
            began = run.attempts[-1].started_at if run.attempts and not run.finished else None
            written.append(f"\n\n{progress_words(run.progress, began)}", style(app, "live"))
        if run.next_attempt_at is not None:
            written.append(f"\n\nRetry at {moment(run.next_attempt_at, now)}", style(app, "warn"))
        if run.error is not None and not run.attempts:
            self._error(written, run.error)
        if run.result is not None:
            shown = json.dumps(run.result, indent=2, ensure_ascii=False)
            cut = " …" if len(shown) > _SHOWN_RESULT else ""
            written.append("\n\nresult ", dim).append(clean(shown[:_SHOWN_RESULT]) + cut)
        return written

    def _error(self, written: Text, error: RunError) -> None:
        app = self.app
        written.append(f"\n{clean(error.type)}: {clean(error.message)}", style(app, "bad"))
        if error.line is not None and error.text:
            written.append(f"\n  {error.file or ''} line {error.line}\n", style(app, "dim"))
            written.append(f"  {error.line:>4} │ {clean(error.text.strip())}", style(app, "accent"))
        for frame in error.trace if len(error.trace) > 1 else ():
            written.append(f"\n  {clean(frame)}", style(app, "dim"))


def _cells(run: Execution, now: datetime) -> tuple[TonedText, ...]:
    when = run.started_at or run.created_at
    tries = str(len(run.attempts) or "—")
    stands = (
        TonedText("↻ retry waits", "warn")
        if run.next_attempt_at is not None
        else status(run.status)
    )
    error = TonedText(clean(error_line(run.error)), "bad") if run.error else TonedText("")
    return (
        stands,
        TonedText(f"{moment(when, now)} · {age(when, now)}"),
        TonedText(took(run.duration)),
        TonedText(CAUSES[run.cause], "dim"),
        TonedText(tries, "warn" if len(run.attempts) > 1 else "dim"),
        lateness(run),
        error,
    )
