"""Events, locks, semaphores and queues between the tasks of a job."""

from __future__ import annotations

from typing import Any

from luajobs_kit.guest.frozen import Frozen
from luajobs_kit.guest.futures import Future, settle


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


class Semaphore(Frozen):
    __slots__ = ("_most", "_value", "_waiting")

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        self._value = value
        self._most: int | None = None
        self._waiting: list[Future] = []

    def locked(self) -> bool:
        return self._value == 0

    async def acquire(self) -> bool:
        while self._value == 0:
            future = Future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if future in self._waiting:
                    self._waiting.remove(future)
        self._value -= 1
        return True

    def release(self) -> None:
        if self._most is not None and self._value >= self._most:
            raise ValueError("released too many times")
        self._value += 1
        if self._waiting:
            settle(self._waiting.pop(0))

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    __slots__ = ()

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._most = value


class Lock(Semaphore):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)

    def release(self) -> None:
        if self._value:
            raise RuntimeError("Lock is not acquired.")
        super().release()


class QueueEmpty(Exception):
    pass


class QueueFull(Exception):
    pass


class Queue(Frozen):
    __slots__ = ("_changed", "_items", "_most", "_unfinished")

    def __init__(self, maxsize: int = 0) -> None:
        self._most = maxsize
        self._items: list[Any] = []
        self._unfinished = 0
        self._changed: list[Future] = []

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items

    def full(self) -> bool:
        return 0 < self._most <= len(self._items)

    def put_nowait(self, item: Any) -> None:
        if self.full():
            raise QueueFull
        self._items.append(item)
        self._unfinished += 1
        self._tell()

    def get_nowait(self) -> Any:
        if not self._items:
            raise QueueEmpty
        self._tell()
        return self._items.pop(0)

    def task_done(self) -> None:
        if self._unfinished <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished -= 1
        self._tell()

    async def put(self, item: Any) -> None:
        while self.full():
            await self._change()
        self.put_nowait(item)

    async def get(self) -> Any:
        while not self._items:
            await self._change()
        return self.get_nowait()

    async def join(self) -> None:
        while self._unfinished:
            await self._change()

    def _tell(self) -> None:
        changed, self._changed = self._changed, []
        for future in changed:
            settle(future)

    def _change(self) -> Future:
        future = Future()
        self._changed.append(future)
        return future
