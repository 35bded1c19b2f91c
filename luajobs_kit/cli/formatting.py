"""Tables and times for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from luajobs_kit.presentation import (
    Tone,
    age,
    clean,
    countdown,
    status_text,
    status_tone,
    took,
)

COLOURS: Final[dict[Tone, str | None]] = {
    "plain": None,
    "dim": "bright_black",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "live": "cyan",
}


class Styled(str):
    """A cell with colours of our own; of any other one, control characters are made visible."""

    __slots__ = ()


def mark(status: str) -> Styled:
    """Return a status as a sign, a colour and the word: colour alone tells nothing to some."""
    return Styled(click.style(status_text(status), fg=COLOURS[status_tone(status)]))


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
    """Return how far off a moment is, such as ``in 3m 05s`` or ``2h ago``."""
    if moment is None:
        return "-"
    now = now or datetime.now(UTC)
    return f"in {countdown(moment - now)}" if moment >= now else age(moment, now)


def when(moment: datetime | None, now: datetime | None = None) -> str:
    """Return a moment with how far off it is, or ``none``."""
    return "none" if moment is None else f"{clock(moment)} ({until(moment, now)})"


def milliseconds(duration: float | None) -> str:
    """Return a duration given in ms, in the unit it reads best in."""
    return "-" if duration is None else took(duration)
