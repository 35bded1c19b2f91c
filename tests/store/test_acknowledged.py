"""What was acknowledged and is missing at the next start is told, though the files are sound."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sample_records import JOB

from luajobs_kit.clock import SystemClock
from luajobs_kit.ids import Ids
from luajobs_kit.store import Put, Store
from luajobs_kit.store.acknowledged import Acknowledged
from luajobs_kit.store.definitions.compaction import SNAPSHOT
from luajobs_kit.store.definitions.tinydb_storage import JOURNAL

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = [SNAPSHOT, JOURNAL, "history.db", "history.db-wal", "lock"]


async def opened(folder: Path) -> Store:
    return await Store.open(folder, clock=SystemClock(), ids=Ids())


@pytest.fixture
async def killed(tmp_path):
    """A function that makes a folder as an engine leaves it that is killed after so many writes."""

    async def make(name="killed", writes=5, label="job"):
        folder = tmp_path / name
        async with await opened(tmp_path / f"{name}-running") as store:
            for number in range(writes):
                job = JOB.evolve(id=f"job_{number}", name=f"{label} {number}")
                await store.definitions.commit(Put(job))
                await store.entries.create("notes", {"number": number})
            folder.mkdir(mode=0o700)
            for each in NAMES:
                (folder / each).write_bytes((tmp_path / f"{name}-running" / each).read_bytes())
        return folder

    return make


def emptied(path):
    path.write_bytes(b"")


def missing(path):
    path.unlink()


def without_its_last_line(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


def cut_in_its_last_line(path):
    path.write_bytes(path.read_bytes()[:-20])


def cut_by_half(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


async def findings_of(folder):
    async with await opened(folder) as store:
        return list(store.findings)


async def test_nothing_is_told_where_nothing_is_missing(killed):
    folder = await killed()
    assert await findings_of(folder) == []
    assert await findings_of(folder) == []


@pytest.mark.parametrize(
    "harm", [emptied, missing, without_its_last_line, cut_in_its_last_line, cut_by_half]
)
async def test_commits_missing_from_the_journal_are_told_once(killed, harm):
    folder = await killed()
    harm(folder / JOURNAL)
    told = await findings_of(folder)
    assert any(each.startswith("lost: commit") and " acknowledged: " in each for each in told), told
    assert not any("never acknowledged" in each for each in told)
    async with await opened(folder) as store:  # it goes on, and tells it as an earlier loss
        assert all(each.startswith("at an earlier start") for each in store.findings)
        await store.definitions.commit(Put(JOB.evolve(id="job_new", name="new")))
    async with await opened(folder) as store:
        assert store.definitions.job("job_new") is not None


@pytest.mark.parametrize("harm", [emptied, missing, cut_by_half])
async def test_changes_missing_from_the_write_ahead_log_are_told(killed, harm):
    folder = await killed()
    harm(folder / "history.db-wal")
    (told,) = await findings_of(folder)
    assert "of history.db that were acknowledged" in told
    assert told.startswith("lost: the last ")


async def test_another_journal_of_as_many_commits_is_told(killed):
    folder, other = await killed(), await killed("other", label="another")
    (folder / JOURNAL).write_bytes((other / JOURNAL).read_bytes())
    told = await findings_of(folder)
    assert any(each.startswith("lost: what was acknowledged differs") for each in told), told


async def test_an_older_history_is_told_and_a_journal_that_has_more_is_right(killed):
    folder, less = await killed(writes=5), await killed("less", writes=2)
    (folder / "history.db").write_bytes((less / "history.db").read_bytes())
    (folder / "history.db-wal").write_bytes((less / "history.db-wal").read_bytes())
    assert any("changes of history.db" in each for each in await findings_of(folder))
    more = await killed("more", writes=5)
    (more / "lock").write_bytes((less / "lock").read_bytes())
    assert await findings_of(more) == []


async def test_nothing_is_told_after_a_compaction_or_an_orderly_end(killed, tmp_path):
    folder = tmp_path / "orderly"
    async with await opened(folder) as store:
        for number in range(5):
            await store.definitions.commit(Put(JOB.evolve(id=f"job_{number}", name=f"{number}")))
        store.definitions.tinydb.storage.compact()
        await store.definitions.commit(Put(JOB.evolve(id="job_x", name="x")))
    assert await findings_of(folder) == []


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'{"acknowledged": [1, "x"]}', b'{"acknowledged": 7}']
)
def test_a_lock_file_that_says_nothing_is_no_bound(text):
    assert Acknowledged.read(text) == Acknowledged()
