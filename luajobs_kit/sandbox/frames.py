"""Frames: a four-byte length and a JSON object, on one socket between host and child.

Both sides pack with ``pack``. The host takes what a child sends for hostile:
``Splitter`` caps the length before it keeps a byte, ``parse`` caps the number of values and
their depth before it builds one, and what comes out is plain JSON: finite numbers, integers
that can be printed, text that can be encoded, no constants that JSON does not have.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, NoReturn

READY = b"R"  # a child's first byte, before any frame: every wall stands
HEADER = struct.Struct(">I")
MAX_FRAME = 2**20  # bytes of a result, or of a call with its arguments; other frames are smaller
MAX_COMPILED_FRAME = 32 * 2**20  # bytes; compiled code in base 64
MAX_REPLY = 5 * 2**20  # bytes of one answer to a call
MAX_VALUES = 150_000  # in one frame: each item of a list or an object counts
MAX_VALUE_DEPTH = 64  # lists and objects inside one another, in what a child sends
MAX_DEPTH = MAX_VALUE_DEPTH + 2  # with those of the frame around it
MAX_INTEGER_BITS = 14_000  # about 4,200 digits; Python itself refuses to print more

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)
# Of text that is never closed it takes all that is left, and it gives back nothing it took:
# else each quote in it would be looked at again, as the beginning of another text.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# What tells values apart, and the text and the empty lists and objects that are passed over.
_MARKS = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\[[ \t\r\n]*+\]|\{[ \t\r\n]*+\}|[,\[{]', re.DOTALL
)
_QUOTE = 34  # the byte
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_AS_LISTS = bytes.maketrans(b"{}", b"[]")  # that each closes its own kind, the parser sees
_MAY_OVERFLOW = re.compile(r"(?<![0-9])[0-9]{200}|[eE]\+?[0-9]{3}")  # each digit is read once
_MAY_BE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BrokenFrame(Exception):  # it is what happened, as ConnectionReset is
    """A frame that breaks the protocol; the message says how."""


def pack(value: dict[str, Any]) -> bytes:
    """Return ``value`` as one frame. Text that UTF-8 cannot hold becomes question marks."""
    body = _ENCODER.encode(value).encode("utf-8", "replace")
    return HEADER.pack(len(body)) + body


@dataclass(frozen=True, slots=True)
class Json:
    """A value that is written as JSON already, in UTF-8."""

    text: bytes


def pack_reply(number: int, value: Any) -> bytes:
    """Return the frame that answers a call with ``value``, plain or written already."""
    if not isinstance(value, Json):
        return pack({"reply": number, "value": value})
    body = b'{"reply":%d,"value":%b}' % (number, value.text)
    return HEADER.pack(len(body)) + body


class Splitter:
    """Cuts a stream of bytes into the bodies of frames."""

    def __init__(self, longest: int = MAX_FRAME) -> None:
        self._longest = longest
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived; return the bodies that are whole now.

        Raises ``BrokenFrame`` as soon as a length is announced that is 0 or too large.
        """
        held = self._held
        held += data
        bodies = []
        start = 0
        while len(held) - start >= HEADER.size:
            (length,) = HEADER.unpack_from(held, start)
            if not 0 < length <= self._longest:
                raise BrokenFrame(f"a frame of {length} bytes (at most {self._longest} are taken)")
            end = start + HEADER.size + length
            if len(held) < end:
                break
            bodies.append(bytes(held[start + HEADER.size : end]))
            start = end
        del held[:start]
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

    It may say more, by the commas in text, up to ``exact_above``; and it stops counting above
    ``MAX_VALUES``.
    """
    at_most = 1 + body.count(b",") + body.count(b"[") + body.count(b"{")
    if at_most <= exact_above:
        return at_most
    # Once more, without the commas and brackets in text, and without what is empty.
    values, texts = 1, 0
    for mark in _MARKS.finditer(body):
        if body[mark.start()] == _QUOTE:
            texts += 1
        elif mark.end() - mark.start() == 1:
            values += 1
        if max(values, texts - values) > MAX_VALUES:  # an object has as many texts more as values
            return MAX_VALUES + 1
    return values


def _check_depth(body: bytes) -> None:
    """Refuse deep nesting without recursion, so no depth reaches the parser's stack."""
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
    """Replace lone surrogates, refuse numbers beyond the bounds. The depth is already bounded."""
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
