"""The doctor's probes: for each wall one attempt, in a child, at what it should stop.

The module is a world and a policy at once (``Sandbox(world=…, policy=…)``), so that probes run in
the same children as jobs. A probe returns how it was refused, or None when it got through.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import select
import socket
from collections.abc import Callable
from types import CodeType
from typing import Any, Final

POLICY: Final = "probes"


class SourceRefused(Exception):  # the name that a policy has for it
    """Never raised: this policy refuses nothing."""

    violations: tuple[Any, ...] = ()


def compile_source(source: str, *, file: str, first_line: int, entry: str) -> CodeType:  # noqa: ARG001  # a policy's signature
    return compile(source, file, "exec")


def prepare(channel: Any) -> None:
    """Do nothing: a probe needs no preparation."""


def bind(context: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    return {"attempt": attempt}, context


def drive(value: Any) -> Any:
    return value


def attempt(context: dict[str, Any]) -> str | None:
    """Run the probe of the wall ``context["wall"]``; return how it was refused, or None."""
    try:
        return _PROBES[context["wall"]](context)
    except MemoryError:
        return "more memory than allowed: MemoryError"
    except OSError as error:
        return f"{context['wall']}: {error.strerror or error}"


def _process(context: dict[str, Any]) -> str | None:
    return None if os.getpid() == context["engine"] else "its own process"


def _descriptors(context: dict[str, Any]) -> str | None:  # noqa: ARG001  # a probe's signature
    still_open = 0
    for descriptor in range(1, 256):
        poll = select.poll()
        poll.register(descriptor)
        try:
            events = poll.poll(0)
        except OSError:
            continue  # beyond the limit, where no descriptor can be
        still_open += not any(event & select.POLLNVAL for _, event in events)
    return None if still_open else "255 descriptors tried, none open"


def _environment(context: dict[str, Any]) -> str | None:  # noqa: ARG001  # a probe's signature
    if os.environ:
        return None
    try:
        here = os.listdir(".")  # noqa: PTH208  # the shortest probe
    except OSError as error:
        return f"no variables; the working directory: {error.strerror}"
    return None if here else "no variables; the working directory is empty and removed"


def _limits(context: dict[str, Any]) -> str | None:
    return None if bytearray(context["memory"]) else ""


def _hidden(context: dict[str, Any]) -> str | None:  # noqa: ARG001  # a probe's signature
    get_dumpable = 3
    return None if ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0) else "not dumpable"


def _privileges(context: dict[str, Any]) -> str | None:  # noqa: ARG001  # a probe's signature
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123  # a child does without pathlib
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    capabilities = int(facts["CapEff"], 16) | int(facts["CapPrm"], 16)
    return None if capabilities or facts["NoNewPrivs"] != "1" else "no capability, and none to gain"


def _namespaces(context: dict[str, Any]) -> str | None:
    with socket.socket() as probe:
        probe.connect(("127.0.0.1", context["port"]))
    return None


def _landlock(context: dict[str, Any]) -> str | None:
    with open(context["file"], "rb"):  # noqa: PTH123  # the shortest probe
        return None


def _seccomp(context: dict[str, Any]) -> str | None:  # noqa: ARG001  # a probe's signature
    return _all_refused(socket=socket.socket, fork=_fork, kill=lambda: os.kill(os.getpid(), 0))


def _interpreter(context: dict[str, Any]) -> str | None:
    return _all_refused(
        file=lambda: os.open(context["file"], os.O_RDONLY),
        process=_fork,
        library=lambda: importlib.import_module("ctypes").CDLL(None),
        bytecode=lambda: importlib.import_module("marshal").loads(b"N"),
    )


def _all_refused(**probes: Callable[[], Any]) -> str | None:
    refusals = []
    for name, call in probes.items():
        try:
            call()
        except OSError as error:
            refusals.append(f"{name}: {error.strerror}")
        except (ImportError, AttributeError):
            refusals.append(f"{name}: out of reach")
        else:
            return None
    return "; ".join(refusals)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


_PROBES: Final[dict[str, Callable[[dict[str, Any]], str | None]]] = {
    "process": _process,
    "descriptors": _descriptors,
    "environment": _environment,
    "limits": _limits,
    "hidden": _hidden,
    "privileges": _privileges,
    "namespaces": _namespaces,
    "landlock": _landlock,
    "seccomp": _seccomp,
    "interpreter": _interpreter,
}
