"""Bounds of a listing: how many are asked for at once, and which page of them."""

from __future__ import annotations

from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened

MOST_AT_ONCE: Final = 1_000
MOST_PAGES: Final = 1_000_000


def check_count(count: Any, name: str = "limit", most: int = MOST_AT_ONCE) -> int:
    """Return ``count`` where it is a whole number from 1 to ``most``.

    Raises ``InvalidInput`` with the argument's ``name``.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise InvalidInput(
            f"{name}={shortened(count)} is no whole number from 1 to {most}.", field=name
        )
    if not 1 <= count <= most:
        shown = count if count.bit_length() < 64 else "…"  # longer than anybody reads
        raise InvalidInput(f"{name}={shown} is outside 1 to {most}.", field=name)
    return count
