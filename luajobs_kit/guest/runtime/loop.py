"""The event loop of one run, with the futures and tasks that job code awaits.

A future yields itself to the loop inside a ``SealedFuture`` and nothing else, and offers no way to
the loop: a job that gets hold of a future can only call its public methods.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType, GenericAlias, MethodType
from typing import Any, Final

from luajobs_kit.errors import rebuild
from luajobs_kit.guest.guards.sealed import Frozen, HostMade, make
from luajobs_kit.guest.runtime.call_channel import Channel, Clock, VirtualClock

LONGEST_CLEAN_UP: Final = 1.0  # seconds, for tasks still running when the job returns


class Timer:
    """Something due at a monotonic moment of the loop's clock."""

    __slots__ = ("arguments", "cancelled", "function")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Runs coroutines of one run until the main one is done."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self.clock = clock
        self.current: Task | None = None
        self.running = False  # it cannot be run again from inside
        self.tasks: dict[Task, None] = {}
        self._failed: list[Task] = []
        self.callback_failures: list[BaseException] = []
        self._channel = channel
        self._ready: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._calls: dict[int, Future] = {}
        self._numbers = itertools.count(1)
        active[:] = [self]

    def next_number(self) -> int:
        return next(self._numbers)

    def call_soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._ready.append((function, arguments))

    def call_later(self, delay: float, function: Callable[..., Any], *arguments: Any) -> Timer:
        """Call the function in ``delay`` seconds. Raises ``ValueError`` for NaN, as Python 3.13 does."""
        if delay != delay:  # noqa: PLR0124  # only NaN is unlike itself
            raise ValueError("Invalid delay: NaN (not a number)")
        timer = Timer(function, arguments)
        due = self.clock.monotonic() + max(0.0, delay)
        heapq.heappush(self._timers, (due, self.next_number(), timer))
        return timer

    def call(self, verb: str, arguments: dict[str, Any]) -> Future:
        """Send a call to the host at once; the future holds its reply."""
        number = self._channel.send_call(verb, arguments)
        future = Future()
        self._calls[number] = future
        return future

    def answer_to(self, future: Future) -> Any:
        """Return the reply to a call, waiting for it as blocking code does."""
        while not future.done():
            self._take_reply(None)
        return future.result()

    def register(self, task: Task) -> None:
        self.tasks[task] = None
        task.add_done_callback(self._unregister)

    def _unregister(self, task: Task) -> None:
        self.tasks.pop(task, None)
        if task.unretrieved_error():
            self._failed.append(task)

    def unretrieved_failures(self) -> list[str]:
        """Return what went wrong in tasks that nobody awaited, and in done-callbacks."""
        failures = [f"a done-callback failed: {error!r}" for error in self.callback_failures]
        return failures + [
            f"{task.get_name()} failed and nobody awaited it: {task.unretrieved_error()!r}"
            for task in self._failed
            if task.unretrieved_error()
        ]

    def run(self, awaitable: Any) -> Any:
        """Run until ``awaitable`` is done; return its value or raise what it raised."""
        main = Task(as_coroutine(awaitable), name="main")
        self._run_while(lambda: not main.done())
        return main.result()

    def _run_while(self, wanted: Callable[[], bool]) -> None:
        self.running = True
        try:
            while wanted():
                self._run_once()
        finally:
            self.running = False

    def _run_once(self) -> None:
        for _ in range(len(self._ready)):
            function, arguments = self._ready.popleft()
            function(*arguments)
        if self._ready:
            if self._calls:
                self._take_reply(0.0)
        else:
            self._wait()
        if self._timers:
            self._fire_timers()

    def _wait(self) -> None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        due = self._timers[0][0] if self._timers else None
        clock = self.clock
        if self._calls:
            # A call takes no virtual time: wait for its reply before any timer.
            self._take_reply(None if isinstance(clock, VirtualClock) else due)
        elif due is None:
            if not all(task.done() for task in self.tasks):
                raise RuntimeError(
                    "the job waits for something that nothing will ever set "
                    "(a future, an event, a lock or a queue)"
                )
        else:
            self._wait_until(due)

    def _wait_until(self, due: float) -> None:
        if isinstance(self.clock, VirtualClock):
            self._advance(self.clock, due)
        else:
            self._take_reply(due)

    def _advance(self, clock: VirtualClock, due: float) -> None:
        if clock.shared:
            # The simulation first lets its other runs reach this moment.
            # JSON has no infinity; its like ends with the run's timeout as well.
            reached = self.call("clock.sleep", {"elapsed": min(due, sys.float_info.max)})
            while not reached.done():
                self._take_reply(None)
        clock.advance_to(due)

    def _take_reply(self, deadline: float | None) -> None:
        reply = self._channel.wait(deadline)
        if reply is None:
            return
        number, value, error = reply
        future = self._calls.pop(number, None)
        if future is None or future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(
                rebuild(error.get("code", ""), error.get("message", ""), error.get("details"))
            )

    def _fire_timers(self) -> None:
        now = self.clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self.call_soon(timer.function, *timer.arguments)

    def block(self, seconds: float) -> None:
        """Sleep as ``time.sleep`` does: nothing else of the job runs meanwhile."""
        until = self.clock.monotonic() + seconds
        if isinstance(self.clock, VirtualClock):
            self._advance(self.clock, until)
            return
        while time.monotonic() < until:
            self._take_reply(until)

    def cancel_leftover_tasks(self) -> None:
        """Cancel the tasks that are left, and let them clean up, for a moment."""
        left = [task for task in self.tasks if not task.done()] if self.tasks else ()
        if not left:
            return
        for task in left:
            task.cancel()
        until = time.monotonic() + LONGEST_CLEAN_UP
        self.call_later(LONGEST_CLEAN_UP, int)  # so that waiting ends
        self._run_while(lambda: any(not task.done() for task in left) and time.monotonic() < until)


