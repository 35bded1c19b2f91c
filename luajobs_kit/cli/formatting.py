"""Tables and times for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from luajobs_kit.live.presentation import clean

MARKS: Final = {
    "active": ("●", "green"),
    "paused": ("‖", "yellow"),
    "inactive": ("○", "bright_black"),
    "failed": ("✗", "red"),
    "completed": ("✓", "green"),
    "running": ("▶", "cyan"),
    "pending": ("…", "yellow"),
    "timeout": ("✗", "red"),
    "killed": ("✗", "red"),
    "cancelled": ("○", "bright_black"),
    "abandoned": ("✗", "red"),
}
LEVELS: Final = {"debug": "bright_black", "info": "", "warn": "yellow", "error": "red"}


class Styled(str):
    """A cell with colours of our own; of any other one, control characters are made visible."""

    __slots__ = ()


def mark(status: str) -> Styled:
    """Return a status as a sign, a colour and the word: colour alone tells nothing to some."""
    sign, colour = MARKS.get(status, ("?", "white"))
    return Styled(click.style(f"{sign} {status}", fg=colour))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, each column as wide as its widest cell."""
    cells = [
        [cell if isinstance(cell, Styled) else _in_one_line(cell) for cell in row] for row in rows
    ]
    styled = [[click.style(name, bold=True) for name in head], *cells]
    widths = [max(len(click.unstyle(row[column])) for row in styled) for column in range(len(head))]
    for row in styled:
        padded = [
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(row, widths, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def _in_one_line(cell: str) -> str:
    return clean(cell).replace("\n", "␊")


def clock(moment: datetime | None) -> str:
    """Return a moment in the reader's own zone, such as ``Mon 23 Nov 14:05:00``."""
    return "-" if moment is None else moment.astimezone().strftime("%a %d %b %H:%M:%S")


def until(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how far off a moment is, such as ``in 3 min`` or ``2 h ago``."""
    if moment is None:
        return "-"
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    span = abs(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if span >= 2 * size:
            amount = f"{span / size:.0f} {unit}"
            break
    else:
        amount = f"{span:.0f} s"
    return f"in {amount}" if seconds >= 0 else f"{amount} ago"


def when(moment: datetime | None, now: datetime | None = None) -> str:
    """Return a moment with how far off it is, or ``none``."""
    return "none" if moment is None else f"{clock(moment)} ({until(moment, now)})"


def milliseconds(duration: float | None) -> str:
    """Return a duration given in ms, in the unit it reads best in."""
    if duration is None:
        return "-"
    return f"{duration:.0f} ms" if duration < 1_000 else f"{duration / 1_000:.1f} s"
