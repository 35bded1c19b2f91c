"""Bytes on their way between job code and tools or the web: JSON has no form for them.

They travel as ``{"$bytes": base 64}`` and are bytes again on the other side. An object that has this
form itself travels inside ``{"$object": …}``. What is kept, such as data, is never packed so.
"""

from __future__ import annotations

import base64
from typing import Any, Final

_BYTES: Final = "$bytes"
_OBJECT: Final = "$object"


def pack(value: Any) -> Any:
    """Return ``value`` with its bytes packed; everything but dicts and lists stays as it is.

    The exact class of a value decides, and its own methods are not asked.
    """
    kind = type(value)
    if issubclass(kind, bytes | bytearray):
        return {_BYTES: base64.b64encode(value).decode("ascii")}
    if issubclass(kind, dict):
        packed = {key: pack(item) for key, item in dict.items(value)}
        return {_OBJECT: packed} if _is_marked(packed) else packed
    if issubclass(kind, list):
        return [pack(item) for item in list.__iter__(value)]
    if kind is tuple:
        return [pack(item) for item in value]
    return value


def unpack(value: Any) -> Any:
    """Return JSON with its packed bytes as bytes. Raises ``ValueError`` for what is not base 64."""
    if type(value) is list:
        return [unpack(item) for item in value]
    if type(value) is not dict:
        return value
    if _is_marked(value):
        if _BYTES in value and type(value[_BYTES]) is str:
            return base64.b64decode(value[_BYTES], validate=True)
        if _OBJECT in value and type(value[_OBJECT]) is dict:
            value = value[_OBJECT]
    return {key: unpack(item) for key, item in value.items()}


def _is_marked(value: dict[Any, Any]) -> bool:
    return len(value) == 1 and not {_BYTES, _OBJECT}.isdisjoint(
        key for key in value if type(key) is str
    )
