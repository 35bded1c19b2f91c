"""A world and a policy without guards: what the host and the walls do by themselves.

Job code gets real builtins, real imports and the raw channel (``channel``): as if the
policy had failed altogether.
"""

import builtins
import random  # noqa: F401  # loaded before the walls stand: a child opens no file
from typing import Any

POLICY = "none"

_prepared: list[Any] = []


class SourceRefused(Exception):
    def __init__(self, violations: list[Any]):
        self.violations = violations


class Violation:
    def __init__(self, line: int, text: str, rule: str, advice: str, file: str):
        self.line, self.text, self.rule, self.advice, self.file = line, text, rule, advice, file


def compile_source(
    source: str, *, file: str, first_line: int, entry: str, segments: Any = ()
) -> Any:
    if "exec_while_compiling" in source:
        exec(source, {})
    if "refuse_me" in source:
        raise SourceRefused(
            [Violation(first_line, "refuse_me", "no such thing", "Leave it out.", file)]
        )
    return compile("\n" * (first_line - 1) + source, file, "exec")


def preload() -> None:
    import asyncio  # noqa: F401
    import ctypes  # noqa: F401
    import mmap  # noqa: F401
    import multiprocessing  # noqa: F401
    import signal  # noqa: F401
    import socket  # noqa: F401
    import subprocess  # noqa: F401
    import threading  # noqa: F401
    import traceback  # noqa: F401


def prepare(channel: Any) -> None:
    _prepared[:] = [channel]


def bind(context: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    [channel] = _prepared

    def call(verb: str, **arguments: Any) -> Any:
        number = channel.send_call(verb, arguments)
        reply = channel.wait()
        assert reply[0] == number
        if reply[2] is not None:
            raise RuntimeError(reply[2]["message"])
        return reply[1]

    names = {
        "__builtins__": builtins,
        "__name__": "job",
        "channel": channel,
        "call": call,
        "log": lambda text, level="info": channel.log(level, text),
    }
    return names, context


def drive(value: Any) -> Any:
    return value
