"""A process that forks writers of history, each to be killed while it works as fast as it can.

It imports once, then forks a writer for every line ``path life`` on its input. On the output
come the writer's process id, what it was told is kept (one line each, written at once),
and ``dead`` when it is gone.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from luajobs_kit.clock import SystemClock
from luajobs_kit.ids import Ids
from luajobs_kit.model import Execution, LogLine, LogSource
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.entries.entries import Entries
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.history import History


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def work(history, entries, life, job):
    armed = datetime(2026, 1, 1, tzinfo=UTC)
    number = 0
    while True:
        number += 1
        name = f"{life}_{job}_{number}"
        now = datetime.now(UTC)
        execution = Execution(
            id=name,
            job_id=job,
            job_name=job,
            version_id="v",
            version="1.0.0",
            cause="schedule",
            created_at=now,
            fire_time=now,
        )
        fire = FireState(job_id=job, armed_at=armed, last_fire=now, skipped=number)
        await history.claim(execution, fire, key=name)
        say("claimed", job, name, now.isoformat())
        for _ in range(5):
            source = LogSource(primitive_id=job, execution_id=name)
            line = LogLine(timestamp=now, message=f"of {name}", metadata=source)
            say("numbered", history.write_log(line).seq)
        await history.record(execution.evolve(status="completed", result=number), fire)
        say("recorded", job, name)
        entry = await entries.create("c", {"name": name, "words": f"about {name}"}, key=name)
        say("created", entry.id)


async def write_for_ever(path, life):
    database = await Database.open(path)
    history, entries = History(database), Entries(database, SystemClock(), Ids())
    say("opened", *database.findings)
    await asyncio.gather(*(work(history, entries, life, f"job_{n}") for n in range(4)))


def main():
    for line in sys.stdin:
        path, life = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                say(os.getpid())
                asyncio.run(write_for_ever(Path(path), life))
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main()
