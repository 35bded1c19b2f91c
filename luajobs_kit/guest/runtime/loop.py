"""What job code awaits: futures, tasks, and the errors they end with.

They yield themselves to the loop, sealed, and nothing else, and hold no way to it: a job
that got hold of one could only do what these public methods do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType, GenericAlias, MethodType
from typing import TYPE_CHECKING, Any

from luajobs_kit.guest.guards.sealed import Frozen, Given, make

if TYPE_CHECKING:
    from luajobs_kit.guest.loop import Loop


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

    def failed_unseen(self) -> BaseException | None:
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
            self._loop.soon(self._tell, function)
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
            self._loop.soon(self._tell, function)

    def _tell(self, function: Callable[[Any], Any]) -> None:
        try:
            function(self)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # job code may raise anything
            self._loop.callback_failures.append(error)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._done:
            yield make(Sealed, self)
        return self.result()

    def __repr__(self) -> str:
        state = "cancelled" if self._cancelled else "done" if self._done else "waiting"
        return f"<{type(self).__name__} {state}>"


def _same(one: Any, other: Any) -> bool:
    """Whether both are one function, asking neither: ``==`` would show job code the host's."""
    if type(one) is MethodType is type(other):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    return one is other


class Sealed(Given):
    """A future on its way to the loop, which alone opens it.

    What awaits can be stepped by hand in many ways (``next(anext(generator))`` is one); to be
    given the future of a call there would let job code answer it in the platform's name.
    """

    __slots__ = ("_future",)

    def __init__(self, future: Future) -> None:
        self._future = future


def _message(given: Any) -> tuple[Any, ...]:
    return () if given is None else (given,)


def settle(future: Future) -> None:
    """Wake whoever waits for ``future``, unless that was done."""
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
        loop.began(self)
        loop.soon(self._step)

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
            # Not error.args: a class of job code's could answer anything.
            self._message = BaseException.args.__get__(error)  # type: ignore[attr-defined]
            self._finish(None, None, cancelled=True)
        except BaseException as error:  # noqa: BLE001  # job code may raise anything
            self._finish(None, error, cancelled=False)
        else:
            self._wait_for(token)
        finally:
            self._loop.current = before

    def _wait_for(self, token: object) -> None:
        if type(token) is Sealed:
            token = token._future  # noqa: SLF001  # it is for this place only
        if type(token) in (Future, Task) and token is not self:
            assert isinstance(token, Future)
            token.add_done_callback(self._wake)
            self._waiting_for = token
            if self._asked_to_cancel and token.cancel(*self._message):
                self._asked_to_cancel = False
        elif token is None:
            self._loop.soon(self._step)
        else:
            self._coroutine.close()
            error = RuntimeError("only coroutines, tasks and futures can be awaited here")
            self._finish(None, error, cancelled=False)
