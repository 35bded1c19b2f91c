"""One child: it raises its walls, receives one frame, and is used once.

A ``compile`` frame has it turn source into marshalled code and execute nothing. A ``run`` frame
has it execute code and compile nothing. After either the process ends.
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

from luajobs_kit.author_lines import Segment
from luajobs_kit.long_numbers import in_our_words
from luajobs_kit.sandbox.child import tracebacks
from luajobs_kit.sandbox.child.channel import Channel, Gone
from luajobs_kit.sandbox.frames import READY, pack
from luajobs_kit.sandbox.walls.walls import Walls

DESCRIPTOR: Final = 0  # the one descriptor a child has
_HIGHEST: Final = os.sysconf("SC_OPEN_MAX") % 2**31  # -1 means no limit; this makes it the largest
EXIT_DONE: Final = 0
EXIT_GONE: Final = 71  # the host went away
EXIT_FAILED: Final = 72  # a wall or the child's own code failed

# Packed ahead, while there is memory for it.
_OUT_OF_MEMORY: Final = pack({"error": {"type": "MemoryError", "message": "out of memory"}})

_NOTHING: Final = compile("async def nothing(job):\n    return None\n", "<rehearsal>", "exec")
_REHEARSAL: Final = pack(
    {
        "do": "run",
        "code": base64.b64encode(dumps(_NOTHING)).decode("ascii"),
        "entry": "nothing",
        "files": ["<rehearsal>"],
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
    """Live as a child from fork to exit; never return to the fork server's own code.

    The fork server has prepared the world with ``channel``. With ``rehearsed`` the child goes
    through a rehearsal first.
    """
    code = EXIT_FAILED
    try:
        _settle_in(socket, walls)
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


def _settle_in(socket: int, walls: Walls) -> None:
    """Close every descriptor but the socket, and seed ``random`` anew."""
    walls.system.dup2(socket, DESCRIPTOR)
    walls.system.closerange(DESCRIPTOR + 1, _HIGHEST)
    sys.stderr = None
    known: Any = sys.modules.get("random")
    if known is not None:
        # As its own hook after a fork would, which the fork server switches off.
        Generator.seed(known._inst)  # noqa: SLF001  # the functions of ``random`` are its methods


class _Rehearsal(Channel):
    """A channel that holds the frame of one run, and sends nothing."""

    def __init__(self) -> None:
        super().__init__(DESCRIPTOR)
        self._unparsed += _REHEARSAL
        self._split()

    def _write(self, data: bytes) -> None:
        pass


def prepare(world: ModuleType) -> Channel:
    """Prepare the world for the one run of a child."""
    channel = Channel(DESCRIPTOR)
    world.prepare(channel)
    return channel


def rehearse(world: ModuleType, policy: ModuleType) -> None:
    """Go through an empty run once, before any request waits for this child.

    A forked process copies each page of memory when it first writes to it, which takes most of a
    short run's time. Pages that a spare has copied its run need not copy. If the world fails at a
    rehearsal, a real run shows why.
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
        given = {name: frame[name] for name in ("file", "first_line", "entry")}
        if frame["segments"]:  # not every policy takes them
            given["segments"] = tuple(Segment(*each) for each in frame["segments"])
        code = policy.compile_source(frame["source"], **given)
        answer: dict[str, Any] = {"code": base64.b64encode(dumps(code)).decode("ascii")}
    except policy.SourceRefused as refusal:
        answer = {
            "refused": [
                [
                    violation.line,
                    violation.text,
                    violation.rule,
                    violation.advice,
                    violation.file,
                ]
                for violation in refusal.violations[: tracebacks.MOST_VIOLATIONS]
            ]
        }
    except (SyntaxError, ValueError) as error:
        where = [getattr(error, "lineno", None), getattr(error, "filename", None)]
        answer = {"invalid": [*where, in_our_words(str(getattr(error, "msg", error)))]}
    except RecursionError:
        answer = {"invalid": [None, None, "it is nested too deeply to be compiled"]}
    except MemoryError:
        answer = {"invalid": [None, None, "compiling it takes more memory than a run may have"]}
    channel.send(answer)


def _run(channel: Channel, frame: dict[str, Any], world: ModuleType, last_wall: _LastWall) -> None:
    try:
        _execute(channel, frame, world, last_wall)
    except Gone:
        raise
    except MemoryError as error:
        # The traceback's frames hold the memory; without them there is some for the answer. By
        # BaseException's own method: the error's class may be the job's.
        BaseException.with_traceback(error, None)
        channel.send_raw(_OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001  # job code may raise anything; all of it is reported
        masked = getattr(world, "masked", tracebacks.as_it_is)
        try:
            answer = tracebacks.describe(error, frame["files"], masked=masked)
        except BaseException:  # noqa: BLE001  # the exception's own text raises
            words = tracebacks.no_words
            answer = tracebacks.describe(error, frame["files"], words, masked)
        channel.send({"error": answer})


def _execute(
    channel: Channel, frame: dict[str, Any], world: ModuleType, last_wall: _LastWall
) -> None:
    code = loads(base64.b64decode(frame["code"]))  # noqa: S302  # from our own compile
    namespace, argument = world.bind(frame["context"])
    while last_wall:
        last_wall.pop()()
    for part in code if type(code) is tuple else (code,):
        exec(part, namespace)  # noqa: S102  # this is what a sandbox is for
    getattr(world, "defined", _nothing)()
    entry = namespace[frame["entry"]]
    try:
        value = entry(argument)
    except BaseException:
        # A function that is not ``async`` fails here; its world may have something to log, too.
        getattr(world, "end", _nothing)()
        raise
    channel.send_result(world.drive(value))


def _nothing() -> None:
    """Stand in for what a world does not have."""
