"""A process that claims, records and logs is killed: what it was told is kept is there, whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from luajobs_kit.model import FINAL, LogQuery
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.history.history import History

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills")
LIVES = 10  # in one file: all that is in it is looked at after each


class Writers:
    """Writers of history that are killed, one after the other."""

    def __init__(self):
        writer = Path(__file__).parents[1] / "history_writer.py"
        self.process = subprocess.Popen(
            [sys.executable, str(writer)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run_and_kill(self, path, life, patience, *, at_work):
        """Kill a writer ``patience`` seconds after it opened, or wrote; return its words."""
        self.process.stdin.write(f"{path} life{life}\n")
        self.process.stdin.flush()
        [pid] = self._line()
        said = [self._line()]
        while at_work and said[-1][0] != "numbered":
            said.append(self._line())
        time.sleep(patience)  # the moment of death is what is drawn, not something waited for
        os.kill(int(pid), signal.SIGKILL)
        while said[-1] != ["dead"]:
            said.append(self._line())
        return said[:-1]

    def _line(self):
        return self.process.stdout.readline().split()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@pytest.fixture
def writers():
    found = Writers()
    yield found
    found.end()


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


async def kill_and_verify(writers: Writers, folder: Path, lives: int, longest: float) -> None:
    when = random.Random(lives)
    written = 0
    for life in range(lives):
        if life % LIVES == 0:
            numbers: set[int] = set()
        path = folder / f"{life // LIVES}.db"
        said = writers.run_and_kill(path, life, when.uniform(0, longest), at_work=life % 2 == 1)
        await verify(path, said, numbers)
        written += len(said)
    assert written > 10 * lives, "the writers hardly got to write"


async def test_what_was_acknowledged_survives_a_dozen_kills(writers, tmp_path):
    await kill_and_verify(writers, tmp_path, 12, longest=0.05)


@pytest.mark.soak
async def test_what_was_acknowledged_survives_500_kills(writers, tmp_path):
    await kill_and_verify(writers, tmp_path, 500, longest=0.25)
