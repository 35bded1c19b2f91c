"""Connection of a workspace to its engine over HTTP, one for each event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from luajobs_kit.port import Port

# asyncio keeps only weak references to tasks. Held here, the task of a workspace that was dropped
# ends with its loop, instead of being collected while its connection is open.
_HELD: Final[set[asyncio.Task[None]]] = set()


class Connection:
    """A port over HTTP for one event loop, let go of when the loop's tasks are cancelled.

    Connections belong to a loop; a script may run several, one after another, and
    ``asyncio.run`` cancels what is left before it closes its own.
    """

    def __init__(self, folder: Path) -> None:
        self.port: asyncio.Future[Port] = asyncio.get_running_loop().create_future()
        self._holding = asyncio.create_task(self._hold(folder))
        _HELD.add(self._holding)
        self._holding.add_done_callback(_HELD.discard)

    async def _hold(self, folder: Path) -> None:
        from luajobs_kit.client import connect  # noqa: PLC0415 - it loads httpx, which an engine in this process does not need

        try:
            port = await connect(folder)
        except BaseException as problem:
            if self.port.done():
                raise
            if isinstance(problem, asyncio.CancelledError):
                self.port.cancel()
                raise
            self.port.set_exception(problem)
            return
        try:
            if not self.port.done():
                self.port.set_result(port)
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            await port.aclose()

    async def aclose(self) -> None:
        self._holding.cancel()
        await asyncio.wait([self._holding])