def as_coroutine(awaitable: Any) -> Any:
    if type(awaitable) is types.CoroutineType:
        return awaitable
    if not hasattr(type(awaitable), "__await__"):
        raise TypeError(
            f"a coroutine was expected, not {type(awaitable).__name__!r}; "
            "call the async function: f(), not f"
        )

    async def waiting() -> Any:
        return await awaitable

    return waiting()


active: list[Loop] = []
"""The loop of this process's one run."""


class CancelledError(BaseException):
    """The task was cancelled."""


class InvalidStateError(Exception):
    """A future was asked for what it cannot do in its state."""


class Future(Frozen):
    """A value that is not there yet."""

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_cancelled",
        "_done",
        "_error",
        "_loop",
        "_message",
        "_seen",
        "_value",
    )

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self) -> None:
        self._loop = active[0]
        self._done = False
        self._cancelled = False
        self._message: tuple[Any, ...] = ()  # what it was cancelled with
        self._seen = False  # whether anybody asked how it ended
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Any], Any]] = []

    def done(self) -> bool:
        return self._done

    def unretrieved_error(self) -> BaseException | None:
        """Return the error it ended with, if nobody asked for it."""
        return None if self._seen else self._error

    def cancelled(self) -> bool:
        return self._cancelled

    def result(self) -> Any:
        self._seen = True
        if not self._done:
            raise InvalidStateError("the result is not there yet; await it")
        if self._cancelled:
            raise CancelledError(*self._message)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self) -> BaseException | None:
        self._seen = True
        if not self._done:
            raise InvalidStateError("the result is not there yet; await it")
        if self._cancelled:
            raise CancelledError(*self._message)
        return self._error

    def set_result(self, value: Any) -> None:
        if self._done:
            raise InvalidStateError("the result was set already")
        self._finish(value, None, cancelled=False)

    def set_exception(self, error: Any) -> None:
        if self._done:
            raise InvalidStateError("the result was set already")
        self._finish(None, error() if isinstance(error, type) else error, cancelled=False)

    def cancel(self, msg: Any = None) -> bool:
        if self._done:
            return False
        self._message = _message(msg)
        self._finish(None, None, cancelled=True)
        return True

    def add_done_callback(self, function: Callable[[Any], Any]) -> None:
        if self._done:
            self._loop.call_soon(self._call_back, function)
        else:
            self._callbacks.append(function)

    def remove_done_callback(self, function: Callable[[Any], Any]) -> int:
        kept = [each for each in self._callbacks if not _same(each, function)]
        removed = len(self._callbacks) - len(kept)
        self._callbacks = kept
        return removed

    def _finish(self, value: Any, error: BaseException | None, *, cancelled: bool) -> None:
        self._done, self._cancelled, self._value, self._error = True, cancelled, value, error
        callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            self._loop.call_soon(self._call_back, function)

    def _call_back(self, function: Callable[[Any], Any]) -> None:
        try:
            function(self)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # job code may raise anything
            self._loop.callback_failures.append(error)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._done:
            yield make(SealedFuture, self)
        return self.result()

    def __repr__(self) -> str:
        state = "cancelled" if self._cancelled else "done" if self._done else "waiting"
        return f"<{type(self).__name__} {state}>"


