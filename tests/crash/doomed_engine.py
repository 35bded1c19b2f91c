"""A process of its own that forks engines, each of which kills itself at a chosen step.

It imports once, then forks an engine for every line of JSON on its input:

    {"folder": …, "spec": JobSpec or null, "step": …, "count": n, "deactivate": bool}

The engine opens the folder, creates the job, with ``deactivate`` switches it off once a retry
waits, and dies by SIGKILL when it reaches ``step`` for the ``count``-th time. ``dead``, the signal and the id of its sandbox's session on the
output say that it is gone.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path

from luajobs_kit.engine import Engine
from luajobs_kit.engine.lifecycle import Core
from luajobs_kit.model import JobSpec
from luajobs_kit.store.database.database import Database


class Fate:
    """Counts down to the engine's end."""

    def __init__(self, step: str, count: int) -> None:
        self.step, self.left = step, count

    def reach(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def doom(fate: Fate, core: Core) -> None:
    """Have the engine meet its fate around what it writes of a run."""
    history = core.state.store.history
    claim, record = history.claim, history.record

    async def claiming(execution, fire, key=None, **how):
        fate.reach("before the claim")
        kept = await claim(execution, fire, key, **how)
        fate.reach("after the claim")
        return kept

    async def recording(execution, fire=None, **how):
        step = {"running": "running", "pending": "the retry is planned"}.get(
            execution.status, "the outcome"
        )
        fate.reach(f"before {step}")
        await record(execution, fire, **how)
        fate.reach(f"after {step}")

    history.claim, history.record = claiming, recording


def doom_writes(fate: Fate) -> None:
    """Have any engine meet its fate around each transaction of its history."""
    write = Database.write

    async def writing(self, work, **how):
        fate.reach("before a write")
        result = await write(self, work, **how)
        fate.reach("after a write")
        return result

    Database.write = writing


async def live(order: dict, tell) -> None:
    fate = Fate(order["step"], order["count"])
    doom_writes(fate)
    patched = Core.start

    async def starting(core, channels=()) -> None:
        tell(core.state.runner.sandbox.server_pid)
        doom(fate, core)  # before recovery, which records too
        await patched(core, channels)

    Core.start = starting
    async with await Engine.open(Path(order["folder"])) as engine:
        news = engine.events()
        if order["spec"] is not None:
            await engine.create_job(JobSpec.model_validate(order["spec"]))
        async for event in news:
            if event.type == "MessageSent":
                fate.reach("job code runs")
            if event.type == "AttemptFailed" and order["deactivate"]:
                await engine.deactivate_job(event.execution.job_id)


def note(writer: int, pid: int) -> None:
    os.write(writer, str(pid).encode())


def main() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(live(json.loads(line), partial(note, writer)))
            except BaseException:  # noqa: BLE001 - whatever it is, it is shown
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writer)
        _, status = os.waitpid(pid, 0)
        session = os.read(reader, 100).decode() or "0"
        os.close(reader)
        sys.stdout.write(f"dead {os.waitstatus_to_exitcode(status)} {session}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
