"""Identifiers: a prefix and a ULID, such as ``job_01JF2Q8W3N6T4E5R7Y9K0M1P2S``.

A ULID is 48 bits of milliseconds and 80 random bits in Crockford's base 32
(https://github.com/ulid/spec). Ids are opaque: order is by time columns, never by id.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from luajobs_kit.clock import Clock, SystemClock

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 26  # characters, 5 bits each


class Ids:
    """Makes ids from a clock and a source of random bytes (both replaced in simulation)."""

    def __init__(
        self, clock: Clock | None = None, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._clock = clock or SystemClock()
        self._random = random

    def new(self, prefix: str) -> str:
        """Return a new id, for example ``new("exec")`` → ``exec_01J…``."""
        milliseconds = int(self._clock.now().timestamp() * 1000)
        number = (milliseconds << 80) | int.from_bytes(self._random(10), "big")
        digits = "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH))
        return f"{prefix}_{digits[::-1]}"
