"""Threads for tools: one for each call of a plain function."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any


async def in_thread(function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Call a plain function in a thread of its own; return what it returns, or raise what it raises.

    A pool would make the next call wait for one that hangs, and Python's end wait for it too.
    """
    answer: Future[Any] = Future()
    answer.set_running_or_notify_cancel()  # from here on nobody can cancel it
    context = copy_context()

    def call() -> None:
        try:
            answer.set_result(context.run(function, **arguments))
        except StopIteration as problem:  # a future cannot hold it, for it ends what awaits
            raised = RuntimeError("the function raised StopIteration")
            raised.__cause__ = problem
            answer.set_exception(raised)
        except BaseException as problem:  # noqa: BLE001 - whoever awaits gets it
            answer.set_exception(problem)

    threading.Thread(target=call, name=f"tool {function.__name__}", daemon=True).start()
    return await asyncio.wrap_future(answer)
