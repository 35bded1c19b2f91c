"""An exception as a child tells it: class, message, and the author's own frames."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Final

from luajobs_kit.guest.guards.ownership import instance_dict
from luajobs_kit.guest.guards.unawaited import advised

_CLOSE: Final = 0.7  # of 1; Python's own measure is as strict
_LONGEST_NAME: Final = 40  # characters; likewise
_MOST_NAMES: Final = 750  # compared; likewise


def meant(error: BaseException, message: str) -> str:
    """Return the message of ``error``, with the attribute it has where one is missing."""
    if type(error) is not AttributeError or type(error.name) is not str:
        return message
    if not message.endswith(f"has no attribute {error.name!r}"):
        return message
    close = _closest(error.name, error.obj)
    return message if close is None else f"{message}. Did you mean: {close!r}?"


def _closest(name: str, value: object) -> str | None:
    if value is None or len(name) > _LONGEST_NAME:
        return None
    # Never the object's own __dir__, which may be the author's.
    known = type.__dir__(value) if issubclass(type(value), type) else object.__dir__(value)
    ordinary = [each for each in known if not each.startswith("_") and len(each) <= _LONGEST_NAME]
    if len(ordinary) > _MOST_NAMES:
        return None
    return next(iter(get_close_matches(name, ordinary, n=1, cutoff=_CLOSE)), None)


MOST_FRAMES: Final = 20  # kept of a long trace: half from each end
MOST_VIOLATIONS: Final = 50
MOST_CAUSES: Final = 5
MOST_NOTES: Final = 10
MOST_PARTS: Final = 10  # of a group of exceptions
LONGEST_MESSAGE: Final = 4_000  # characters
_LINES: Final = 2**31  # no line has a larger number

_WITHOUT_WORDS: Final[dict[type, str]] = {TimeoutError: "it took longer than its timeout"}


def no_words(_error: BaseException) -> str:
    """Stand for the text of an exception that cannot give its own."""
    return "(it has no text)"


def describe(
    error: BaseException, file: str, words: Callable[[BaseException], str] = str
) -> dict[str, Any]:
    """Return ``error`` as JSON: type, message, line, trace. ``file`` is the author's.

    Asking an exception for its text runs the author's ``__str__``: what that raises
    is the caller's to catch, and to ask again with other ``words``.
    """
    frames = _own_frames(error.__traceback__, file)
    return {
        "type": _name(error)[:100],
        "message": _whole_message(error, file, words)[:LONGEST_MESSAGE],
        "line": frames[-1][0] if frames else _line_of_syntax_error(error, file),
        "trace": [*_causes(error, file, words), *_shown(frames, file)],
    }


def _whole_message(error: BaseException, file: str, words: Callable[[BaseException], str]) -> str:
    """Return an error's message with all that belongs to it, in one line: tables show it, too."""
    parts = "; ".join(_parts(error, file, words))
    message = f"{_message(error, words)}: {parts}" if parts else _message(error, words)
    return "; ".join(filter(None, [message, *_notes(error)]))


def _message(error: BaseException, words: Callable[[BaseException], str]) -> str:
    message = meant(error, advised(error, _exact(words(error))[:LONGEST_MESSAGE]))
    return message or _WITHOUT_WORDS.get(type(error), "")


def _parts(error: BaseException, file: str, words: Callable[[BaseException], str]) -> list[str]:
    """Return what a group of exceptions holds: its own words only count them."""
    if not issubclass(type(error), BaseExceptionGroup):
        return []
    told = []
    for part in vars(BaseExceptionGroup)["exceptions"].__get__(error)[:MOST_PARTS]:
        frames = _own_frames(part.__traceback__, file)
        where = f" (line {frames[-1][0]})" if frames else ""
        told.append(f"{_name(part)}: {_message(part, words)}{where}")
    return told


def _notes(error: BaseException) -> list[str]:
    """Return what was added with ``add_note``; the list is job code's, and may hold anything."""
    notes = (instance_dict(error) or {}).get("__notes__")
    texts = notes[:MOST_NOTES] if type(notes) is list else []
    return [_exact(each)[:LONGEST_MESSAGE] for each in texts if issubclass(type(each), str)]


def _exact(text: str) -> str:
    """Return text as plain text: a job's own kind of it may answer anything when it is cut."""
    return str.__str__(text)


def _name(error: BaseException) -> str:
    return _exact(type(error).__name__)


def _own_frames(trace: TracebackType | None, file: str) -> list[tuple[int, str]]:
    """Return (line, function) of the frames in ``file``; the house's own are nobody's help."""
    return [
        (line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(trace)
        if frame.f_code.co_filename == file
    ]


def _shown(frames: list[tuple[int, str]], file: str) -> list[str]:
    lines = [f"{file}:{line} in {name}"[:300] for line, name in frames[-MOST_FRAMES // 2 :]]
    early = frames[: -MOST_FRAMES // 2]
    first = [f"{file}:{line} in {name}"[:300] for line, name in early[: MOST_FRAMES // 2]]
    left_out = len(frames) - len(lines) - len(first)
    return [*first, *([f"… {left_out} more …"] if left_out else []), *lines]


def _causes(error: BaseException, file: str, words: Callable[[BaseException], str]) -> list[str]:
    told: list[str] = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and len(told) < MOST_CAUSES:
        frames = _own_frames(cause.__traceback__, file)
        where = f"{file}:{frames[-1][0]}" if frames else file
        told.append(f"after {_name(cause)}: {_exact(words(cause))} at {where}"[:1000])
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told


def _line_of_syntax_error(error: BaseException, file: str) -> int | None:
    if not issubclass(type(error), SyntaxError):
        return None
    # Job code gives these any value, and a class of its own may have others by these names.
    named, line = (vars(SyntaxError)[name].__get__(error) for name in ("filename", "lineno"))
    if type(named) is str and named == file and type(line) is int and 0 <= line < _LINES:
        return line
    return None
