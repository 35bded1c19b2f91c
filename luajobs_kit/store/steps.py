"""What one look through the entries may cost: job code asks for it, and may mean harm."""

from __future__ import annotations

from typing import Final

from luajobs_kit.errors import InvalidInput

MOST_STEPS: Final = 20_000_000  # some ten seconds; 100,000 small entries take less than one


class Steps:
    """Counted as they are taken, and not by the clock: the same look always ends the same way."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, count: int = 1) -> None:
        """Count comparisons. Raises ``InvalidInput`` when there were too many."""
        self._left -= count
        if self._left < 0:
            raise InvalidInput(
                f"This takes more than {MOST_STEPS:,} comparisons and was given up. Ask for less: "
                "filter by fewer values and plainer fields, or spread the entries over collections."
            )
