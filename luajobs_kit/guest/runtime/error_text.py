"""Errors as text for the log: the author's own frames, the class and the message."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from luajobs_kit.guest.runtime.run import current
from luajobs_kit.log_text import text_of

MOST_FRAMES: Final = 20
MOST_CAUSES: Final = 5
LONGEST_MESSAGE: Final = 4_000  # characters

_TRACEBACK: Final[Any] = vars(BaseException)["__traceback__"]
_CAUSE: Final[Any] = vars(BaseException)["__cause__"]


def error_text(error: BaseException) -> str:
    """Return what Python would print of the error, without frames that are not job code's."""
    parts = [_one(error)]
    cause = _CAUSE.__get__(error)
    while cause is not None and len(parts) < MOST_CAUSES:
        parts.append(
            f"{_one(cause)}\n\nThe above exception was the direct cause of the following:\n"
        )
        cause = _CAUSE.__get__(cause)
    return "\n".join(reversed(parts))


def _one(error: BaseException) -> str:
    # By BaseException's own descriptors: a class of job code may have attributes of these names.
    frames = _own_frames(_TRACEBACK.__get__(error))
    told = without_frames(error)
    return "\n".join(["Traceback (most recent call last):", *frames, told] if frames else [told])


def without_frames(error: BaseException) -> str:
    """Return an error's class and message."""
    name = str.__str__(type(error).__name__)
    message = text_of(error)[:LONGEST_MESSAGE]
    return f"{name}: {message}" if message else name


def _own_frames(trace: TracebackType | None) -> list[str]:
    """Return a line for each frame whose globals are those of job code; the innermost of many."""
    own = current().globals
    frames = []
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals is own:
            code = frame.f_code
            frames.append(f'  File "{code.co_filename}", line {trace.tb_lineno}, in {code.co_name}')
        trace = trace.tb_next
    return frames[-MOST_FRAMES:]
