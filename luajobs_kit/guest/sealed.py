"""``coroutine.__await__()`` for classes that can be awaited: what passes through shows nothing.

A job may step such an iterator by hand. The futures of the kit's own calls pass through
it to the loop; to be given one would let job code answer a call in the platform's name.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import CoroutineType
from typing import Any

from luajobs_kit.guest.frozen import make
from luajobs_kit.guest.futures import Future, Sealed, Task


def await_of(value: Any) -> Callable[[], Any] | None:
    """Return ``value.__await__`` as job code may have it, of a coroutine, future or task."""
    return (lambda: _steps(value)) if type(value) in (CoroutineType, Future, Task) else None


def _steps(awaited: Any) -> Generator[Any, None, Any]:
    steps = awaited.__await__()
    try:
        token = steps.send(None)
        while True:
            try:
                yield token if token is None or type(token) is Sealed else make(Sealed, token)
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is for what is awaited
                token = steps.throw(error)
            else:
                token = steps.send(None)
    except StopIteration as stop:
        return stop.value
