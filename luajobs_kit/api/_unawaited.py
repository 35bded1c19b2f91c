"""Calls that were not awaited: they show, in words, that ``await`` is missing; misnamed arguments too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from luajobs_kit.argument_help import misnamed

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])


class Unawaited(Coroutine[Any, Any, Any]):
    """A call that nobody has awaited yet: a coroutine, whose text says that ``await`` is missing."""

    __slots__ = ("_call", "_coroutine")

    def __init__(self, call: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._call = call
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *given: Any) -> Any:
        return self._coroutine.throw(*given)

    def close(self) -> None:
        self._coroutine.close()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{self._call}(…) was not awaited, so there is no {name!r} yet: "
            f"write `answer = await {self._call}(…)` and then answer.{name}."
        )

    def __repr__(self) -> str:
        return f"<nothing was done yet: write `await {self._call}(…)`>"


def awaited_as(spoken: str) -> Callable[[type[C]], type[C]]:
    """Wrap a class's public coroutine functions by ``explain_unawaited``, named ``spoken.NAME``."""

    def decorate(kind: type[C]) -> type[C]:
        for name, method in list(vars(kind).items()):
            if not name.startswith("_") and inspect.iscoroutinefunction(inspect.unwrap(method)):
                setattr(kind, name, explain_unawaited(f"{spoken}.{name}", method))
        return kind

    return decorate


def explain_unawaited(call: str, function: F) -> F:
    """Return the coroutine function with calls that explain a missing ``await`` (``Unawaited``)."""

    @wraps(function)
    def call_unawaited(*given: Any, **options: Any) -> Unawaited:
        try:
            return Unawaited(call, function(*given, **options))
        except TypeError as problem:  # its body has not begun: it is about the arguments
            raise misnamed(call, function, options, problem) from None

    return cast("F", call_unawaited)  # awaited, it gives the same answer
