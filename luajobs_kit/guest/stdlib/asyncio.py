"""The ``asyncio`` job code imports: the usual names, on the run's own loop."""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, NoReturn, Self

from luajobs_kit.guest.guards.sealed import Frozen, HostMade, make
from luajobs_kit.guest.runtime.loop import (
    CancelledError,
    Future,
    InvalidStateError,
    Loop,
    Task,
    Timer,
    as_coroutine,
    settle,
)
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.guest.stdlib.asyncio_sync import (
    BoundedSemaphore,
    Event,
    LifoQueue,
    Lock,
    PriorityQueue,
    Queue,
    QueueEmpty,
    QueueFull,
    Semaphore,
)

__all__ = [
    "BoundedSemaphore",
    "CancelledError",
    "Event",
    "Future",
    "InvalidStateError",
    "LifoQueue",
    "Lock",
    "PriorityQueue",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "Semaphore",
    "Task",
]

FIRST_COMPLETED = "FIRST_COMPLETED"
FIRST_EXCEPTION = "FIRST_EXCEPTION"
ALL_COMPLETED = "ALL_COMPLETED"


def _loop() -> Loop:
    return current().loop


async def to_thread(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call ``func`` at once: a run has one thread, and waits for it."""
    return func(*args, **kwargs)


async def sleep(delay: float, result: Any = None) -> Any:
    """Wait ``delay`` seconds; other tasks run meanwhile."""
    loop = _loop()
    if delay <= 0:
        await _turn()
        return result
    future = Future()
    timer = loop.call_later(delay, settle, future)
    try:
        await future
    finally:
        timer.cancel()
    return result


@types.coroutine
def _turn() -> Any:
    yield None


def create_task(coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> Task:
    """Start a coroutine now, beside the current one."""
    if not _loop().running:
        _refuse_task(coro, "no running event loop; make the job's function: async def …")
    return Task(coro, name=name)


def _refuse_task(coro: object, words: str) -> NoReturn:
    if type(coro) is types.CoroutineType:
        coro.close()  # so that Python does not warn that it was never awaited
    raise RuntimeError(words)


def ensure_future(awaitable: Any) -> Future:
    return awaitable if isinstance(awaitable, Future) else Task(as_coroutine(awaitable))


def gather(*awaitables: Any, return_exceptions: bool = False) -> Future:
    """Run all at once; the results come in the order given."""
    outer = _Gathering([ensure_future(each) for each in awaitables], return_exceptions)
    return outer.future


class _Gathering:
    def __init__(self, children: list[Future], return_exceptions: bool) -> None:  # noqa: FBT001  # asyncio's option
        self._children = children
        self._return_exceptions = return_exceptions
        self._left = len(children)

        async def wait() -> Any:
            try:
                return await self._all
            except CancelledError:
                for child in self._children:
                    child.cancel()
                raise

        self._all = Future()
        self.future: Future = Task(wait(), name="gather")
        for child in children:
            child.add_done_callback(self._one_done)
        if not children:
            self._all.set_result([])

    def _one_done(self, child: Future) -> None:
        self._left -= 1
        if self._all.done():
            child._seen = True  # noqa: SLF001  # reported already: no second warning
            return
        if child.cancelled():
            error: BaseException | None = CancelledError()
        else:
            error = child.exception()
        if error is not None and not self._return_exceptions:
            self._all.set_exception(error)
        elif self._left == 0:
            self._all.set_result([self._outcome(each) for each in self._children])

    @staticmethod
    def _outcome(child: Future) -> Any:
        if child.cancelled():
            return CancelledError()
        error = child.exception()
        return child.result() if error is None else error


class Timeout(HostMade):
    """``async with timeout(seconds):`` raises ``TimeoutError`` when the block takes longer."""

    __slots__ = ("_cancelling", "_expired", "_task", "_timer", "_when")

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._task: Task | None = None
        self._timer: Timer | None = None
        self._expired = False
        self._cancelling = 0  # how often the task had been cancelled before

    def when(self) -> float | None:
        return self._when

    def expired(self) -> bool:
        return self._expired

    def reschedule(self, when: float | None) -> None:
        self._when = when
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None and self._task is not None:
            loop = _loop()
            self._timer = loop.call_later(when - loop.clock.monotonic(), self._expire)

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel()

    async def __aenter__(self) -> Self:
        self._task = _loop().current
        self._cancelling = 0 if self._task is None else self._task.cancelling()
        self.reschedule(self._when)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        task, self._task = self._task, None
        if self._expired and task is not None:
            only_by_us = task.uncancel() <= self._cancelling
            if only_by_us and kind is CancelledError:
                raise TimeoutError from error
        return False


def timeout(delay: float | None) -> Timeout:
    return make(Timeout, None if delay is None else _loop().clock.monotonic() + delay)


def timeout_at(when: float | None) -> Timeout:
    return make(Timeout, when)


async def wait_for(awaitable: Any, timeout: float | None) -> Any:  # noqa: ASYNC109  # asyncio's name
    """Await with a time limit in seconds; raises ``TimeoutError``."""
    future = ensure_future(awaitable)
    async with make(Timeout, None if timeout is None else _loop().clock.monotonic() + timeout):
        return await future


def shield(awaitable: Any) -> Future:
    """Return what can be awaited, and cancelled, without cancelling ``awaitable``."""
    inner = ensure_future(awaitable)
    if inner.done():
        return inner
    outer = Future()

    def hand_on(_: Any) -> None:
        if outer.done():
            return
        if inner.cancelled():
            outer.cancel()
        elif (error := inner.exception()) is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())

    inner.add_done_callback(hand_on)
    outer.add_done_callback(lambda _: inner.remove_done_callback(hand_on))
    return outer


async def wait(
    futures: Iterable[Any],
    *,
    timeout: float | None = None,  # noqa: ASYNC109  # asyncio's name
    return_when: str = ALL_COMPLETED,
) -> tuple[set[Future], set[Future]]:
    """Wait for several; return those that are done and those that are not."""
    waited = [ensure_future(each) for each in futures]
    if not waited:
        raise ValueError("Set of Tasks/Futures is empty.")
    enough = Future()

    def look(_: Any = None) -> None:
        done = [each for each in waited if each.done()]
        failed = any(
            each.unretrieved_error() is not None for each in done
        )  # unlike exception(), this does not count as retrieving it
        if (
            len(done) == len(waited)
            or (done and return_when == FIRST_COMPLETED)
            or (failed and return_when == FIRST_EXCEPTION)
        ):
            settle(enough)

    for each in waited:
        each.add_done_callback(look)
    look()
    timer = _loop().call_later(timeout, settle, enough) if timeout is not None else None
    try:
        await enough
    finally:
        if timer is not None:
            timer.cancel()
    done = {each for each in waited if each.done()}
    return done, set(waited) - done


def as_completed(awaitables: Iterable[Any], *, timeout: float | None = None) -> Iterator[Any]:
    """Give awaitables in the order in which they finish."""
    queue = Queue()
    waited = [ensure_future(each) for each in awaitables]
    for each in waited:
        each.add_done_callback(queue.put_nowait)

    when = None if timeout is None else _loop().clock.monotonic() + timeout  # for all of them

    async def one() -> Any:
        async with timeout_at(when):
            future = await queue.get()
        return future.result()

    for _ in waited:
        yield one()


def run(main: Any) -> Any:
    """Run a coroutine from a job function that is not async."""
    loop = _loop()
    if loop.running:  # also in a done-callback, which is no task's
        if type(main) is types.CoroutineType:
            main.close()
        raise RuntimeError("asyncio.run() cannot be used in an async function; use: await main()")
    if not hasattr(type(main), "__await__") and not callable(main):
        return main  # a call of the kit's, which outside the loop has waited for its answer
    return loop.run(main)


def current_task() -> Task | None:
    return _loop().current


def all_tasks() -> set[Task]:
    return {task for task in _loop().tasks if not task.done()}


def iscoroutine(value: Any) -> bool:
    return type(value) is types.CoroutineType


def iscoroutinefunction(value: Any) -> bool:
    return type(value) is types.FunctionType and bool(value.__code__.co_flags & 0x80)


def isfuture(value: Any) -> bool:
    return isinstance(value, Future)


class TaskGroup(Frozen):
    """``async with TaskGroup() as group:`` waits for its tasks; one failing cancels the others."""

    __slots__ = ("_errors", "_parent", "_stopping", "_tasks", "_woken")

    def __init__(self) -> None:
        self._tasks: list[Task] = []
        self._errors: list[BaseException] = []
        self._parent: Task | None = None
        self._stopping = False
        self._woken = False

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> Task:
        if self._parent is None:
            _refuse_task(
                coro, "the TaskGroup is not open; use: async with asyncio.TaskGroup() as …"
            )
        if self._stopping:
            _refuse_task(coro, "the TaskGroup is shutting down")
        task = create_task(coro, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._one_done)
        return task

    def _one_done(self, task: Future) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        self._errors.append(error)
        if not self._stopping:
            self._stop()
            if self._parent is not None and not self._woken:
                self._woken = True
                self._parent.cancel()

    def _stop(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()

    async def __aenter__(self) -> Self:
        self._parent = _loop().current
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        cancelled = error if kind is CancelledError else None
        if kind is not None and not self._stopping:
            self._stop()
        while any(not task.done() for task in self._tasks):
            try:
                await wait(self._tasks)
            except CancelledError as interrupted:
                if not self._stopping:
                    cancelled = interrupted
                    self._stop()
        if self._woken and self._parent is not None:
            self._parent.uncancel()
            self._parent._asked_to_cancel = False  # noqa: SLF001  # our own wake-up, not somebody's
        self._parent = None
        if error is not None and kind is not CancelledError:
            self._errors.append(error)
        if self._errors:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        if cancelled is not None and cancelled is not error:
            raise cancelled
        return False
