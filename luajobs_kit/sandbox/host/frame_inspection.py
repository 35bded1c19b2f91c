"""The checks of every frame that a child may send, field by field, in this one place.

Only what passes them reaches the engine. ``parse`` has checked the frame as a whole by then: that
it is JSON, and the bounds of its bytes, values, depth and numbers.

=========  ===========  ================================================================
frame      field        what it must be
=========  ===========  ================================================================
log        log          a list of lines, each ``[level, text, time]``: a level's name, a
                        text (cut at 65,536 characters), a number
call       call         the number after that of the call before
..         verb         lower-case words with at most one dot, 100 characters
..         arguments    an object
result     result       any JSON
error      type         text, cut at 100 characters
..         message      text, cut at 4,000 characters
..         line         a line's number, null or left out
..         trace        a list of texts, or left out: 40, each cut at 1,000 characters
code       code         base 64 (a compiler's answer, as are the next two)
refused    refused      a list of ``[line, text, rule, advice]``, 50 of them
invalid    invalid      ``[line, message]``
=========  ===========  ================================================================

A field that is not in this table breaks the protocol, and so does a field of another type.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

from luajobs_kit.sandbox.child.channel import MAX_LOG_MESSAGE
from luajobs_kit.sandbox.frames import BrokenFrame, count_values, parse
from luajobs_kit.sandbox.values import Level

FEW_VALUES: Final = 5_000  # a frame's values are counted exactly only above this
LONGEST_ERROR: Final = 4_000  # characters
LONGEST_TYPE: Final = 100
LONGEST_VERB: Final = 100  # no verb is near that long
LONGEST_PLACE: Final = 1_000  # characters of one line of a trace
MOST_PLACES: Final = 40
MOST_VIOLATIONS: Final = 50

_LEVELS: Final[dict[str, Level]] = {
    "debug": "debug", "info": "info", "warn": "warn", "error": "error",
}  # fmt: skip
_VERB: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)?", re.ASCII)
_LINES: Final = 2**31  # no line has a larger number


@dataclass(frozen=True, slots=True)
class LogFrame:
    """A log frame. ``log_line`` checks each line later: lines after the cut need no check."""

    lines: list[Any]


@dataclass(frozen=True, slots=True)
class CallFrame:
    """A call. The session compares its number with that of the call before."""

    number: int
    verb: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FinalFrame:
    """The result or error that ends a run."""

    frame: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A checked frame, and how many values it has."""

    frame: LogFrame | CallFrame | FinalFrame
    values: int


def inspect(body: bytes) -> Inspected:
    """Check a run's frame and return it. Raises ``BrokenFrame``."""
    message = parse(body)
    fields = set(message)
    frame: LogFrame | CallFrame | FinalFrame
    if fields == {"log"}:
        frame = _log(message["log"])
    elif "call" in fields:
        frame = _call(message)
    elif fields == {"result"}:
        frame = FinalFrame(message)
    elif fields == {"error"}:
        frame = FinalFrame({"error": _error(message["error"])})
    else:
        raise BrokenFrame("a frame of no known kind")
    return Inspected(frame, count_values(body, exact_above=FEW_VALUES))


def _log(lines: Any) -> LogFrame:
    if type(lines) is not list:
        raise BrokenFrame("a log frame of the wrong shape")
    return LogFrame(lines)


def log_line(line: Any) -> tuple[Level, str, float | int]:
    """Return level, text and time of one line of a log frame. Raises ``BrokenFrame``."""
    if type(line) is not list or [type(part) for part in line[:2]] != [str, str]:
        raise BrokenFrame("a log line of the wrong shape")
    if len(line) != 3 or type(line[2]) not in (int, float):  # level, text, time
        raise BrokenFrame("a log line of the wrong shape")
    level, text, at = line
    if level not in _LEVELS:
        raise BrokenFrame(f"a log line of level {level[:20]!r}")
    return _LEVELS[level], text[:MAX_LOG_MESSAGE], at


def _call(message: dict[str, Any]) -> CallFrame:
    number, verb, arguments = message["call"], message.get("verb"), message.get("arguments")
    if set(message) != {"call", "verb", "arguments"} or type(number) is not int:
        raise BrokenFrame("a call of the wrong shape")
    if type(verb) is not str or len(verb) > LONGEST_VERB or not _VERB.fullmatch(verb):
        raise BrokenFrame("a call of no verb")
    if type(arguments) is not dict:
        raise BrokenFrame("a call without arguments")
    return CallFrame(number, verb, arguments)


def _error(error: Any) -> dict[str, Any]:
    if type(error) is not dict or set(error) - {"type", "message", "line", "file", "trace"}:
        raise BrokenFrame("an error of the wrong shape")
    line, file, trace = error.get("line"), error.get("file"), error.get("trace", [])
    if type(error.get("type")) is not str or type(error.get("message")) is not str:
        raise BrokenFrame("an error without type and message")
    if not _is_line(line) or type(file) not in {str, NoneType}:
        raise BrokenFrame("an error at no line")
    if type(trace) is not list or any(type(entry) is not str for entry in trace):
        raise BrokenFrame("an error with no trace")
    return {
        "type": error["type"][:LONGEST_TYPE],
        "message": error["message"][:LONGEST_ERROR],
        "line": line,
        "file": file,
        "trace": [entry[:LONGEST_PLACE] for entry in trace[:MOST_PLACES]],
    }


def inspect_compiled(body: bytes) -> dict[str, Any]:
    """Check a compiling child's answer and return it: code, or a refusal. Raises ``BrokenFrame``."""
    message = parse(body)
    fields = set(message)
    if fields == {"code"}:
        try:
            base64.b64decode(message["code"], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise BrokenFrame("code that is not base 64") from error
        return message
    if fields == {"refused"} and type(message["refused"]) is list:
        violations = message["refused"]
        if len(violations) <= MOST_VIOLATIONS and all(map(_is_violation, violations)):
            return message
    if fields == {"invalid"} and type(message["invalid"]) is list:
        invalid = message["invalid"]
        if len(invalid) == 3 and _is_line(invalid[0]) and type(invalid[2]) is str:
            line, file, words = invalid
            if type(file) in {str, NoneType}:
                return {"invalid": [line, file, words[:LONGEST_ERROR]]}
    raise BrokenFrame("an answer no compiler gives")


def _is_violation(violation: Any) -> bool:
    if type(violation) is not list or len(violation) != 5:  # line, text, rule, advice, file
        return False
    line, *texts = violation
    return _is_line(line) and all(type(text) is str for text in texts)


def _is_line(line: Any) -> bool:
    return line is None or (type(line) is int and 0 <= line < _LINES)
