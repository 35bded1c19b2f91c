"""``urlsplit`` without its cache.

A2: the library caches results by argument and argument class. A job's argument with the right hash
would be compared with the keys, the real ``type`` among them (A1).
"""

from __future__ import annotations

from typing import Any


def without_cache(known: Any) -> Any:
    return getattr(known, "__wrapped__", known)
