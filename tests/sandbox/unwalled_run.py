"""Runner of job code in this process without the sandbox's walls: the policy and the world alone."""

from __future__ import annotations

import asyncio
import inspect
import time
import warnings
from typing import Any

from luajobs_kit.guest import world
from luajobs_kit.sandbox.child.json_encoding import plain
from luajobs_kit.sandbox.policy import compile as policy

CONTEXT: dict[str, Any] = {
    "job": {"id": "job_1", "name": "test", "metadata": {"n": 1}},
    "execution": {"id": "exec_1", "attempt": 1},
    "user": "user_1",
    "env": {"CITY": "Berlin", "API_KEY": "k-12345"},
    "secrets": ["hidden-67890", "k-12345"],  # the first is given to no job: it only is masked
    "clock": None,
}


class RecordingChannel:
    """Answers every call with what ``answers`` holds for its verb, and keeps what was logged."""

    def __init__(self, answers: dict[str, Any] | None = None):
        self.answers = answers or {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[tuple[str, str]] = []
        self._waiting: list[tuple[int, Any, Any]] = []
        self.held: set[str] = set()  # verbs that are never answered

    def send_call(self, verb: str, arguments: dict[str, Any]) -> int:
        self.calls.append((verb, plain(arguments, verb)))
        number = len(self.calls)
        if verb not in self.held:
            answer = self.answers.get(verb)
            if verb.startswith("schedule."):
                # Imported here, for the corpus also runs where there is no pydantic.
                from luajobs_kit.timing.requested import requested

                answer = requested(verb.removeprefix("schedule."), arguments)
            error = answer if isinstance(answer, dict) and "code" in answer else None
            self._waiting.append((number, None if error else answer, error))
        return number

    def wait(self, deadline: float | None = None) -> tuple[int, Any, Any] | None:
        if self._waiting:
            return self._waiting.pop(0)
        if deadline is None:
            raise AssertionError("it waits for a reply that will never come")
        time.sleep(max(0.0, deadline - time.monotonic()))
        return None

    def log(self, level: str, message: str) -> None:
        self.lines.append((level, message))


def run_here(
    source: str,
    *,
    entry: str = "main",
    context: dict[str, Any] | None = None,
    channel: RecordingChannel | None = None,
) -> Any:
    """Run under the policy in this very process; return what the entry function gave."""
    world.preload()
    code = policy.compile_source(source, file="job.py", first_line=1, entry=entry)
    channel = channel or RecordingChannel()
    world.prepare(channel)
    namespace, argument = world.bind({**CONTEXT, **(context or {})})
    exec(code, namespace)
    return world.drive(namespace[entry](argument))


def unrestricted(source: str, entry: str = "main") -> Any:
    """Run as plain Python, with the real modules and the real asyncio."""
    namespace: dict[str, Any] = {"__name__": "job"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases are mistakes on purpose
        code = compile(source, "job.py", "exec", dont_inherit=True)
    exec(code, namespace)
    value = namespace[entry](None)
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value
