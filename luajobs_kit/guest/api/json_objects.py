"""Plain JSON made of what job code gives to be kept or sent, by a notebook's rules and refusals.

A value's exact class decides, and its own methods are not asked (A4). In an error's words it is
shown as ``repr`` shows it, which is job code's own business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from luajobs_kit.errors import InvalidInput
from luajobs_kit.guest.guards.unawaited import advice_for, is_unawaited
from luajobs_kit.json_walk import DEEPEST, check_text, not_a_key, not_an_object, not_json, too_deep


def to_object(value: Any, path: str) -> dict[str, Any]:
    """Return ``value`` as a plain JSON object.

    Raises ``InvalidInput`` naming the path of the first value that JSON has no form for.
    """
    if not issubclass(type(value), dict):
        raise not_an_object(value, path)
    plain: dict[str, Any] = to_plain(value, path)
    return plain


def to_plain(value: Any, path: str, depth: int = 0) -> Any:
    """Return ``value`` as plain JSON, tuples as lists. Raises ``InvalidInput`` likewise."""
    if depth > DEEPEST:
        raise too_deep(path, DEEPEST)
    kind = type(value)
    if value is None or kind is bool:
        return value
    if issubclass(kind, str):
        text = str.__str__(value)
        check_text(text, path)
        return text
    if issubclass(kind, int):
        return int.__add__(value, 0)
    if issubclass(kind, float) and math.isfinite(float.__add__(value, 0.0)):
        return float.__add__(value, 0.0)
    if issubclass(kind, dict):
        return {
            _key(key, path): to_plain(item, f"{path}[{key!r}]", depth + 1)
            for key, item in dict.items(value)
        }
    if issubclass(kind, list | tuple):
        items: Iterable[Any] = (
            list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        )
        return [to_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(items)]
    if is_unawaited(value):
        raise InvalidInput(f"{path} is a call that was not awaited; {advice_for(value)}")
    raise not_json(value, path)


def _key(key: Any, path: str) -> str:
    if not issubclass(type(key), str):
        raise not_a_key(key, path)
    text = str.__str__(key)
    check_text(text, f"a key of {path}")
    return text
