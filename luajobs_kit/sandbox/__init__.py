"""The sandbox: one program run in one process, once, behind a policy and walls.

Honest code does not notice it, and hostile code does not leave it. It knows nothing of jobs or
stores. Names are imported when they are first used: the fork server and its children import this
package too, and must stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luajobs_kit.sandbox.frames import MAX_REPLY, Json
    from luajobs_kit.sandbox.sandbox import Sandbox
    from luajobs_kit.sandbox.values import Failure, Limits, LogRecord, Outcome, Program, Wall
    from luajobs_kit.sandbox.walls.linux import conceal

__all__ = [
    "MAX_REPLY",
    "Failure",
    "Json",
    "Limits",
    "LogRecord",
    "Outcome",
    "Program",
    "Sandbox",
    "Wall",
    "conceal",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # only callers outside need it

    home = {
        "Sandbox": "sandbox",
        "conceal": "walls.linux",
        "Json": "frames",
        "MAX_REPLY": "frames",
    }.get(name, "values")
    return getattr(import_module(f"{__name__}.{home}"), name)
