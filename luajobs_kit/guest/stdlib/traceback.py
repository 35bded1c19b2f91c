"""``traceback`` of job code: errors as text with the author's own frames, as the log has them."""

from __future__ import annotations

import sys
from typing import Any

from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.runtime.error_text import error_text, without_frames
from luajobs_kit.guest.runtime.run import current


def format_exc(limit: int | None = None, chain: bool = True) -> str:  # noqa: ARG001, FBT001, FBT002  # the library's signature
    """Return the text of the error that is being handled."""
    return _text(sys.exception())


def format_exception(exc: Any, /, value: Any = None, *_: Any, **__: Any) -> list[str]:
    """Return the lines of an error; also called as ``format_exception(type, error, traceback)``."""
    return _text(_error(exc, value)).splitlines(keepends=True)


def format_exception_only(exc: Any, /, value: Any = None, *_: Any, **__: Any) -> list[str]:
    """Return an error's class and message alone."""
    error = _error(exc, value)
    return [f"{'NoneType: None' if error is None else without_frames(error)}\n"]


def print_exc(limit: int | None = None, file: Any = None, chain: bool = True) -> None:  # noqa: ARG001, FBT001, FBT002  # likewise
    """Write the error that is being handled to the run's log."""
    _write(_text(sys.exception()), file)


def print_exception(exc: Any, /, value: Any = None, *_: Any, file: Any = None, **__: Any) -> None:
    """Write an error to the run's log."""
    _write(_text(_error(exc, value)), file)


def _error(exc: Any, value: Any) -> BaseException | None:
    """Return the error among the arguments. A4: told by its type, not by isinstance."""
    for each in (exc, value):
        if issubclass(type(each), BaseException):
            return each  # type: ignore[no-any-return]
    if exc is None:
        return None
    raise TypeError(f"an exception is needed, not {type(exc).__name__!r}")


def _text(error: BaseException | None) -> str:
    return ("NoneType: None" if error is None else error_text(error)) + "\n"


def _write(text: str, file: Any) -> None:
    if file is None:
        current().write(text)
    else:
        read(file, "write")(text)
