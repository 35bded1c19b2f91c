"""The monitor's colours, and what a tone is in the theme that is chosen."""

from __future__ import annotations

from typing import Final

from rich.style import Style
from rich.text import Text
from textual.app import App
from textual.color import Color
from textual.theme import Theme

from luajobs_kit.presentation import Tone
from luajobs_tui.cell_text import TonedText

CALM: Final = Theme(
    name="luajobs",
    primary="#7aa2c9",
    secondary="#8a93b8",
    accent="#d9a86c",
    foreground="#d5d8de",
    background="#15181e",
    surface="#1a1e26",
    panel="#232833",
    success="#8fbf7f",
    warning="#e0b25f",
    error="#e07a72",
    dark=True,
    variables={
        "footer-key-foreground": "#d9a86c",
        "footer-background": "#1a1e26",
        "border": "#7aa2c9",
        "border-blurred": "#3a4250",
        "input-selection-background": "#7aa2c9 35%",
    },
)

PAPER: Final = Theme(
    name="luajobs-light",
    primary="#2f6690",
    secondary="#5b6394",
    accent="#96560f",
    foreground="#24292f",
    background="#fbfaf7",
    surface="#f1efe9",
    panel="#e6e3da",
    success="#2c7030",
    warning="#835c00",
    error="#b3261e",
    dark=False,
    variables={
        "footer-key-foreground": "#96560f",
        "footer-background": "#f1efe9",
        "border": "#2f6690",
        "border-blurred": "#c9c4b8",
        "input-selection-background": "#2f6690 30%",
    },
)

_VARIABLE: Final[dict[Tone, str]] = {
    "plain": "foreground",
    "good": "success",
    "bad": "error",
    "warn": "warning",
    "live": "primary",
    "accent": "accent",
}
_styles: dict[str, dict[Tone, Style]] = {}  # by the theme's name


def style(app: App[object], tone: Tone, *, bold: bool = False) -> Style:
    """Return the style of a tone in the app's theme."""
    known = _styles.get(app.theme)
    if known is None:
        known = _styles[app.theme] = _read(app)
    return known[tone] + Style(bold=True) if bold else known[tone]


def _read(app: App[object]) -> dict[Tone, Style]:
    variables = app.get_css_variables()
    colours = {tone: Color.parse(variables[name]) for tone, name in _VARIABLE.items()}
    dim = colours["plain"].blend(Color.parse(variables["background"]), 0.45)
    return {
        tone: Style(color=colour.rich_color) for tone, colour in (colours | {"dim": dim}).items()
    }


def text(app: App[object], said: TonedText) -> Text:
    """Return what is said, in its colour, on one line that is cut where room ends."""
    return Text(said.text, style(app, said.tone), no_wrap=True, overflow="ellipsis", end="")
