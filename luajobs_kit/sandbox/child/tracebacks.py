"""Descriptions of exceptions, as a child sends them: class, message, the author's own frames."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Final

from luajobs_kit.guest.guards.ownership import instance_dict
from luajobs_kit.guest.guards.unawaited import advised
from luajobs_kit.long_numbers import in_our_words

_CLOSE: Final = 0.7  # of 1; Python's own measure is as strict
_LONGEST_NAME: Final = 40  # characters; likewise
_MOST_NAMES: Final = 750  # compared; likewise


def with_suggestion(error: BaseException, message: str) -> str:
    """Return the error's message, with a similar attribute suggested where one is missing."""
    if type(error) is not AttributeError or type(error.name) is not str:
        return message
    if not message.endswith(f"has no attribute {error.name!r}"):
        return message
    close = _closest(error.name, error.obj)
    return message if close is None else f"{message}. Did you mean: {close!r}?"


def _closest(name: str, value: object) -> str | None:
    if value is None or len(name) > _LONGEST_NAME:
        return None
    # Not by the object's own __dir__, which may be job code.
    known = type.__dir__(value) if issubclass(type(value), type) else object.__dir__(value)
    ordinary = [each for each in known if not each.startswith("_") and len(each) <= _LONGEST_NAME]
    if len(ordinary) > _MOST_NAMES:
        return None
    return next(iter(get_close_matches(name, ordinary, n=1, cutoff=_CLOSE)), None)


MOST_FRAMES: Final = 20  # of a long trace: half from each end
MOST_VIOLATIONS: Final = 50
MOST_CAUSES: Final = 5
MOST_NOTES: Final = 10
MOST_PARTS: Final = 10  # of a group of exceptions
LONGEST_MESSAGE: Final = 4_000  # characters
_LINES: Final = 2**31  # above every line's number

_WITHOUT_WORDS: Final[dict[type, str]] = {TimeoutError: "it took longer than its timeout"}


def no_words(_error: BaseException) -> str:
    """Return the text for an exception whose own text raises."""
    return "(it has no text)"


def as_it_is(text: str) -> str:
    """Return the text: nothing in it is to be masked."""
    return text


def describe(
    error: BaseException,
    files: list[str],
    words: Callable[[BaseException], str] = str,
    masked: Callable[[str], str] = as_it_is,
) -> dict[str, Any]:
    """Return ``error`` as JSON: type, message, line, trace. ``files`` are the author's, the entry's first.

    ``words`` returns an exception's text. By default that calls the author's ``__str__``; whatever
    it raises comes out here. The caller then calls again with ``words=no_words``. Every text is
    ``masked`` before it is cut, or half a secret could be left.
    """
    return _Description(files, words, masked).of(error)


class _Description:
    """The describing of one error, its parts and its causes."""

    def __init__(
        self,
        files: list[str],
        words: Callable[[BaseException], str],
        masked: Callable[[str], str],
    ) -> None:
        self._files = files
        self._words = words
        self._masked = masked

    def of(self, error: BaseException) -> dict[str, Any]:
        files = self._files
        frames = _own_frames(error.__traceback__, files)
        return {
            "type": self._name(error)[:100],
            "message": self._whole_message(error)[:LONGEST_MESSAGE],
            "line": frames[-1][1] if frames else _line_of_syntax_error(error, files),
            "file": frames[-1][0] if frames else files[0],
            "trace": [*self._causes(error), *_shown(frames)],
        }

    def _whole_message(self, error: BaseException) -> str:
        """Return the message with the parts of a group and the notes, in one line, as tables need it."""
        parts = "; ".join(self._parts(error))
        message = f"{self._message(error)}: {parts}" if parts else self._message(error)
        return "; ".join(filter(None, [message, *self._notes(error)]))

    def _message(self, error: BaseException) -> str:
        said = self._text(self._words(error))[:LONGEST_MESSAGE]
        if type(error) is ValueError:
            said = in_our_words(said)
        message = with_suggestion(error, advised(error, said))
        return message or _WITHOUT_WORDS.get(type(error), "")

    def _parts(self, error: BaseException) -> list[str]:
        """Return the exceptions of a group; the group's own message only counts them."""
        if not issubclass(type(error), BaseExceptionGroup):
            return []
        parts = []
        for part in vars(BaseExceptionGroup)["exceptions"].__get__(error)[:MOST_PARTS]:
            frames = _own_frames(part.__traceback__, self._files)
            where = f" (line {frames[-1][1]})" if frames else ""
            parts.append(f"{self._name(part)}: {self._message(part)}{where}")
        return parts

    def _notes(self, error: BaseException) -> list[str]:
        """Return the notes of ``add_note``. Job code can replace the list, so its items are checked."""
        notes = (instance_dict(error) or {}).get("__notes__")
        texts = notes[:MOST_NOTES] if type(notes) is list else []
        return [self._text(each)[:LONGEST_MESSAGE] for each in texts if issubclass(type(each), str)]

    def _causes(self, error: BaseException) -> list[str]:
        causes: list[str] = []
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        while cause is not None and len(causes) < MOST_CAUSES:
            frames = _own_frames(cause.__traceback__, self._files)
            where = f"{frames[-1][0]}:{frames[-1][1]}" if frames else self._files[0]
            words = self._text(self._words(cause))
            causes.append(f"after {self._name(cause)}: {words} at {where}"[:1000])
            cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        return causes

    def _name(self, error: BaseException) -> str:
        return self._text(type(error).__name__)

    def _text(self, text: str) -> str:
        """Return text masked, as an exact ``str``: a subclass of job code may override what slicing does."""
        return self._masked(str.__str__(text))


_Frame = tuple[str, int, str]  # file, line, function


def _own_frames(trace: TracebackType | None, files: list[str]) -> list[_Frame]:
    """Return the frames in the author's ``files``; the kit's own are left out."""
    return [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(trace)
        if frame.f_code.co_filename in files
    ]


def _shown(frames: list[_Frame]) -> list[str]:
    texts = [f"{file}:{line} in {name}"[:300] for file, line, name in frames]
    lines, early = texts[-MOST_FRAMES // 2 :], texts[: -MOST_FRAMES // 2]
    first = early[: MOST_FRAMES // 2]
    left_out = len(frames) - len(lines) - len(first)
    return [*first, *([f"… {left_out} more …"] if left_out else []), *lines]


def _line_of_syntax_error(error: BaseException, files: list[str]) -> int | None:
    if not issubclass(type(error), SyntaxError):
        return None
    # Read by SyntaxError's own descriptors: a class of job code may override these attributes. Their
    # values are job code's as well, so their types are checked.
    named, line = (vars(SyntaxError)[name].__get__(error) for name in ("filename", "lineno"))
    if type(named) is str and named == files[0] and type(line) is int and 0 <= line < _LINES:
        return line
    return None