def _same(one: Any, other: Any) -> bool:
    """Return whether both are one function. A1: ``==`` would call a job's ``__eq__`` with the host's."""
    if type(one) is MethodType is type(other):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    return one is other


class SealedFuture(HostMade):
    """A wrapper around a future on its way to the loop, which alone opens it.

    A10: whoever steps a coroutine by hand (``next(anext(generator))`` is one way) receives what it
    waits for. With the future of a call, job code could answer the call in the platform's name.
    """

    __slots__ = ("_future",)

    def __init__(self, future: Future) -> None:
        self._future = future


def _message(given: Any) -> tuple[Any, ...]:
    return () if given is None else (given,)


def settle(future: Future) -> None:
    """Give ``future`` the result None, unless it is done already."""
    if not future.done():
        future.set_result(None)


class Task(Future):
    """A coroutine being run beside others."""

    __slots__ = ("_asked_to_cancel", "_cancelling", "_coroutine", "_name", "_waiting_for")

    def __init__(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> None:
        if type(coro) is not CoroutineType:
            raise TypeError(f"a coroutine was expected, got {type(coro).__name__!r}")
        super().__init__()
        loop = self._loop
        self._coroutine = coro
        self._name = name or f"Task-{loop.next_number()}"
        self._waiting_for: Future | None = None
        self._asked_to_cancel = False
        self._cancelling = 0
        loop.register(self)
        loop.call_soon(self._step)

    def get_name(self) -> str:
        return self._name

    def set_name(self, name: object) -> None:
        self._name = str(name)

    def set_result(self, _value: Any) -> None:
        raise RuntimeError("a task's result is its coroutine's")

    def set_exception(self, _error: Any) -> None:
        raise RuntimeError("a task's exception is its coroutine's")

    def cancelling(self) -> int:
        return self._cancelling

    def uncancel(self) -> int:
        self._cancelling = max(0, self._cancelling - 1)
        return self._cancelling

    def cancel(self, msg: Any = None) -> bool:
        if self._done:
            return False
        self._message = _message(msg)
        self._cancelling += 1
        if self._waiting_for is not None and self._waiting_for.cancel(msg):
            return True
        self._asked_to_cancel = True
        return True

    def _wake(self, _future: Future) -> None:
        self._step()

    def _step(self) -> None:
        if self._done:
            return
        self._waiting_for = None
        before, self._loop.current = self._loop.current, self
        try:
            if self._asked_to_cancel:
                self._asked_to_cancel = False
                token = self._coroutine.throw(CancelledError(*self._message))
            else:
                token = self._coroutine.send(None)
        except StopIteration as stop:
            self._finish(stop.value, None, cancelled=False)
        except CancelledError as error:
            # A4: a job's exception class could make ``error.args`` anything.
            self._message = BaseException.args.__get__(error)  # type: ignore[attr-defined]
            self._finish(None, None, cancelled=True)
        except BaseException as error:  # noqa: BLE001  # job code may raise anything
            self._finish(None, error, cancelled=False)
        else:
            self._wait_for(token)
        finally:
            self._loop.current = before

    def _wait_for(self, token: object) -> None:
        if type(token) is SealedFuture:
            token = token._future  # noqa: SLF001  # only the loop opens it
        if type(token) in (Future, Task) and token is not self:
            assert isinstance(token, Future)
            token.add_done_callback(self._wake)
            self._waiting_for = token
            if self._asked_to_cancel and token.cancel(*self._message):
                self._asked_to_cancel = False
        elif token is None:
            self._loop.call_soon(self._step)
        else:
            self._coroutine.close()
            error = RuntimeError("only coroutines, tasks and futures can be awaited here")
            self._finish(None, error, cancelled=False)
