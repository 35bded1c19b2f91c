"""Signs and short words for what is shown: the sign and the word say it, not colour alone."""

from __future__ import annotations

from typing import Final

from luajobs_kit.model import RunError

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
