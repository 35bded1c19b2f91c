"""The first line: whose workspace this is, which engine, and whether it is still there."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static

from luajobs_kit.presentation import length
from luajobs_tui.cell_text import TonedText, clip_left
from luajobs_tui.monitor_state import MonitorState
from luajobs_tui.theme import style


class HeadLine(Static):
    """Never frozen: when the engine is silent or gone, it says so and for how long."""

    def __init__(self, workspace: str) -> None:
        super().__init__(id="head")
        self._workspace = workspace

    def show(self, state: MonitorState) -> None:
        width = self.size.width or 80
        engine, link = state.engine, self._link(state)
        right = Text()
        if engine is not None and state.link != "stopped":
            right.append(f"engine {engine.pid}", style(self.app, "plain"))
            right.append(f" · {engine.version}", style(self.app, "dim"))
            if width >= 110:
                busy = f" · {engine.running} running · {engine.waiting} waiting"
                up = f" · up {length(state.now() - engine.started_at)}"
                right.append(busy + up, style(self.app, "dim"))
            right.append("  ")
        right.append(link.text, style(self.app, link.tone))
        right.append(f"  {state.now().astimezone():%H:%M:%S} ", style(self.app, "plain", bold=True))
        left = Text(" luajobs ", style(self.app, "accent", bold=True))
        room = width - cell_len(left.plain) - cell_len(right.plain) - 2
        left.append(clip_left(self._workspace, room), style(self.app, "dim"))
        gap = width - cell_len(left.plain) - cell_len(right.plain)
        written = Text.assemble(left, " " * max(1, gap), right, no_wrap=True)
        self.update(written)

    def _link(self, state: MonitorState) -> TonedText:
        match state.link:
            case "connecting":
                return TonedText("◌ connecting", "warn")
            case "live":
                return TonedText("● live", "good")
            case "silent":
                return TonedText(f"◌ no answer for {length(state.silence)}", "warn")
            case "frozen":
                return TonedText(f"‖ frozen, no answer for {length(state.silence)}", "bad")
            case "reconnecting":
                return TonedText(f"◌ reconnecting, try {state.tries}", "bad")
            case "stopped":
                return TonedText("○ stopped", "warn")
