"""Files that are newer, foreign, damaged or on a full disk."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from sample_records import JOB

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import InvalidInput, StorageFull, WorkspaceError
from luajobs_kit.ids import Ids
from luajobs_kit.model import Execution, LogLine, LogQuery, LogSource
from luajobs_kit.store import Put, Store
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.entries.entries import Entries
from luajobs_kit.store.history import logs
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.history import History

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def execution(number: int) -> Execution:
    return Execution(
        id=f"exec_{number}",
        job_id=f"job_{number}",
        job_name="reminder",
        version_id="v",
        version="1.0.0",
        cause="manual",
        status="completed",
        created_at=NOON,
        result="x" * 200,
    )


def line(message: str = "hello") -> LogLine:
    return LogLine(timestamp=NOON, message=message, metadata=LogSource(primitive_id="job_1"))


async def filled(path, count: int = 50) -> None:
    database = await Database.open(path)
    history = History(database)
    entries = Entries(database, SystemClock(), Ids())
    for number in range(count):
        fire = FireState(job_id=f"job_{number}", armed_at=NOON, last_fire=NOON)
        history.write_log(line(f"line {number}"))
        await history.claim(execution(number), fire, key=f"k{number}")
        await entries.create("tickets", {"number": number})
    await database.aclose()


def contents(folder) -> dict[str, str]:
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


async def test_a_file_of_a_newer_kit_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "history.db"
    await filled(path, 1)
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    before = contents(tmp_path)
    with pytest.raises(WorkspaceError, match=r"newer luajobs_kit \(format 99.*Upgrade"):
        await History.open(path)
    assert contents(tmp_path) == before


async def test_a_newer_file_whose_version_is_only_in_its_wal_is_refused_too(tmp_path):
    path, copy = tmp_path / "history.db", tmp_path / "copy"
    await filled(path, 1)
    copy.mkdir()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    for name in ("history.db", "history.db-wal"):
        shutil.copy(tmp_path / name, copy / name)
    other.close()
    before = contents(copy)
    with pytest.raises(WorkspaceError, match="format 99"):
        await History.open(copy / "history.db")
    after = contents(copy)
    assert {name: after[name] for name in before} == before


async def test_a_database_of_something_else_is_refused_and_kept(tmp_path):
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = contents(tmp_path)
    with pytest.raises(WorkspaceError, match="something else"):
        await History.open(path)
    assert contents(tmp_path) == before


async def test_a_file_that_cannot_be_opened_is_an_error_that_says_where(tmp_path):
    (tmp_path / "history.db").mkdir()
    with pytest.raises(WorkspaceError, match="history"):
        await History.open(tmp_path / "history.db")


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 400, b"SQLite format 3\x00" + b"\xff" * 5000, b"\n", b""]
)
async def test_a_file_of_garbage_is_set_aside_with_a_finding(tmp_path, content):
    path = tmp_path / "history.db"
    path.write_bytes(content)
    history = await History.open(path)
    [finding] = history.findings
    assert "was damaged" in finding
    [aside] = tmp_path.glob("history.db.damaged-*")
    assert aside.read_bytes() == content
    assert aside.name in finding
    await history.claim(execution(1), None)
    await history.aclose()
    history = await History.open(path)
    assert history.findings == []
    assert await history.execution("exec_1") is not None
    await history.aclose()


# Not the first page, which begins the list of tables.
@pytest.mark.parametrize("place", [0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
async def test_what_can_be_read_of_a_damaged_file_is_taken_over(tmp_path, place):
    path = tmp_path / "history.db"
    await filled(path, 200)
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        file.seek(int(pages * place) * 4096)
        file.write(random.Random(place).randbytes(4096))
    database = await Database.open(path)
    history, entries = History(database), Entries(database, SystemClock(), Ids())
    [finding] = database.findings
    assert "kept" in finding
    kept = [
        (await history.executions()).total,
        len(await history.fires()),
        (await history.logs(LogQuery())).pagination.total_count,
        (await entries.page("tickets")).pagination.total_count,
    ]
    # One page broke, so all is there but what stood on it.
    assert sum(count == 200 for count in kept) >= 2
    assert sum(kept) >= 500
    for each in (await history.executions(limit=200)).executions:
        assert each.result == "x" * 200
    found = await history.logs(LogQuery(grep="line"))
    assert found.pagination.total_count == kept[2]
    history.write_log(line())
    await history.claim(execution(1000), None)
    await database.aclose()
    again = await Database.open(path)
    assert again.findings == []
    await again.aclose()


async def test_where_the_list_of_tables_is_damaged_what_it_still_lists_is_kept_the_rest_told_lost(
    tmp_path,
):
    path = tmp_path / "history.db"
    await filled(path, 20)
    whole = path.read_bytes()
    told = []
    for page in (number for number in range(len(whole) // 4096) if _is_list(whole, number)):
        damaged = whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :]
        path.write_bytes(damaged)
        database = await Database.open(path)
        [finding] = database.findings
        told.append(finding)
        for table in ("fires", "executions", "entries", "messages", "logs"):
            number = 0 if table == "messages" else 20
            lost = f"all {table}" in finding or "Nothing in it could be read" in finding
            assert lost != (f"{number} {table}" in finding), finding
        await database.aclose()
        [aside] = (each for each in tmp_path.glob("*.damaged-*") if each.name in finding)
        assert aside.read_bytes() == damaged
    assert any("Nothing in it" in each for each in told)
    assert any("20 fires" in each and "all " in each for each in told)


def _is_list(whole: bytes, page: int) -> bool:
    return page == 0 or b"CREATE TABLE" in whole[page * 4096 : (page + 1) * 4096]


def _leaves(path, mark: bytes) -> list[int]:
    """Return the pages with rows that hold ``mark``."""
    whole = path.read_bytes()
    pages = [whole[at : at + 4096] for at in range(0, len(whole), 4096)]
    return [n for n, page in enumerate(pages) if page[0] == 13 and mark in page]


async def test_between_two_damaged_places_all_is_kept_and_what_they_held_is_told(tmp_path):
    path = tmp_path / "history.db"
    await filled(path, 200)
    leaves = _leaves(path, b'"versionId"')
    whole = bytearray(path.read_bytes())
    lost = set()
    for page in (leaves[2], leaves[-3]):
        at = page * 4096
        lost |= set(re.findall(rb'{"id":"(exec_\d+)"', whole[at : at + 4096]))
        whole[at : at + 4096] = bytes(4096)
    bad = whole.index(b'{"id":"exec_', leaves[len(leaves) // 2] * 4096)
    lost |= set(re.findall(rb"exec_\d+", whole[bad : bad + 20]))
    whole[bad] = 0x7F
    path.write_bytes(whole)
    database = await Database.open(path)
    [finding] = database.findings
    assert f"Lost, as far as its indexes tell: {len(lost)} executions (" in finding
    assert all(each.decode() in finding for each in lost)
    kept = (await History(database).executions(limit=200)).executions
    assert {each.id for each in kept} == {f"exec_{n}" for n in range(200)} - {
        each.decode() for each in lost
    }
    assert "200 fires" in finding
    assert "200 entries" in finding
    await database.aclose()


async def test_damage_met_while_running_is_an_error_and_is_healed_at_the_next_start(tmp_path):
    path = tmp_path / "history.db"
    await filled(path, 20)
    history = await History.open(path)
    write = history._database.write
    await write(lambda db: db.execute("DELETE FROM logs_fts_data WHERE id > 10").rowcount)
    with pytest.raises(WorkspaceError, match="Restart the engine"):
        await history.logs(LogQuery(grep="line"))
    assert (await history.executions()).total == 20
    await history.aclose()
    history = await History.open(path)
    assert (await history.logs(LogQuery(grep="line"))).pagination.total_count == 20
    await history.aclose()
    assert not list(tmp_path.glob("*.suspect"))


@pytest.mark.parametrize("bad", ["'{'", "cast(x'7bff' AS TEXT)"])
async def test_an_execution_that_cannot_be_read_is_damage_and_healed_at_the_next_start(
    tmp_path, bad
):
    path = tmp_path / "history.db"
    await filled(path, 3)
    history = await History.open(path)
    sql = f"UPDATE executions SET document = {bad} WHERE id = 'exec_1'"
    await history._database.write(lambda db: db.execute(sql).rowcount)
    with pytest.raises(WorkspaceError, match="Restart the engine"):
        await history.executions()
    await history.aclose()
    history = await History.open(path)
    [finding] = history.findings
    assert "tell: 1 executions (exec_1)" in finding
    assert [each.id for each in (await history.executions()).executions] == ["exec_2", "exec_0"]
    await history.aclose()


async def test_numbers_that_no_database_holds_are_refused():
    history = await History.open(None)
    for asked in (
        history.executions(limit=2**63),
        history.executions(offset=2**63),
        history.messages(limit=-1),
        history.messages(limit=10**30),
        history.logs(LogQuery(page=10**30)),
        history.logs(LogQuery(limit=10**30)),
        history.logs(LogQuery(after=10**30)),
        history.logs(LogQuery(grep=" ".join("-" * n for n in range(1, 1000)))),
        history.trim(now=NOON, max_age=timedelta.max),
    ):
        with pytest.raises(InvalidInput):
            await asked
    assert (await history.logs(LogQuery(grep="- " * 2000))).logs == []
    await history.aclose()


async def test_a_full_disk_reaches_the_caller_and_service_resumes(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    await history.claim(execution(0), None, key="kept")
    write = history._database.write
    await write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
    number = 0

    async def until_full() -> None:
        nonlocal number
        while True:
            number += 1
            await history.claim(execution(number), None, key=f"k{number}")

    with pytest.raises(StorageFull, match="Free some disk space"):
        await until_full()
    assert await history.execution(f"exec_{number}") is None
    assert (await history.execution(f"exec_{number - 1}")).result == "x" * 200
    waiting = [history.write_log(line("x" * 900)) for _ in range(100)]
    shown = await history.logs(LogQuery(limit=200))  # what is kept can still be read
    assert len(shown.logs) < 100
    await write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await history.claim(execution(number), None, key=f"k{number}")
    found = await history.logs(LogQuery(after=0, limit=200))
    assert [each.seq for each in found.logs] == [each.seq for each in waiting]
    await history.aclose()


async def test_on_a_disk_that_stays_full_lines_are_let_go_by_telling_so(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MOST_WAITING", 10)
    history = await History.open(tmp_path / "history.db")
    write = history._database.write
    await write(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
    number = 0
    while history.write_log(line("x" * 900)).seq != 0:
        number += 1
        await history.logs(LogQuery(limit=1))
    assert number >= 10
    await write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await history.logs(LogQuery())
    assert history.write_log(line()).seq == number + 1
    assert (await history.logs(LogQuery())).pagination.total_count == number + 1
    await history.aclose()


async def test_a_history_that_is_gone_is_told_once_where_there_are_jobs(tmp_path):
    async def findings():
        async with await Store.open(tmp_path, clock=SystemClock(), ids=Ids()) as store:
            await store.definitions.commit(Put(JOB))
            return store.findings

    assert await findings() == []
    assert await findings() == []
    (tmp_path / "history.db").unlink()
    [finding] = await findings()
    assert "history.db is missing, though there are 1 jobs" in finding
    [again] = await findings()
    assert "at an earlier start" in again
    (tmp_path / "damage.log").unlink()  # read and understood
    assert await findings() == []


async def test_what_is_committed_moves_from_the_log_into_the_file_while_it_is_open(tmp_path):
    path = tmp_path / "history.db"
    database = await Database.open(path)
    history = History(database)
    before = path.stat().st_size
    for number in range(200):
        await history.claim(execution(number), None, durable=False)
    assert database._checkpoints is not None
    database._checkpoints.submit(lambda: None).result()  # after those that were asked for
    assert path.stat().st_size > before
    await database.aclose()
