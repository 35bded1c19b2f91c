"""The bar that is shown while a command waits for long work; it is erased when that is done."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from luajobs_kit.presentation import progress_words

if TYPE_CHECKING:
    from luajobs_kit.model import Execution

PATIENCE: Final = 0.4  # seconds that need no bar
FRAME: Final = 0.1  # seconds
LOOK: Final = "%(label)s  %(bar)s"
STEPS: Final = 1_000  # of a bar that fills
ERASE: Final = "\r\x1b[2K\x1b[?25h"  # the line; and the cursor, which click hides, is back


class Waiting:
    """What is waited for, and how far it is where it tells."""

    def __init__(self, what: str) -> None:
        self.is_shown = sys.stderr.isatty() and not click.get_current_context().params.get(
            "as_json"
        )
        self._what = what
        self._share: float | None = None
        self._words = ""

    def tell(self, run: Execution) -> None:
        """Take how a run stands that is waited for: its progress, or when it is tried again."""
        if run.next_attempt_at is not None:
            self._share = None
            self._words = f"  ↻ retry at {run.next_attempt_at.astimezone():%H:%M:%S}"
        elif run.progress is not None:
            began = run.attempts[-1].started_at if run.attempts else None
            self._share = run.progress.share
            self._words = f"  {progress_words(run.progress, began)}"

    async def move(self) -> None:
        """Draw the bar until this is cancelled: one that fills where it is known how much is done."""
        begun = time.monotonic()
        await asyncio.sleep(PATIENCE)
        draw = partial(click.progressbar, file=sys.stderr, width=24, bar_template=LOOK)
        moving, filling = draw(itertools.count()), draw(length=STEPS)
        try:
            while True:
                label = f"{self._what}  {time.monotonic() - begun:3.0f} s{self._words}"
                moving.label = filling.label = label
                if self._share is None:
                    moving.update(1)
                else:
                    filling.pos = round(self._share * STEPS)
                    filling.render_progress()
                await asyncio.sleep(FRAME)
        finally:
            sys.stderr.write(ERASE)
            sys.stderr.flush()


@asynccontextmanager
async def waiting(what: str) -> AsyncIterator[Waiting]:
    """Show that ``what`` goes on, and for how long it has, while the block runs.

    Only on a terminal, on standard error, and never beside ``--json``.
    """
    shown = Waiting(what)
    moving = asyncio.create_task(shown.move()) if shown.is_shown else None
    try:
        yield shown
    finally:
        if moving is not None:
            moving.cancel()
            await asyncio.wait([moving])
