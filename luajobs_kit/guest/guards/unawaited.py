"""Advice for errors that come from a call of an async function that was not awaited."""

from __future__ import annotations

import re
import types
from typing import Final, TypeGuard

_USED: Final = re.compile(r"'coroutine'|(of type|got|not) coroutine\b|\bcoroutine found")
_INSTANCES: Final = {
    "JobInstance": "job",
    "UserInstance": "user",
    "Entry": "entry",
    "Product": "product",
    "Http": "http",
}
"""The variable that examples use for an instance of each class of the kit."""


def is_unawaited(value: object) -> TypeGuard[types.CoroutineType[object, object, object]]:
    """Whether ``value`` is what calling an async function gives."""
    return type(value) is types.CoroutineType


def advice_for(coroutine: types.CoroutineType[object, object, object]) -> str:
    """Return what to do, with the call that was not awaited: ``await job.user()``."""
    name = coroutine.__qualname__.rpartition("<locals>.")[2]
    owner, dot, method = name.rpartition(".")
    return f"put await in front of the call: await {_INSTANCES.get(owner, owner)}{dot}{method}()"


_NOT_AWAITED: Final = ("can't be used in 'await' expression", "object can't be awaited")
"""What Python says of ``await 1``: before 3.14, and since."""


def advised(error: BaseException, message: str) -> str:
    """Return the message of ``error``, with advice where Python complains of a coroutine."""
    if type(error) is TypeError and message.endswith(_NOT_AWAITED):
        return f"{message}; there is nothing to wait for: leave out await"
    if type(error) not in {AttributeError, TypeError} or not _USED.search(message):
        return message
    if "await" in message:
        return message
    used = error.obj if type(error) is AttributeError else None
    advice = advice_for(used) if is_unawaited(used) else "put await in front of the call"
    return f"{message}; {advice}"
