"""Floods of frames: the time for which the engine's loop stands still while a child floods it with one kind of frame.

    python benchmarks/frames.py [--seconds 4]

For each flood: the longest time between two turns of the loop, and how much processor time it
took of each second. A process of its own sends the same frame over and over, at most 1 MB of it,
as a run would that got past the policy. Absolute times are this machine's; "nothing" says how
long the loop stands still when nobody sends.
"""

import argparse
import asyncio
import contextlib
import socket
import subprocess
import sys
import time

from luajobs_kit.sandbox.frames import BrokenFrame
from luajobs_kit.sandbox.host.child_handle import Exit
from luajobs_kit.sandbox.host.run_session import RunSession

MOST = 2**20  # bytes of a frame
SENDER = """
import socket, struct, sys
before, number, after = sys.stdin.buffer.read().partition(b"NUMBER")
to = socket.socket(fileno=int(sys.argv[1]))
calls = 0
while True:
    calls += 1
    body = before + (b"%d" % calls if number else b"") + after
    to.sendall(struct.pack(">I", len(body)) + body)
"""


def many(before: bytes, item: bytes, after: bytes, count: int) -> bytes:
    """Return a frame with so many items, or as many as fit."""
    room = MOST - len(before) - len(after)
    return before + b",".join([item] * min(count, room // (len(item) + 1))) + after


CALL = b'{"call":NUMBER,"verb":"a.b","arguments":{"x":['
FLOODS = {
    "nothing": b"",
    "empty lists, as many as fit": many(CALL, b"[]", b"]}}", 10**6),
    "empty lists, within the budget": many(CALL, b"[]", b"]}}", 140_000),
    "half surrogate pairs": many(CALL, rb'"\ud800"', b"]}}", 100_000),
    "log lines in one frame": many(b'{"log":[', b'["info","",0]', b"]}", 36_000),
    "log lines, a frame each": many(b'{"log":[', b'["info","x",0]', b"]}", 1),
}


class Child:
    """Stands in for a child's handle."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        if not self.exited.done():
            self.exited.set_result(Exit("signal", 9, "end"))


async def stalls(frame: bytes, seconds: float) -> tuple[float, float]:
    """Return the longest stall in ms, and the share of the time that the process was busy."""
    host, far = socket.socketpair()
    host.setblocking(False)
    far.set_inheritable(True)
    sender = None
    if frame:
        sender = subprocess.Popen(  # noqa: ASYNC220  # before anything is measured
            [sys.executable, "-c", SENDER, str(far.fileno())],
            stdin=subprocess.PIPE, pass_fds=[far.fileno()],
        )  # fmt: skip
        sender.stdin.write(frame)
        sender.stdin.close()

    async def serve(_verb: str, _arguments: dict) -> None:
        return None

    async def exchange() -> None:
        with contextlib.suppress(BrokenFrame):  # which ends the run
            await RunSession(Child(host), serve, [].append).run(b"")

    exchange_task = asyncio.create_task(exchange()) if frame else None
    longest, begun, busy = 0.0, time.perf_counter(), time.process_time()
    while (last := time.perf_counter()) - begun < seconds:
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - last - 0.001)
    busy = (time.process_time() - busy) / seconds
    if exchange_task is not None:
        exchange_task.cancel()
        await asyncio.gather(exchange_task, return_exceptions=True)
    if sender is not None:
        sender.kill()
        sender.wait()
    host.close()
    far.close()
    return longest * 1000, busy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    print(f"{'flood':34} {'longest stall, ms':>18} {'busy':>6}")
    for name, frame in FLOODS.items():
        stall, busy = asyncio.run(stalls(frame, given.seconds))
        print(f"{name:34} {stall:18.1f} {busy:6.0%}")


main()
