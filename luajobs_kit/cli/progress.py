"""The moving bar that is shown while a command waits for long work; it is erased when that is done."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import click

PATIENCE: Final = 0.4  # seconds that need no bar
FRAME: Final = 0.1  # seconds
ERASE: Final = "\r\x1b[2K\x1b[?25h"  # the line; and the cursor, which click hides, is back


@asynccontextmanager
async def waiting(what: str) -> AsyncIterator[None]:
    """Show that ``what`` goes on, and for how long it has, while the block runs.

    Only on a terminal, on standard error, and never beside ``--json``. How much is left is
    not known to anybody, so the bar moves and does not fill.
    """
    shown = sys.stderr.isatty() and not click.get_current_context().params.get("as_json")
    moving = asyncio.create_task(_move(what)) if shown else None
    try:
        yield
    finally:
        if moving is not None:
            moving.cancel()
            await asyncio.wait([moving])


async def _move(what: str) -> None:
    begun = time.monotonic()
    await asyncio.sleep(PATIENCE)
    bar = click.progressbar(
        itertools.count(), file=sys.stderr, width=24, bar_template="%(label)s  %(bar)s"
    )
    try:
        while True:
            bar.label = f"{what}  {time.monotonic() - begun:3.0f} s"
            bar.update(1)
            await asyncio.sleep(FRAME)
    finally:
        sys.stderr.write(ERASE)
        sys.stderr.flush()
