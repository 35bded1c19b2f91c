"""Lengths of time: read from numbers, and written in words."""

from __future__ import annotations

import math
from datetime import timedelta
from numbers import Real
from typing import Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened

LONGEST: Final = 100 * 365.25 * 86400  # seconds; what lies further ahead is a slip of units

_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def read_number(value: object, field: str, unit: str = "seconds") -> float:
    """Return a finite number. Raises ``InvalidInput`` for bool, text, NaN and infinities."""
    if isinstance(value, str):
        raise InvalidInput(
            f"{field} {value!r} is text; write a number of {unit}.", field=field, value=value
        )
    if isinstance(value, timedelta):
        raise InvalidInput(
            f"{field} is a timedelta; write its .total_seconds(), a number.",
            field=field,
            value=str(value),
        )
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInput(
            f"{field} {shortened(value)} is not a number of {unit}.",
            field=field,
            value=shortened(value),
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(
            f"{field} is {number}; give a finite number of {unit}.",
            field=field,
            value=shortened(value),
        )
    return number


def describe_length(length: timedelta | float) -> str:
    """Return a length in words, its two largest units: "3 hours", "1 day and 2 hours"."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds != int(seconds) and seconds < 60:
        return f"{seconds:.6g} seconds"
    rest, parts = round(seconds), []
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count:,} {name}{'s' * (count != 1)}")
    return " and ".join(parts[:2]) or "0 seconds"
