"""Retention: the history that is dropped, and what never is."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.clock import SystemClock
from luajobs_kit.ids import Ids
from luajobs_kit.model import Execution, LogLine, LogQuery, LogSource, Message, TextPart
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.entries.entries import Entries
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.history import History
from luajobs_kit.store.history.retention import used_bytes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def execution(number: int, job: str = "job_1", status: str = "completed") -> Execution:
    return Execution(
        id=f"exec_{job}_{number}",
        job_id=job,
        job_name="reminder",
        version_id="v",
        version="1.0.0",
        cause="manual",
        status=status,
        created_at=NOON + timedelta(minutes=number),
    )


def line(number: int, of: Execution | None = None, message: str = "a word") -> LogLine:
    return LogLine(
        timestamp=NOON + timedelta(minutes=number),
        message=message,
        metadata=LogSource(
            primitive_id=of.job_id if of else "job_1", execution_id=of.id if of else None
        ),
    )


@pytest.fixture
async def history(tmp_path):
    opened = await History.open(tmp_path / "history.db")
    yield opened
    await opened.aclose()


async def ids(history: History, **query) -> list[str]:
    return [each.id for each in (await history.executions(**query)).executions]


async def test_the_newest_of_each_job_stay_with_their_lines(history):
    for number in range(5):
        for job in ("a", "b"):
            done = execution(number, job)
            await history.record(done)
            history.write_log(line(number, done))
    await history.record(execution(5, "b"))
    assert await history.trim(now=NOON, per_job=3) == 10
    assert await ids(history, job_id="a") == ["exec_a_4", "exec_a_3", "exec_a_2"]
    assert await ids(history, job_id="b") == ["exec_b_5", "exec_b_4", "exec_b_3"]
    kept = await history.logs(LogQuery(limit=100))
    assert {each.metadata.execution_id for each in kept.logs} == {
        "exec_a_4",
        "exec_a_3",
        "exec_a_2",
        "exec_b_4",
        "exec_b_3",
    }
    assert kept.pagination.total_count == 5
    assert (await history.logs(LogQuery(grep="word"))).pagination.total_count == 5


@pytest.mark.parametrize("limits", [{"per_job": 0}, {"max_age": timedelta()}, {"max_bytes": 0}])
async def test_what_is_not_finished_and_the_watermark_are_never_dropped(history, limits):
    fire = FireState(job_id="job_1", armed_at=NOON, last_fire=NOON)
    for number, status in enumerate(["running", "pending", "completed"]):
        each = execution(number, status=status)
        await history.claim(each, fire)
        history.write_log(line(number, each))
    await history.logs(LogQuery())
    await history.trim(now=NOON + timedelta(days=365), **limits)
    assert await ids(history) == ["exec_job_1_1", "exec_job_1_0"]
    assert (await history.logs(LogQuery())).pagination.total_count == 2
    assert await history.fire("job_1") == fire


async def test_what_is_too_old_goes(history):
    for number in range(4):
        done = execution(number)
        await history.record(done)
        history.write_log(line(number, done))
        history.write_log(line(number))
        await history.add_message(
            Message(
                id=f"m{number}",
                user_id="u",
                content=[],
                created_at=NOON + timedelta(minutes=number),
            )
        )
    await history.trim(now=NOON + timedelta(minutes=62), max_age=timedelta(hours=1))
    assert await ids(history) == ["exec_job_1_3", "exec_job_1_2"]
    assert (await history.logs(LogQuery())).pagination.total_count == 4
    assert [each.id for each in await history.messages()] == ["m3", "m2"]
    await history.trim(now=NOON + timedelta(days=365))
    assert len(await ids(history)) == 2


async def test_history_shrinks_to_its_size_the_oldest_first_and_the_file_with_it(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    for number in range(300):
        done = execution(number)
        await history.record(done)
        for _ in range(20):
            history.write_log(line(number, done, f"number {number} " * 8))
    await history.logs(LogQuery())
    full = await history._database.read(used_bytes)
    await history.trim(now=NOON, max_bytes=full // 2)
    used = await history._database.read(used_bytes)
    assert full // 4 < used <= full // 2
    kept = await ids(history, limit=300)
    assert 50 < len(kept) < 250
    assert kept == [f"exec_job_1_{number}" for number in range(299, 299 - len(kept), -1)]
    lines = (await history.logs(LogQuery())).pagination.total_count
    assert len(kept) * 20 - 20 <= lines <= len(kept) * 20
    before = path.stat().st_size
    await history.aclose()
    assert path.stat().st_size <= max(before, full * 0.6)


def message(number: int, job: str | None = None) -> Message:
    at = NOON + timedelta(minutes=number)
    content = [TextPart(text="a word " * 300)]
    return Message(id=f"m_{job}_{number}", user_id="u", content=content, created_at=at, job_id=job)


@pytest.mark.parametrize("job", ["job_1", None])
async def test_the_oldest_go_be_they_executions_lines_or_messages(history, job):
    for number in range(200):
        done = execution(number)
        await history.record(done)
        history.write_log(line(number, done, "a word " * 300))
        await history.add_message(message(number, job))
    await history.logs(LogQuery())
    full = await history._database.read(used_bytes)
    await history.trim(now=NOON, max_bytes=full // 2)
    kept = [int(each.rpartition("_")[2]) for each in await ids(history, limit=200)]
    sent = [int(each.id.rpartition("_")[2]) for each in await history.messages(limit=200)]
    assert 40 < len(kept) < 120
    assert kept == list(range(199, 199 - len(kept), -1))
    assert sent == list(range(199, 199 - len(sent), -1))
    assert abs(len(sent) - len(kept)) <= 1 if job else len(sent) <= len(kept)


@pytest.mark.parametrize("writes", ["lines", "messages", "results"])
async def test_a_job_that_writes_much_pushes_out_its_own_history_alone(history, writes):
    for number in range(5):
        quiet = execution(number, "quiet")
        await history.record(quiet)
        history.write_log(line(number, quiet))
        await history.add_message(message(number, "quiet"))
    for number in range(100, 200):
        chatty = execution(number, "chatty")
        if writes == "results":
            chatty = chatty.evolve(result="a word " * 3_000)
        await history.record(chatty)
        for _ in range(10):
            if writes == "lines":
                history.write_log(line(number, chatty, "a word " * 300))
        if writes == "messages":
            for each in range(10):
                sent = message(number, "chatty")
                await history.add_message(sent.evolve(id=f"{sent.id}_{each}"))
    await history.logs(LogQuery())
    full = await history._database.read(used_bytes)
    await history.trim(now=NOON, max_bytes=full // 2)
    assert len(await ids(history, job_id="quiet")) == 5
    assert sum(each.job_id == "quiet" for each in await history.messages(limit=2000)) == 5
    kept = await ids(history, job_id="chatty", limit=100)
    assert 20 < len(kept) < 80
    assert kept[0] == "exec_chatty_199"
    assert await history._database.read(used_bytes) <= full // 2


async def test_a_history_at_its_limit_keeps_about_as_much_from_trim_to_trim(history):
    words = random.Random(0)
    number = 0

    async def more(executions: int) -> None:
        nonlocal number
        for _ in range(executions):
            number += 1
            done = execution(number)
            await history.claim(done, None, durable=False)
            for _ in range(50):
                text = " ".join(f"w{words.randrange(10_000)}" for _ in range(20))
                history.write_log(line(number, done, text))
        await history.logs(LogQuery(limit=1))

    await more(40)
    limit = await history._database.read(used_bytes)
    kept = []
    for _ in range(8):
        await more(8)
        await history.trim(now=NOON, max_bytes=limit)
        kept.append((await history.executions(limit=1)).total)
    assert await history._database.read(used_bytes) <= limit
    assert min(kept) > 30


async def test_data_is_never_dropped_and_leaves_history_its_room(tmp_path):
    database = await Database.open(tmp_path / "history.db")
    history, entries = History(database), Entries(database, SystemClock(), Ids())
    for number in range(200):
        await entries.create("notes", {"text": f"note {number} " * 50})
    await history.record(execution(1))
    await history.trim(now=NOON, max_bytes=300_000)
    assert await ids(history) == ["exec_job_1_1"]
    await history.trim(now=NOON, max_bytes=0, per_job=0)
    assert await ids(history) == []
    assert (await entries.page("notes")).pagination.total_count == 200
    await database.aclose()


async def test_a_claim_does_not_wait_for_a_long_trim(history):
    chatty = execution(0)
    await history.record(chatty)
    for number in range(3000):
        history.write_log(line(number, chatty))
    await history.logs(LogQuery())
    trimming = asyncio.create_task(history.trim(now=NOON, per_job=0))
    await asyncio.sleep(0)  # its first step is on its way
    await history.claim(execution(1, "other", "running"), None)
    assert not trimming.done()
    assert await trimming == 3001
    assert await ids(history) == ["exec_other_1"]


async def test_old_keys_are_dropped_and_young_ones_stay(history):
    await history.claim(execution(0), None, key="old")
    await history.claim(execution(24 * 60), None, key="young")
    await history.trim(now=NOON + timedelta(hours=25))
    keys = await history._database.read(lambda db: db.execute("SELECT key FROM keys").fetchall())
    assert keys == [("young",)]
