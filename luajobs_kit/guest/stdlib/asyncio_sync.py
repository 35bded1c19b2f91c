"""Events, locks, semaphores and queues between the tasks of a job."""

from __future__ import annotations

import heapq
from types import GenericAlias
from typing import Any

from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.runtime.loop import CancelledError, Future, settle


class Event(Frozen):
    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: list[Future] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        for future in self._waiting:
            settle(future)
        self._waiting = []

    def clear(self) -> None:
        self._set = False

    async def wait(self) -> bool:
        if not self._set:
            future = Future()
            self._waiting.append(future)
            await future
        return True


class _Acquirable(Frozen):
    """Base of what ``async with`` acquires and releases, first come, first served."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Future] = []

    async def acquire(self) -> bool:
        raise NotImplementedError

    def release(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()


class Semaphore(_Acquirable):
    __slots__ = ("_limit", "_value")

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        super().__init__()
        self._value = value
        self._limit: int | None = None

    def locked(self) -> bool:
        return self._value == 0 or any(not each.cancelled() for each in self._waiting)

    async def acquire(self) -> bool:
        if not self.locked():
            self._value -= 1
            return True
        future = Future()
        self._waiting.append(future)
        try:
            await future
        except CancelledError:
            if not future.cancelled():
                self._value += 1  # it was given, and is not wanted any more
            raise
        finally:
            self._waiting.remove(future)
            while self._value > 0 and self._hand_over():
                pass
        return True

    def release(self) -> None:
        if self._limit is not None and self._value >= self._limit:
            raise ValueError("BoundedSemaphore released too many times")
        self._value += 1
        self._hand_over()

    def _hand_over(self) -> bool:
        """Hand one over to the task that has waited longest; return whether any task waited."""
        for future in self._waiting:
            if not future.done():
                self._value -= 1
                settle(future)
                return True
        return False


class BoundedSemaphore(Semaphore):
    __slots__ = ()

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._limit = value


class Lock(_Acquirable):
    __slots__ = ("_locked",)

    def __init__(self) -> None:
        super().__init__()
        self._locked = False

    def locked(self) -> bool:
        return self._locked

    async def acquire(self) -> bool:
        if self._locked or any(not each.cancelled() for each in self._waiting):
            future = Future()
            self._waiting.append(future)
            try:
                await future
            except CancelledError:
                if not self._locked:
                    self._wake(but=future)
                raise
            finally:
                self._waiting.remove(future)
        self._locked = True
        return True

    def release(self) -> None:
        if not self._locked:
            raise RuntimeError("Lock is not acquired.")
        self._locked = False
        self._wake()

    def _wake(self, but: Future | None = None) -> None:
        for future in self._waiting:
            if future is not but:
                settle(future)
                return


class QueueEmpty(Exception):
    pass


class QueueFull(Exception):
    pass


class Queue(Frozen):
    __slots__ = ("_items", "_limit", "_unfinished", "_waiters")
    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self, maxsize: int = 0) -> None:
        self._limit = maxsize
        self._items: list[Any] = []
        self._unfinished = 0
        self._waiters: list[Future] = []

    @property
    def maxsize(self) -> int:
        return self._limit

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items

    def full(self) -> bool:
        return 0 < self._limit <= len(self._items)

    def put_nowait(self, item: Any) -> None:
        if self.full():
            raise QueueFull
        self._add(item)
        self._unfinished += 1
        self._wake_waiters()

    def get_nowait(self) -> Any:
        if not self._items:
            raise QueueEmpty
        self._wake_waiters()
        return self._take()

    def task_done(self) -> None:
        if self._unfinished <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished -= 1
        self._wake_waiters()

    async def put(self, item: Any) -> None:
        while self.full():
            await self._next_change()
        self.put_nowait(item)

    async def get(self) -> Any:
        while not self._items:
            await self._next_change()
        return self.get_nowait()

    async def join(self) -> None:
        while self._unfinished:
            await self._next_change()

    def _add(self, item: Any) -> None:
        self._items.append(item)

    def _take(self) -> Any:
        return self._items.pop(0)

    def _wake_waiters(self) -> None:
        changed, self._waiters = self._waiters, []
        for future in changed:
            settle(future)

    def _next_change(self) -> Future:
        future = Future()
        self._waiters.append(future)
        return future


class LifoQueue(Queue):
    """Gives the item first that was put last."""

    __slots__ = ()

    def _take(self) -> Any:
        return self._items.pop()


class PriorityQueue(Queue):
    """Gives the smallest item first."""

    __slots__ = ()

    def _add(self, item: Any) -> None:
        heapq.heappush(self._items, item)

    def _take(self) -> Any:
        return heapq.heappop(self._items)
