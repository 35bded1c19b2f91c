"""The keys, on one page."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from luajobs_kit.presentation import SIGNS, TONES
from luajobs_tui.theme import style

KEYS: Final = (
    ("The selected job", (
        ("r", "run it now, whatever its schedule says"),
        ("a  d", "activate, deactivate its schedule"),
        ("c", "cancel the execution that runs or waits"),
        ("x", "delete it (asks first)"),
        ("n", "create a new job"),
    )),
    ("Looking around", (
        ("↑ ↓  j k", "another job, line or execution"),
        ("enter  tab", "into the lower half; esc goes back"),
        ("1 … 5", "log, executions, code, schedule, messages"),
        ("/", "filter the jobs; in the log, search it (enter goes on)"),
        ("esc", "take the filter or search away"),
    )),
    ("The log", (
        ("space", "hold it, or follow it again"),
        ("f  end", "follow the end"),
    )),
    ("The monitor", (
        ("ctrl+p", "every command by name, and themes"),
        ("?  q", "this page, quit (the engine goes on)"),
    )),
)  # fmt: skip


class Help(ModalScreen[None]):
    """Any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "dismiss", "Close")
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help") as page:
            page.border_title = "Keys"
            page.border_subtitle = "esc closes"
            yield Static(id="keys")

    def on_mount(self) -> None:
        app, parts = self.app, list[RenderableType]()
        for heading, keys in KEYS:
            parts.append(Text(heading, style(app, "live", bold=True)))
            grid = Table.grid()
            grid.add_column(width=14)
            grid.add_column(ratio=1)
            for key, says in keys:
                grid.add_row(Text(f"  {key}", style(app, "accent", bold=True)), says)
            parts.append(grid)
        parts.append(Text("Signs", style(app, "live", bold=True)))
        signs, seen = Text("  "), set[str]()
        for status, mark in SIGNS.items():
            if mark not in seen:
                seen.add(mark)
                signs.append(f"{mark} {status}   ", style(app, TONES[mark]))
        self.query_one("#keys", Static).update(Group(*parts, signs))
