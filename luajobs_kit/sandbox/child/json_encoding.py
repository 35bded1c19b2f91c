"""The JSON encoding of Python values that leave a child.

The value's exact type decides, and none of its own methods is called: no class of job code runs
while a value is encoded, or pretends to be another type.

================================  ==================================================
Python                            JSON
================================  ==================================================
None bool int float str           themselves (NaN and infinity are refused)
list tuple                        a list
set frozenset                     a list, sorted when its items can be compared
dict frozendict                   an object; keys that are not text become text
datetime date time                ISO 8601 text
timedelta                         seconds
Decimal UUID                      text
Enum member                       its value
a subclass of one of these        as that type
anything else                     refused, with where it stands in the value
================================  ==================================================
"""

from __future__ import annotations

import builtins
import math
import types
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.guards.unawaited import advice_for, is_unawaited
from luajobs_kit.sandbox.frames import MAX_INTEGER_BITS, MAX_VALUE_DEPTH

_CALLED = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)
_DICTS: Final[tuple[Any, ...]] = (dict, getattr(builtins, "frozendict", dict))  # Python 3.15
_LONGEST_WHERE = 40  # characters


def plain(value: Any, where: str) -> Any:
    """Return ``value`` as JSON types.

    ``where`` names the value in messages (``the result``). Raises ``TypeError`` for a
    kind that has no form, ``ValueError`` for a value that JSON cannot hold.
    """
    return _plain(value, where, 0)


def _plain(value: Any, where: str, depth: int) -> Any:  # noqa: PLR0911  # one branch for each row of the table
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if depth > MAX_VALUE_DEPTH:
        where = where if len(where) <= _LONGEST_WHERE else where[: _LONGEST_WHERE - 1] + "…"
        raise ValueError(f"{where} is nested deeper than {MAX_VALUE_DEPTH}, or contains itself")
    if issubclass(kind, Enum):
        return _plain(value._value_, where, depth + 1)
    if issubclass(kind, int):
        return _integer(int.__add__(value, 0), where)
    if issubclass(kind, float):
        return _finite(float.__add__(value, 0.0), where)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, _DICTS):
        pairs = dict.items(value) if issubclass(kind, dict) else _DICTS[-1].items(value)
        return {
            _key(key, where): _plain(item, f"{where}[{_short(key)}]", depth + 1)
            for key, item in pairs
        }
    if issubclass(kind, (list, tuple)):
        base = list if issubclass(kind, list) else tuple
        items = enumerate(base.__iter__(value))
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in items]
    if kind is deque:
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if issubclass(kind, (set, frozenset)):
        base_set = set if issubclass(kind, set) else frozenset
        members = [
            _plain(item, f"a member of {where}", depth + 1) for item in base_set.__iter__(value)
        ]
        try:
            return sorted(members)
        except TypeError:
            return members
    return _text(value, kind, where)


def _text(value: Any, kind: type, where: str) -> Any:
    for base in (datetime, date, time):
        if issubclass(kind, base):
            return base.isoformat(value)
    if issubclass(kind, timedelta):
        return timedelta.total_seconds(value)
    for exact in (Decimal, UUID, Fraction):
        if kind is exact:
            return str(value)
    if issubclass(kind, (bytes, bytearray)):
        raise TypeError(
            f"{where} is {kind.__name__}, which JSON cannot hold; use value.decode() where they are "
            "text, else base64.b64encode(value).decode(), which base64.b64decode(text) reads"
        )
    if is_unawaited(value):
        raise TypeError(f"{where} is a call that was not awaited; {advice_for(value)}")
    raise TypeError(
        f"{where} is {_named(kind)}, which JSON cannot hold; "
        f"use None, bool, int, float, str, list, dict, or turn it into one of these{_advice(kind)}"
    )


def _advice(kind: type) -> str:
    """Return advice on how to turn a value of this kind into one that JSON has."""
    if hasattr(kind, "__dataclass_fields__"):
        return ": dataclasses.asdict(…)"
    if issubclass(kind, _CALLED):
        return ": call it, with (…)"
    if kind.__module__ in {"builtins", "itertools"} and hasattr(kind, "__iter__"):
        return ": list(…)"
    if kind is complex:
        return ": str(…)"
    return ": vars(…)" if own.made(kind) and "__dict__" in dir(kind) else ""


def _key(key: Any, where: str) -> str:
    kind = type(key)
    if kind is str:
        return str(key)
    if key is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[key]
    if not issubclass(kind, (tuple, frozenset)):
        value = _plain(key, f"a key of {where}", MAX_VALUE_DEPTH)
        if type(value) is str:
            return value
        if type(value) in (int, float):
            return repr(value)
    raise TypeError(
        f"a key of {where} is {_named(kind)}; keys must be text or numbers: "
        "{str(key): value for key, value in it.items()}, or list(it.items())"
    )


def _integer(number: int, where: str) -> int:
    if number.bit_length() > MAX_INTEGER_BITS:
        raise ValueError(f"{where} is a number of more than 4,200 digits; give it as hex text")
    return number


def _finite(number: float, where: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{where} is {number}, which JSON cannot hold; use None or text")
    return number


def _named(kind: type) -> str:
    return f"{'an' if kind.__name__[:1] in set('aeiouAEIOU') else 'a'} {kind.__name__}"


def _short(key: Any) -> str:
    text = repr(key) if type(key) in (str, int, float, bool) else type(key).__name__
    return text if len(text) <= 40 else text[:37] + "..."  # a message's width
