"""Failures of tools in words: for the caller one line, for the log the traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

from luajobs_kit.bundle.module_texts import shown_file
from luajobs_kit.errors import own_lines
from luajobs_kit.log_text import text_of

_KIT = str(Path(__file__).parents[2])


def told(name: str, problem: BaseException, file: str) -> str:
    """Return which tool failed, of what, and in which line of its own ``file``."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    own = own or [frame for frame in frames if not frame.filename.startswith(_KIT)]
    where = ""
    if own:
        where = f" (line {own[-1].lineno} of {Path(shown_file(own[-1].filename)).name})"
    return f"{name} failed: {_words(problem)}{where}"


def _words(problem: BaseException) -> str:
    """Return an error and what it was raised from; the errors of a group by themselves."""
    text = text_of(problem)
    words = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    if isinstance(problem, BaseExceptionGroup):
        words += f": {', '.join(_words(each) for each in problem.exceptions)}"
    if problem.__cause__ is not None:
        words += f"; caused by {_words(problem.__cause__)}"
    return words


def traceback_of(problem: BaseException) -> str:
    """Return the traceback, without the kit's own frames."""
    trace = own_lines(problem.__traceback__)
    return "".join(traceback.format_exception(type(problem), problem, trace)).rstrip()
