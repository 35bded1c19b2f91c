"""The monitor as a Textual app. It holds a port, and never knows which."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from luajobs_kit.port import Port
from luajobs_tui.commands import JobCommands
from luajobs_tui.input_gate import InputGate
from luajobs_tui.screens.monitor import Monitor
from luajobs_tui.theme import CALM, PAPER


class MonitorApp(App[None]):
    """A workspace's jobs, watched live. ``workspace_label`` is what the first line calls it."""

    TITLE = "luajobs"
    CSS_PATH = Path(__file__).with_name("monitor.tcss")
    COMMANDS = App.COMMANDS | {JobCommands}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", show=False)]

    def __init__(self, port: Port, *, workspace_label: str) -> None:
        super().__init__()
        self.monitor = Monitor(port, workspace_label)
        self._gate = InputGate(self, super().on_event)

    async def on_mount(self) -> None:
        self.register_theme(CALM)
        self.register_theme(PAPER)
        self.theme = CALM.name
        await self.push_screen(self.monitor)

    async def on_event(self, event: events.Event) -> None:
        if not self._gate.take(event):
            await super().on_event(event)
