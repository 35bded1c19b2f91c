"""One child: locked down, given one frame, used once.

``compile`` turns source into marshalled code and executes nothing. ``run`` executes
code and compiles nothing. After either the process ends.
"""

from __future__ import annotations

import base64
import os
import sys
from _random import Random as Generator
from collections.abc import Callable
from marshal import dumps, loads
from types import ModuleType
from typing import Any, Final, NoReturn

from luajobs_kit.sandbox.child import tracebacks
from luajobs_kit.sandbox.child.channel import Channel, Gone
from luajobs_kit.sandbox.frames import READY, pack
from luajobs_kit.sandbox.walls.walls import Walls

DESCRIPTOR: Final = 0  # the one descriptor a child has
_HIGHEST: Final = os.sysconf("SC_OPEN_MAX") % 2**31  # -1, for no limit, is the largest
EXIT_DONE: Final = 0
EXIT_GONE: Final = 71  # the host went away
EXIT_FAILED: Final = 72  # the lock-down or the child's own code failed

# Packed while there is memory to pack it.
_OUT_OF_MEMORY: Final = pack({"error": {"type": "MemoryError", "message": "out of memory"}})

_NOTHING: Final = compile("async def nothing(job):\n    return None\n", "<rehearsal>", "exec")
_REHEARSAL: Final = pack(
    {
        "do": "run",
        "code": base64.b64encode(dumps(_NOTHING)).decode("ascii"),
        "entry": "nothing",
        "file": "<rehearsal>",
        "context": {"job": {"id": "", "name": "", "metadata": {}}},
    }
)


def live(
    socket: int,
    walls: Walls,
    parent: int,
    world: ModuleType,
    policy: ModuleType,
    *,
    channel: Channel,
    rehearsed: bool,
) -> NoReturn:
    """Be a child from fork to exit: never returns to the fork server's own code.

    ``channel`` is what the world is prepared with already.
    """
    code = EXIT_FAILED
    try:
        _settle_in(socket)
        last_wall = [walls.raise_around_child(parent)]
        if rehearsed:
            rehearse(world, policy)
            channel = prepare(world)
        os.write(DESCRIPTOR, READY)
        _serve(channel, world, policy, last_wall)
        code = EXIT_DONE
    except Gone:
        code = EXIT_GONE
    finally:
        os._exit(code)


def _settle_in(socket: int) -> None:
    """Keep one descriptor of what the fork server had, and none of its randomness."""
    os.dup2(socket, DESCRIPTOR)
    os.closerange(DESCRIPTOR + 1, _HIGHEST)
    sys.stderr = None
    known: Any = sys.modules.get("random")
    if known is not None:
        # As its own hook after forks would (see ``forkserver``).
        Generator.seed(known._inst)  # noqa: SLF001  # whose methods its functions are


class _Rehearsal(Channel):
    """A channel with one run in it and nobody at its other end."""

    def __init__(self) -> None:
        super().__init__(DESCRIPTOR)
        self._held += _REHEARSAL
        self._split()

    def _write(self, data: bytes) -> None:
        pass


def prepare(world: ModuleType) -> Channel:
    """Prepare the world for the one run of a child."""
    channel = Channel(DESCRIPTOR)
    world.prepare(channel)
    return channel


def rehearse(world: ModuleType, policy: ModuleType) -> None:
    """Go once through what a run does, while nobody waits for it.

    A forked process copies each page of memory when it first writes to it; most of a
    short run's time is that. What a spare has copied, its run need not. A world that
    fails at this shows why in a run.
    """
    channel = _Rehearsal()
    world.prepare(channel)
    _serve(channel, world, policy, [])


_LastWall = list[Callable[[], None]]  # empty in a rehearsal


def _serve(channel: Channel, world: ModuleType, policy: ModuleType, last_wall: _LastWall) -> None:
    frame = channel.receive()
    assert frame is not None  # no deadline was given
    if frame["do"] == "compile":
        _compile(channel, frame, policy)
    else:
        _run(channel, frame, world, last_wall)


def _compile(channel: Channel, frame: dict[str, Any], policy: ModuleType) -> None:
    try:
        code = policy.compile_source(
            frame["source"],
            file=frame["file"],
            first_line=frame["first_line"],
            entry=frame["entry"],
        )
        answer: dict[str, Any] = {"code": base64.b64encode(dumps(code)).decode("ascii")}
    except policy.SourceRefused as refusal:
        answer = {
            "refused": [
                [violation.line, violation.text, violation.rule, violation.advice]
                for violation in refusal.violations[: tracebacks.MOST_VIOLATIONS]
            ]
        }
    except (SyntaxError, ValueError) as error:
        answer = {"invalid": [getattr(error, "lineno", None), str(getattr(error, "msg", error))]}
    except RecursionError:
        answer = {"invalid": [None, "it is nested too deeply to be compiled"]}
    except MemoryError:
        answer = {"invalid": [None, "compiling it takes more memory than a run may have"]}
    channel.send(answer)


def _run(channel: Channel, frame: dict[str, Any], world: ModuleType, last_wall: _LastWall) -> None:
    try:
        _execute(channel, frame, world, last_wall)
    except Gone:
        raise
    except MemoryError as error:
        # The frames that hold the memory go first, so that there is some to answer with.
        BaseException.with_traceback(error, None)  # a class of job code's may set otherwise
        channel.send_raw(_OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001  # job code may raise anything; all of it is told
        try:
            answer = tracebacks.describe(error, frame["file"])
        except BaseException:  # noqa: BLE001  # an exception whose own text cannot be had
            answer = tracebacks.describe(error, frame["file"], words=tracebacks.no_words)
        channel.send({"error": answer})


def _execute(
    channel: Channel, frame: dict[str, Any], world: ModuleType, last_wall: _LastWall
) -> None:
    code = loads(base64.b64decode(frame["code"]))  # noqa: S302  # from our own compile
    namespace, argument = world.bind(frame["context"])
    while last_wall:
        last_wall.pop()()
    exec(code, namespace)  # noqa: S102  # this is what a sandbox is for
    entry = namespace[frame["entry"]]
    try:
        value = entry(argument)
    except BaseException:
        # What is not ``async`` has failed here, and its log may have a last word, too.
        getattr(world, "end", _nothing)()
        raise
    channel.send_result(world.drive(value))


def _nothing() -> None:
    """End a world that has no last word."""
