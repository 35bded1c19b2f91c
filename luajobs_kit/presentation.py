"""Signs, tones and short words that every face shows; a face adds only its colours and widths.

The sign and the word say it, and not colour alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from luajobs_kit.model import (  # commands that show a line load no models
        Level,
        Progress,
        RunError,
    )

Tone = Literal["plain", "dim", "good", "bad", "warn", "live", "accent"]
"""What a colour means; each face has its own colour for each."""

SIGNS: Final = {
    # Of a job; "failed" is also an execution's.
    "active": "●",
    "paused": "‖",
    "inactive": "○",
    "failed": "✗",
    # Of an execution.
    "pending": "…",
    "claimed": "…",
    "running": "▶",
    "cancellation_requested": "▶",
    "completed": "✓",
    "timeout": "✗",
    "killed": "✗",
    "cancelled": "○",
    "abandoned": "✗",
    "reaped": "✗",
}
TONES: Final[dict[str, Tone]] = {
    "●": "good",
    "‖": "warn",
    "○": "dim",
    "✗": "bad",
    "…": "warn",
    "▶": "live",
    "✓": "good",
}
LEVEL_TONES: Final[dict[Level, Tone]] = {
    "debug": "dim",
    "info": "plain",
    "warn": "warn",
    "error": "bad",
}
JOB_COLUMNS: Final = ("status", "job", "user", "schedule", "next fire", "last outcome")


def status_text(status: str) -> str:
    """Return a job's or an execution's status: its sign and the word."""
    return f"{SIGNS[status]} {status.replace('_', ' ')}"


def status_tone(status: str) -> Tone:
    """Return what the colour of a status means."""
    return TONES[SIGNS[status]]


def length(span: timedelta | float) -> str:
    """Return a length of time, a number being in seconds, in at most two units.

    Such as ``12s``, ``3m 05s``, ``2h 05m``, ``6d 3h``.
    """
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    if seconds < 60:
        return f"{max(seconds, 0)}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86_400:
        return f"{seconds // 3600}h {seconds % 3600 // 60:02}m"
    return f"{seconds // 86_400}d {seconds % 86_400 // 3600}h"


def countdown(left: timedelta) -> str:
    """Return how long it is until a moment, rounded up: one that shows 0 for a second looks stuck."""
    return length(left + timedelta(seconds=0.999))


def progress_words(progress: Progress, since: datetime | None = None) -> str:
    """Return how far a run is: ``3 of 10 · pages read · about 12s left``.

    What is left is estimated from what was done since the attempt began (``since``), once that took
    two seconds: less tells too little.
    """
    words = _amount(progress.done)
    if progress.total is not None:
        words += f" of {_amount(progress.total)}"
    if progress.text:
        words += f" · {clean(progress.text)}"
    share = progress.share
    if since is not None and share is not None and 0 < share < 1:
        spent = progress.at - since
        if spent >= timedelta(seconds=2):
            words += f" · about {length(spent * (1 / share - 1))} left"
    return words


def percent(progress: Progress) -> str:
    """Return how much is done as a percentage; where the whole is not known, how much that is."""
    share = progress.share
    return _amount(progress.done) if share is None else f"{share:.0%}"


def _amount(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}".rstrip("0").rstrip(".")


def age(then: datetime, now: datetime) -> str:
    """Return how long ago, in one unit: ``3m ago``."""
    seconds = int((now - then).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago" if seconds > 0 else "now"


def took(milliseconds: float | None) -> str:
    """Return a duration given in ms, in the unit it reads best in."""
    if milliseconds is None:
        return "—"
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 60 else length(seconds)


def error_line(error: RunError) -> str:
    """Return an error in one line, with its author's line number and text."""
    first = error.message.splitlines()[0] if error.message else ""
    said = f"{error.type}: {first}" if first else error.type
    where = f" · {error.place}: {error.text.strip()}" if error.line and error.text else ""
    return said + where


def short_user(user_id: str | None) -> str:
    """Return whose it is; a pre-defined job is nobody's."""
    return user_id.removeprefix("user_") if user_id else ""


# A job's words are not the terminal's orders: an escape sequence must not reach it.
_CONTROLS: Final[dict[int, str]] = {
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), "\N{REPLACEMENT CHARACTER}"),
    **{code: chr(0x2400 + code) for code in range(0x20)},  # their pictures: ␛ for Escape
}
# Nor may they reorder the line (bidirectional overrides and isolates) or hide in it. The marks and
# joiners that right-to-left text and emoji are written with stay.
_UNSEEN: Final[dict[int, str]] = {
    code: f"<U+{code:04X}>"
    for code in (
        0xAD,
        0x180E,
        0x200B,
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
    )
}
_KEPT_CONTROLS: Final[dict[int, str]] = {ord("\t"): "    ", ord("\n"): "\n", ord("\r"): ""}
_SHOWN: Final = _CONTROLS | _UNSEEN | _KEPT_CONTROLS


def clean(text: str) -> str:
    """Return text of a job's own making with its control and invisible characters made visible."""
    return text if text.isprintable() else text.translate(_SHOWN)
