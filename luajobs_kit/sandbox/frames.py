"""Frames: a four-byte length and a JSON object, on one socket between host and child.

Both sides pack with ``pack``. To the host, every frame of a child is hostile. ``Splitter`` checks
the length before it stores a byte, ``parse`` checks the number of values and their depth before it
builds one. The result is plain JSON: finite numbers, integers that can be printed, text that can be
encoded, none of the constants that JSON does not have.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, NoReturn

READY = b"R"  # a child's first byte, before any frame, once every wall stands
HEADER = struct.Struct(">I")
MAX_FRAME = 2**20  # bytes of a result, or of a call with its arguments; other frames are smaller
MAX_COMPILED_FRAME = 32 * 2**20  # bytes; compiled code in base 64
MAX_REPLY = 5 * 2**20  # bytes of one answer to a call
MAX_VALUES = 150_000  # of one frame; each item of a list or an object counts
MAX_VALUE_DEPTH = 64  # lists and objects inside one another, in what a child sends
MAX_DEPTH = MAX_VALUE_DEPTH + 2  # with those of the frame around it
MAX_INTEGER_BITS = 14_000  # about 4,200 digits; Python itself refuses to print more

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)
# Possessive (``*+``), and an unclosed text takes all the rest: backtracking would try each quote
# again as the beginning of another text, which takes quadratic time.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# What separates values, and what is skipped: text, empty lists and empty objects.
_MARKS = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\[[ \t\r\n]*+\]|\{[ \t\r\n]*+\}|[,\[{]', re.DOTALL
)
_QUOTE = 34  # the byte
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_AS_LISTS = bytes.maketrans(b"{}", b"[]")  # the parser checks that the kinds match
# The look-behind keeps the search linear.
_MAY_OVERFLOW = re.compile(r"(?<![0-9])[0-9]{200}|[eE]\+?[0-9]{3}")
_MAY_BE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BrokenFrame(Exception):  # named for what happened, as ConnectionResetError is
    """A frame that breaks the protocol; the message says how."""


def pack(value: dict[str, Any]) -> bytes:
    """Return ``value`` as one frame. Text that UTF-8 cannot hold becomes question marks."""
    body = _ENCODER.encode(value).encode("utf-8", "replace")
    return HEADER.pack(len(body)) + body


@dataclass(frozen=True, slots=True)
class Json:
    """A value that is encoded as JSON already, in UTF-8."""

    text: bytes


def pack_reply(number: int, value: Any) -> bytes:
    """Return the frame that answers a call with ``value``, which may be encoded already."""
    if not isinstance(value, Json):
        return pack({"reply": number, "value": value})
    body = b'{"reply":%d,"value":%b}' % (number, value.text)
    return HEADER.pack(len(body)) + body


class Splitter:
    """Cuts a stream of bytes into the bodies of frames."""

    def __init__(self, longest: int = MAX_FRAME) -> None:
        self._longest = longest
        self._unparsed = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add ``data`` to what arrived before; return the bodies that are complete now.

        Raises ``BrokenFrame`` as soon as a length is announced that is 0 or too large.
        """
        unparsed = self._unparsed
        unparsed += data
        bodies = []
        start = 0
        while len(unparsed) - start >= HEADER.size:
            (length,) = HEADER.unpack_from(unparsed, start)
            if not 0 < length <= self._longest:
                raise BrokenFrame(f"a frame of {length} bytes (at most {self._longest} are taken)")
            end = start + HEADER.size + length
            if len(unparsed) < end:
                break
            bodies.append(bytes(unparsed[start + HEADER.size : end]))
            start = end
        del unparsed[:start]
        return bodies


def parse(body: bytes) -> dict[str, Any]:
    """Return the object in a hostile frame's ``body``. Raises ``BrokenFrame``."""
    if count_values(body) > MAX_VALUES:
        raise BrokenFrame(f"a frame of more than {MAX_VALUES:,} values")
    _check_depth(body)
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(f"a frame that is not JSON ({str(error)[:200]})") from error
    if type(value) is not dict:
        raise BrokenFrame("a frame that is not an object")
    if _MAY_BE_SURROGATE.search(text) or _MAY_OVERFLOW.search(text):
        cleaned: dict[str, Any] = _clean(value)
        return cleaned
    return value


def count_values(body: bytes, *, exact_above: int = MAX_VALUES) -> int:
    """Return how many values the JSON in ``body`` has, without building one.

    Up to ``exact_above`` the count may be too high, because commas in text count as well. Counting
    stops above ``MAX_VALUES``.
    """
    at_most = 1 + body.count(b",") + body.count(b"[") + body.count(b"{")
    if at_most <= exact_above:
        return at_most
    # Again, without commas and brackets in text, and without empty lists and objects.
    values, texts = 1, 0
    for mark in _MARKS.finditer(body):
        if body[mark.start()] == _QUOTE:
            texts += 1
        elif mark.end() - mark.start() == 1:
            values += 1
        # Each item of an object has a text more, its key.
        if max(values, texts - values) > MAX_VALUES:
            return MAX_VALUES + 1
    return values


def _check_depth(body: bytes) -> None:
    """Raise ``BrokenFrame`` for deep nesting, without recursion, before the parser's stack overflows."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRINGS.sub(b"", body).translate(_AS_LISTS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise BrokenFrame(f"a frame nested deeper than {MAX_DEPTH}, or with brackets unclosed")


def _refuse_constant(name: str) -> NoReturn:
    raise BrokenFrame(f"a frame with {name}, which JSON does not have")


def _clean(value: Any) -> Any:
    """Replace lone surrogates; refuse numbers beyond the bounds. The depth is checked already."""
    if type(value) is str:
        return value.encode("utf-8", "replace").decode("utf-8")
    if type(value) is float and not math.isfinite(value):
        raise BrokenFrame("a frame with a number too large to hold")
    if type(value) is int and value.bit_length() > MAX_INTEGER_BITS:
        raise BrokenFrame("a frame with a number of more than 4,200 digits")
    if type(value) is list:
        return [_clean(item) for item in value]
    if type(value) is dict:
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
