"""A process that claims, records and logs is killed: what it was told is kept is there, whole."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from luajobs_kit.model import FINAL, LogQuery
from luajobs_kit.store.history import History
from luajobs_kit.store.sqlite import Database

# Says on its standard output what it was told is kept, one line each, written at once.
WRITER = textwrap.dedent(
    """
    import asyncio, os, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from luajobs_kit.clock import SystemClock
    from luajobs_kit.ids import Ids
    from luajobs_kit.model import Execution, LogLine, LogSource
    from luajobs_kit.store.entries import Entries
    from luajobs_kit.store.fires import FireState
    from luajobs_kit.store.history import History
    from luajobs_kit.store.sqlite import Database

    def say(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    async def work(history, entries, life, job):
        armed = datetime(2026, 1, 1, tzinfo=UTC)
        number = 0
        while True:
            number += 1
            name = f"{life}_{job}_{number}"
            now = datetime.now(UTC)
            execution = Execution(
                id=name, job_id=job, job_name=job, version_id="v", version="1.0.0",
                cause="schedule", created_at=now, fire_time=now)
            fire = FireState(job_id=job, armed_at=armed, last_fire=now, skipped=number)
            await history.claim(execution, fire, key=name)
            say("claimed", job, name, now.isoformat())
            for _ in range(5):
                line = history.write_log(LogLine(
                    timestamp=now, message=f"of {name}",
                    metadata=LogSource(primitive_id=job, execution_id=name)))
                say("numbered", line.seq)
            await history.record(execution.evolve(status="completed", result=number), fire)
            say("recorded", job, name)
            entry = await entries.create("c", {"name": name, "words": f"about {name}"}, key=name)
            say("created", entry.id)

    async def main():
        path, life = Path(sys.argv[1]), sys.argv[2]
        database = await Database.open(path)
        history, entries = History(database), Entries(database, SystemClock(), Ids())
        say("opened", *database.findings)
        await asyncio.gather(*(work(history, entries, life, f"job_{n}") for n in range(4)))

    asyncio.run(main())
    """
)


def run_and_kill(path: Path, life: int, patience: float, *, at_work: bool) -> list[list[str]]:
    """Start a writer, kill it ``patience`` seconds after it opened, or wrote; returns its words."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), f"life{life}"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = [process.stdout.readline().decode().split()]
    while at_work and said[-1][0] != "numbered":
        said.append(process.stdout.readline().decode().split())
    time.sleep(patience)  # the moment of death is what is drawn, not something waited for
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    whole = rest[: rest.rfind("\n") + 1]
    return said + [line.split() for line in whole.splitlines()]


async def verify(path: Path, said: list[list[str]], numbers: set[int]) -> None:
    assert said[0] == ["opened"], "a killed process leaves no damage"
    told = {
        word: [line[1:] for line in said if line[0] == word] for word in ("claimed", "recorded")
    }
    created = [line[1] for line in said if line[0] == "created"]
    numbered = [int(line[1]) for line in said if line[0] == "numbered"]
    assert not numbers & set(numbered), "a number was given twice"
    assert numbered == sorted(numbered)
    numbers |= set(numbered)

    database = await Database.open(path)
    history = History(database)
    assert database.findings == []
    kept = {}
    for page in range(0, 10**6, 1000):
        found = (await history.executions(limit=1000, offset=page)).executions
        kept |= {each.id: each for each in found}
        if len(found) < 1000:
            break
    fires = await history.fires()
    for job, name, fire_time in told["claimed"]:
        assert name in kept
        assert fires[job].last_fire.isoformat() >= fire_time
    for _, name in told["recorded"]:
        assert kept[name].status == "completed"
        # The outcome came with its log.
        lines = await history.logs(LogQuery(execution_id=name))
        assert len(lines.logs) == 5
    # Nothing half: a claim has its watermark and its key with it, and the other way round.
    keys = await database.read(lambda db: db.execute("SELECT key, kind FROM keys").fetchall())
    assert {key for key, kind in keys if kind == "claim"} == set(kept)
    for job, fire in fires.items():
        newest = (await history.executions(job_id=job, limit=1)).executions[0]
        assert fire.last_fire == newest.fire_time
    entries = await database.read(lambda db: db.execute("SELECT id, data FROM entries").fetchall())
    assert set(created) <= {row[0] for row in entries}
    assert {json.loads(row[1])["name"] for row in entries} == {
        key for key, kind in keys if kind == "entry"
    }
    assert {each.id for each in await history.unfinished()} == {
        each.id for each in kept.values() if each.status not in FINAL
    }
    # The indexes agree with what they index.
    await database.write(_check_indexes)
    total = await database.read(lambda db: db.execute("SELECT count(*) FROM logs").fetchone()[0])
    assert (await history.logs(LogQuery())).pagination.total_count == total
    await database.aclose()


def _check_indexes(db) -> None:
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for name in ("logs_fts", "entries_fts"):
        db.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")


async def kill_and_verify(path: Path, lives: int) -> None:
    numbers: set[int] = set()
    when = random.Random(lives)
    for life in range(lives):
        said = run_and_kill(path, life, when.uniform(0, 0.25), at_work=life % 2 == 1)
        await verify(path, said, numbers)
    assert numbers, "the writers never got to write"


async def test_what_was_acknowledged_survives_10_kills(tmp_path):
    await kill_and_verify(tmp_path / "history.db", 10)


@pytest.mark.soak
async def test_what_was_acknowledged_survives_100_kills(tmp_path):
    await kill_and_verify(tmp_path / "history.db", 100)
