"""Turns: requests of runs make one step each pass of the event loop, so that fires are not late."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Shares the engine's event loop among runs, one step of one request each pass.

    A step is what a request does between two waits. By itself asyncio resumes everything that is
    ready in one pass of its loop: with a thousand requests of runs, a fire that is due would wait
    for a thousand steps. Here each pass makes one. Runs with waiting requests take turns
    (round-robin), so a run with one request is not queued behind the many of another. Whatever a
    request awaits, such as the disk, goes on meanwhile.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[object, deque[asyncio.Future[None]]] = OrderedDict()
        self._taken = False  # whether this pass of the loop has had its step

    def served(self, run: object, request: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Return an awaitable that makes the steps of ``request`` in the turns of ``run``."""
        return _InTurns(self, run, request)

    def turn(self, run: object) -> Generator[Any, None, None]:
        """Wait for the turn of one step; there is no wait while this pass has had no step yet."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next)
            return
        waiter: asyncio.Future[None] = loop.create_future()
        self._queues.setdefault(run, deque()).append(waiter)
        yield from waiter

    def _next(self) -> None:
        """Give the next run its turn; called once each pass while any request waits."""
        while self._queues:
            run, queue = self._queues.popitem(last=False)
            waiter = queue.popleft()
            if queue:
                self._queues[run] = queue  # behind the others
            if not waiter.done():  # its request was given up
                waiter.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False


class _InTurns(Awaitable[T]):
    """A request, each step of which waits for its turn."""

    def __init__(self, turns: Turns, run: object, request: Coroutine[Any, Any, T]) -> None:
        self._turns = turns
        self._run = run
        self._request = request

    def __await__(self) -> Generator[Any, Any, T]:
        request = self._request
        problem: BaseException | None = None
        sent: Any = None
        while True:
            try:
                yield from self._turns.turn(self._run)
            except BaseException as error:  # noqa: BLE001 - a cancellation is raised inside the request, where it can clean up
                problem = error
            try:
                waits_for = request.send(sent) if problem is None else request.throw(problem)
            except StopIteration as end:
                value: T = end.value
                return value
            problem = None
            try:
                # A future, or None, as asyncio's task is to get it from a coroutine.
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - likewise
                problem = error
