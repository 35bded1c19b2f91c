"""Fills the disk it is given with everything a store keeps, and has it go on when there is room.

Run by ``test_full_disk.py`` with a disk of its own as the argument. Prints what it saw.
"""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sample_records import JOB

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import StorageFull
from luajobs_kit.ids import Ids
from luajobs_kit.model import Execution
from luajobs_kit.store import Put, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = "a text of some length " * 20


class Filler:
    """What was acknowledged by every store there was on the disk."""

    def __init__(self, disk: Path) -> None:
        self._folder, self._ballast = disk / ".luajobs", disk / "ballast"
        self._numbers = count()
        self.jobs: set[str] = set()
        self.runs: set[str] = set()
        self.entries: set[str] = set()

    async def opened(self) -> Store:
        return await Store.open(self._folder, clock=SystemClock(), ids=Ids())

    def take_room(self, size: int) -> None:
        self._ballast.write_bytes(bytes(size))

    def leave_no_room(self) -> None:
        with self._ballast.open("ab", 0) as file:
            for size in (1000, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        self._ballast.unlink()

    async def job(self, store: Store) -> None:
        name = f"job_{next(self._numbers)}"
        await store.definitions.commit(Put(JOB.evolve(id=name, name=name, metadata={"x": TEXT})))
        self.jobs.add(name)

    async def run(self, store: Store) -> None:
        name = f"exec_{next(self._numbers)}"
        await store.history.claim(
            Execution(
                id=name,
                job_id="job_1",
                job_name="job",
                version_id="v",
                version="1.0.0",
                cause="manual",
                status="completed",
                created_at=NOON,
                result=TEXT,
            ),
            None,
            key=name,
        )
        self.runs.add(name)

    async def entry(self, store: Store) -> None:
        self.entries.add((await store.entries.create("notes", {"text": TEXT})).id)

    async def missing(self, store: Store) -> set[str]:
        jobs = {row["id"] for row in store.definitions.rows("jobs")}
        lost = self.jobs - jobs
        lost |= {name for name in self.runs if await store.history.execution(name) is None}
        kept = (await store.entries.page("notes")).pagination.total_count
        return lost | ({"entries"} if kept < len(self.entries) else set())


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


async def main(disk: Path) -> None:
    filler = Filler(disk)
    verbs = (filler.job, filler.run, filler.entry)
    for turn in range(3):
        filler.take_room(300_000 * (3 - turn))
        async with await filler.opened() as store:
            for verb in (*verbs[turn:], *verbs[:turn]):
                try:
                    while True:
                        await verb(store)
                except StorageFull as error:
                    say(turn, verb.__name__, "full:", error)
                    filler.leave_no_room()
            say(turn, "missing while full:", await filler.missing(store))
            filler.make_room()
            for verb in verbs:
                await verb(store)
            say(turn, "missing with room:", await filler.missing(store))
            filler.leave_no_room()
        async with await filler.opened() as store:
            say(turn, "missing after a start on a full disk:", await filler.missing(store))
            say(turn, "findings:", store.findings)
            filler.make_room()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
