"""Signs and short words for what is shown: the sign and the word say it, not colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from luajobs_kit.model import RunError  # commands that show a line load no models

JOB_SIGNS: Final = {"active": "●", "paused": "‖", "inactive": "○", "failed": "✗"}
RUN_SIGNS: Final = {
    "pending": "…",
    "claimed": "…",
    "running": "▶",
    "cancellation_requested": "▶",
    "completed": "✓",
    "failed": "✗",
    "timeout": "✗",
    "killed": "✗",
    "cancelled": "○",
    "abandoned": "✗",
    "reaped": "✗",
}


def error_line(error: RunError) -> str:
    """Return an error in one line, with its author's line number and text."""
    first = error.message.splitlines()[0] if error.message else ""
    said = f"{error.type}: {first}" if first else error.type
    where = f" · line {error.line}: {error.text.strip()}" if error.line and error.text else ""
    return said + where


def short_user(user_id: str | None) -> str:
    """Return whose it is; a pre-defined job is nobody's."""
    return user_id.removeprefix("user_") if user_id else ""


# A job's words are not the terminal's orders: an escape sequence must not reach it.
_CONTROLS: Final[dict[int, str]] = {
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), "\N{REPLACEMENT CHARACTER}"),
    **{code: chr(0x2400 + code) for code in range(0x20)},  # their pictures: ␛ for Escape
}
_KEPT_CONTROLS: Final[dict[int, str]] = {ord("\t"): "    ", ord("\n"): "\n", ord("\r"): ""}


def clean(text: str) -> str:
    """Return text of a job's own making with its control characters made visible."""
    return text if text.isprintable() else text.translate(_CONTROLS | _KEPT_CONTROLS)
