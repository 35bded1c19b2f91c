"""A question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class Confirm(ModalScreen[bool]):
    """Answers True only when the reader says so; Enter alone says no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,right", "other", show=False),
    ]

    def __init__(self, question: str, effect: str, verb: str) -> None:
        super().__init__()
        self._question, self._effect, self._verb = question, effect, verb

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog small"):
            yield Static(Text(self._question), classes="question")
            yield Static(Text(self._effect), classes="effect")
            with Horizontal(classes="buttons"):
                yield Button("Keep it (n)", id="no")
                yield Button(f"{self._verb} (y)", id="yes", variant="error")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#no", Button))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, sure: bool) -> None:  # noqa: FBT001 - named in a binding
        self.dismiss(sure)

    def action_other(self) -> None:
        self.focus_next()
