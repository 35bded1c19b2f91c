"""The trampoline: steps coroutines, and waits for replies and timers on the one channel.

Not asyncio: a real event loop's futures lead to the loop, and the loop to the process.
It is also smaller and faster.
"""

from __future__ import annotations

import heapq
import itertools
import time
import types
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from luajobs_kit.errors import rebuild
from luajobs_kit.guest.channel import Channel
from luajobs_kit.guest.runtime.call_channel import Clock, VirtualClock
from luajobs_kit.guest.runtime.loop import Future, Task, active

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
        self.running = False  # and must not be begun again inside
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

    def soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._ready.append((function, arguments))

    def later(self, delay: float, function: Callable[..., Any], *arguments: Any) -> Timer:
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

    def began(self, task: Task) -> None:
        self.tasks[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: Task) -> None:
        self.tasks.pop(task, None)
        if task.failed_unseen():
            self._failed.append(task)

    def unseen_failures(self) -> list[str]:
        """Return what went wrong in tasks that nobody awaited, and in done-callbacks."""
        failures = [f"a done-callback failed: {error!r}" for error in self.callback_failures]
        return failures + [
            f"{task.get_name()} failed and nobody awaited it: {task.failed_unseen()!r}"
            for task in self._failed
            if task.failed_unseen()
        ]

    def run(self, awaitable: Any) -> Any:
        """Run until ``awaitable`` is done; return its value or raise what it raised."""
        main = Task(as_coroutine(awaitable), name="main")
        self._pass_while(lambda: not main.done())
        return main.result()

    def _pass_while(self, wanted: Callable[[], bool]) -> None:
        self.running = True
        try:
            while wanted():
                self._pass()
        finally:
            self.running = False

    def _pass(self) -> None:
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
            # A call takes no virtual time: its reply comes before any timer.
            self._take_reply(None if isinstance(clock, VirtualClock) else due)
        elif due is None:
            if not all(task.done() for task in self.tasks):
                raise RuntimeError(
                    "the job waits for something that nothing will ever set "
                    "(a future, an event, a lock or a queue)"
                )
        else:
            self._until(due)

    def _until(self, due: float) -> None:
        if isinstance(self.clock, VirtualClock):
            self._let_pass(self.clock, due)
        else:
            self._take_reply(due)

    def _let_pass(self, clock: VirtualClock, due: float) -> None:
        if clock.shared:
            # Whoever simulates lets the rest of its world get as far first.
            reached = self.call("clock.sleep", {"elapsed": due})
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
                self.soon(timer.function, *timer.arguments)

    def block(self, seconds: float) -> None:
        """Sleep as ``time.sleep`` does: nothing else of the job runs meanwhile."""
        until = self.clock.monotonic() + seconds
        if isinstance(self.clock, VirtualClock):
            self._let_pass(self.clock, until)
            return
        while time.monotonic() < until:
            self._take_reply(until)

    def cancel_rest(self) -> None:
        """Cancel the tasks that are left, and let them clean up, for a moment."""
        left = [task for task in self.tasks if not task.done()] if self.tasks else ()
        if not left:
            return
        for task in left:
            task.cancel()
        until = time.monotonic() + LONGEST_CLEAN_UP
        self.later(LONGEST_CLEAN_UP, int)  # so that waiting ends
        self._pass_while(lambda: any(not task.done() for task in left) and time.monotonic() < until)


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
