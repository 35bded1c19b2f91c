"""``random``, ``secrets`` and ``uuid`` in a simulation, where all of them repeat."""

from __future__ import annotations

import base64
import random
import uuid
from typing import Any

from luajobs_kit.guest.runtime.run import Run


def random_names(run: Run) -> dict[str, Any]:
    """Return the names of ``random`` that do not draw from its own generator, which the run seeds."""
    return {"SystemRandom": _system_random(run)}


def _system_random(run: Run) -> type:
    class SystemRandom(random.Random):
        """A generator seeded by the simulation, so that it repeats."""

        def __init__(self, _seed: Any = None) -> None:
            super().__init__(run.entropy.getrandbits(128))

    return SystemRandom


def secrets_names(run: Run) -> dict[str, Any]:
    source = run.entropy
    default_bytes = 32

    def token_bytes(nbytes: int | None = None) -> bytes:
        return source.randbytes(default_bytes if nbytes is None else nbytes)

    def token_hex(nbytes: int | None = None) -> str:
        return token_bytes(nbytes).hex()

    def token_urlsafe(nbytes: int | None = None) -> str:
        return base64.urlsafe_b64encode(token_bytes(nbytes)).rstrip(b"=").decode("ascii")

    def randbelow(exclusive_upper_bound: int) -> int:
        if exclusive_upper_bound <= 0:
            raise ValueError("Upper bound must be positive.")
        return source.randrange(exclusive_upper_bound)

    return {
        "SystemRandom": _system_random(run),
        "choice": source.choice,
        "randbelow": randbelow,
        "randbits": source.getrandbits,
        "token_bytes": token_bytes,
        "token_hex": token_hex,
        "token_urlsafe": token_urlsafe,
    }


def uuid_names(run: Run) -> dict[str, Any]:
    def uuid4() -> uuid.UUID:
        """Make a random UUID."""
        return uuid.UUID(int=run.entropy.getrandbits(128), version=4)

    return {"uuid4": uuid4}
