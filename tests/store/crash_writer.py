"""A process of its own that commits as fast as it can until it is killed.

It imports once, then forks a writer for every line ``folder seed step fate`` on its
input; ``step`` is the disk operation at which the writer kills itself (-1: its parent
kills it, after the milliseconds in ``fate``). A writer notes what was acknowledged in
``acknowledged`` beside the workspace; ``dead`` on the output says it is gone.
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from faulty_disk import FaultyDisk

from luajobs_kit.store.definitions import compaction
from luajobs_kit.store.definitions.definitions import Definitions, Set

compaction.COMPACT_AT = 4_000  # bytes: compactions are among what is interrupted


async def write_for_ever(folder, seed, step, fate):
    disk = FaultyDisk(lambda number, name: fate if number == step else None)
    definitions = Definitions(folder, disk=disk)
    notes = os.open(folder.parent / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    chance = random.Random(seed)

    async def writer(name):
        for count in range(1_000_000):
            value = f"{seed}.{count}"
            os.write(notes, f"try {name} {value}\n".encode())
            # Two settings and a table of TinyDB's: together or not at all.
            await definitions.commit(
                Set(f"{name}.left", value),
                Set(f"{name}.right", value + "x" * chance.randrange(200)),
            )
            os.write(notes, f"ack {name} {value}\n".encode())

    await asyncio.gather(*(writer(f"w{n}") for n in range(4)))


def main():
    for line in sys.stdin:
        folder, seed, step, fate = line.split("|")
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(write_for_ever(Path(folder), int(seed), int(step), fate.strip()))
            finally:
                os._exit(1)
        if int(step) < 0:
            time.sleep(float(fate) / 1000)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"dead {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
