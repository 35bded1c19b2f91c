"""``job.track``: a loop whose progress is told."""

from __future__ import annotations

from typing import Any, Final, Self

from luajobs_kit.errors import InvalidInput
from luajobs_kit.guest.guards.sealed import HostMade
from luajobs_kit.guest.runtime.loop import Future
from luajobs_kit.guest.runtime.run import current

PAUSE: Final = 0.1  # seconds between two reports; the engine tells faces no more of them


def report_progress(done: float, total: float | None, text: str | None) -> Future:
    """Send the engine how far the run is. It leaves at once; the future holds the engine's answer."""
    return current().call("job.progress", {"done": done, "total": total, "text": text})


class Tracker(HostMade):
    """What ``job.track`` gives: the items, one after another, and a report between two of them.

    A loop that is left early has reported how far it came; one that ends, all of its items.
    """

    __slots__ = ("_done", "_items", "_reported_at", "_source", "_text", "_total")

    _total: float | None

    def __init__(self, items: Any, total: float | None, text: str | None) -> None:
        if total is not None and not (type(total) in (int, float) and total >= 0):
            raise InvalidInput(
                "job.track needs the number of its items as total=, 0 or more, or none at all"
            )
        try:
            self._total = len(items) if total is None else total
        except TypeError:  # a generator, which does not know
            self._total = None
        self._items = items
        self._text = text

    def __iter__(self) -> Self:
        return self._begin(iter(self._items))

    def __aiter__(self) -> Self:
        is_async = hasattr(type(self._items), "__aiter__")
        return self._begin(aiter(self._items) if is_async else iter(self._items))

    def __next__(self) -> Any:
        if self._is_due():
            self._report()  # whose answer a plain loop cannot wait for
        try:
            item = next(self._source)
        except StopIteration:
            self._report()
            raise
        self._done += 1  # once the next one is asked for, which is when it is reported
        return item

    async def __anext__(self) -> Any:
        if self._is_due():
            await self._report()
        try:
            item = await self._next()
        except StopAsyncIteration:
            await self._report()
            raise
        self._done += 1
        return item

    async def _next(self) -> Any:
        if hasattr(type(self._source), "__anext__"):
            return await anext(self._source)
        try:
            return next(self._source)
        except StopIteration:
            raise StopAsyncIteration from None

    def _begin(self, source: Any) -> Self:
        self._source = source
        self._done = 0
        self._reported_at = float("-inf")
        return self

    def _is_due(self) -> bool:
        return current().clock.monotonic() >= self._reported_at + PAUSE

    def _report(self) -> Future:
        self._reported_at = current().clock.monotonic()
        total = self._total
        if total is not None:  # there may be more than was thought
            total = max(total, self._done)
        return report_progress(self._done, total, self._text)
