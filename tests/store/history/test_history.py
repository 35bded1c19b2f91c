"""Claims, records, watermarks, messages and pages, in memory and on disk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.errors import Conflict, InvalidInput, WorkspaceError
from luajobs_kit.model import (
    Attempt,
    Execution,
    ImagePart,
    LogLine,
    LogQuery,
    LogSource,
    Message,
    RunError,
    TextPart,
)
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.history import History

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def execution(number: int = 1, job: str = "job_1", **fields) -> Execution:
    return Execution(
        **{
            "id": f"exec_{number}",
            "job_id": job,
            "job_name": "reminder",
            "version_id": "ver_1",
            "version": "1.0.0",
            "cause": "schedule",
            "created_at": NOON + timedelta(seconds=number),
            **fields,
        }
    )


def fire(job: str = "job_1", **fields) -> FireState:
    return FireState(job_id=job, armed_at=NOON, **fields)


@pytest.fixture(params=["memory", "disk"])
async def history(request, tmp_path):
    opened = await History.open(None if request.param == "memory" else tmp_path / "history.db")
    yield opened
    await opened.aclose()


async def test_a_runs_end_worked_out_before_a_claim_was_written_does_not_take_its_watermark_back(
    history,
):
    first, second = NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)
    await history.claim(execution(1), fire(last_fire=first))
    await history.claim(execution(2), fire(last_fire=second))
    await history.record(execution(1), fire(last_fire=first, failures=1))
    assert await history.fire("job_1") == fire(last_fire=second, failures=1)
    await history.claim(execution(3), fire(last_fire=second + timedelta(seconds=1)))
    assert (await history.fire("job_1")).failures == 1  # nor does a claim forget that end
    again = FireState(job_id="job_1", armed_at=second)  # armed anew, it begins anew
    await history.set_fire(again)
    assert await history.fire("job_1") == again


async def test_a_fire_that_is_skipped_while_a_run_ends_forgets_neither(history):
    await history.set_fire(fire(last_fire=NOON, skipped=1))
    await history.record(execution(1), fire(last_fire=NOON, skipped=1, failures=1))
    later = NOON + timedelta(seconds=1)
    await history.advance_fire(fire(last_fire=later, skipped=2))  # worked out before that end
    await history.record(execution(2), fire(last_fire=NOON, skipped=1, failures=2))
    assert await history.fire("job_1") == fire(last_fire=later, skipped=2, failures=2)


async def test_a_claim_keeps_the_execution_and_its_watermark_together(history):
    claimed = await history.claim(execution(), fire(last_fire=NOON, skipped=3))
    assert claimed == execution()
    assert await history.execution("exec_1") == execution()
    assert await history.fire("job_1") == fire(last_fire=NOON, skipped=3)
    assert await history.fire("job_2") is None
    assert await history.execution("exec_2") is None


async def test_the_same_key_claims_once_and_shows_what_became_of_it(history):
    await history.claim(execution(1), fire(last_fire=NOON), key="press")
    await history.record(execution(1, status="completed"))
    later = NOON + timedelta(hours=1)
    again = await history.claim(execution(2), fire(last_fire=later), key="press")
    assert (again.id, again.status) == ("exec_1", "completed")
    assert await history.execution("exec_2") is None
    assert (await history.fire("job_1")).last_fire == NOON


async def test_simultaneous_claims_with_one_key_make_one_execution(history):
    made = await asyncio.gather(
        *(history.claim(execution(number), None, key="press") for number in range(20))
    )
    assert {each.id for each in made} == {"exec_0"}
    assert (await history.executions()).total == 1


async def test_a_key_counts_for_24_hours(history):
    await history.claim(execution(1), None, key="press")
    after = execution(2, created_at=execution(1).created_at + timedelta(hours=24))
    just_before = after.evolve(created_at=after.created_at - timedelta(seconds=1))
    assert (await history.claim(just_before, None, key="press")).id == "exec_1"
    assert (await history.claim(after, None, key="press")).id == "exec_2"


async def test_recording_keeps_every_field_of_every_attempt(history):
    done = execution(
        status="failed",
        started_at=NOON,
        completed_at=NOON + timedelta(milliseconds=7),
        duration=6.5,
        result={"deep": [1, None, True, "ä"]},
        error=RunError(
            type="ValueError", message="no \x00 such", line=3, trace=["line 3, in f: x"]
        ),
        retry_count=1,
        attempts=[Attempt(number=1, status="failed", started_at=NOON)],
    )
    await history.claim(execution(), None)
    await history.record(done, fire(state="failed", failures=2, note="it failed for good"))
    assert await history.execution("exec_1") == done
    assert await history.fire("job_1") == fire(
        state="failed", failures=2, note="it failed for good"
    )


async def test_a_result_with_half_a_surrogate_pair_is_kept_readably(history):
    await history.record(execution(status="completed", result={"\ud800": ["ok \udfff"]}))
    assert (await history.execution("exec_1")).result == {"?": ["ok ?"]}


async def test_unfinished_are_those_to_which_something_will_happen(history):
    for number, status in enumerate(["completed", "pending", "running", "abandoned"]):
        await history.record(execution(number, status=status))
    assert [each.id for each in await history.unfinished()] == ["exec_1", "exec_2"]
    await history.record(execution(1, status="cancelled"))
    assert [each.id for each in await history.unfinished()] == ["exec_2"]


async def test_executions_come_newest_first_in_pages_with_totals(history):
    for number in range(7):
        user = "user_1" if number % 2 else None
        status = "failed" if number == 3 else "completed"
        await history.record(execution(number, f"job_{number // 4}", user_id=user, status=status))
    page = await history.executions(limit=2, offset=1)
    assert [each.id for each in page.executions] == ["exec_5", "exec_4"]
    assert (page.total, page.limit, page.offset) == (7, 2, 1)
    ids = [each.id for each in (await history.executions(job_id="job_1")).executions]
    assert ids == ["exec_6", "exec_5", "exec_4"]
    assert [e.id for e in (await history.executions(status="failed")).executions] == ["exec_3"]
    of_user = await history.executions(user_id="user_1", job_id="job_0")
    assert [each.id for each in of_user.executions] == ["exec_3", "exec_1"]
    assert of_user.total == 2


async def test_of_large_executions_a_page_has_as_many_as_fit_and_its_limit_says_so(history):
    for number in range(5):
        await history.claim(execution(number, result="x" * 1_000), None)
    page = await history.executions(limit=5, most=4_000)
    assert [each.id for each in page.executions] == ["exec_4", "exec_3"]
    assert (page.total, page.limit) == (5, 2)
    [alone] = (await history.executions(limit=5, offset=4, most=10)).executions
    assert alone.result == "x" * 1_000


async def test_of_executions_made_at_one_instant_the_later_claim_is_the_newer(history):
    for number in (5, 3, 4):
        await history.claim(execution(number, created_at=NOON), None)
    assert [e.id for e in (await history.executions()).executions] == ["exec_4", "exec_3", "exec_5"]
    assert (await history.last_executions())["job_1"].id == "exec_4"


async def test_the_last_execution_of_every_job_is_found(history):
    for number in range(9):
        await history.record(execution(number, f"job_{number % 3}"))
    found = await history.last_executions()
    assert {job: each.id for job, each in found.items()} == {
        "job_0": "exec_6",
        "job_1": "exec_7",
        "job_2": "exec_8",
    }


async def test_no_executions_at_all_is_an_empty_page(history):
    assert (await history.executions()).executions == []
    assert await history.last_executions() == {}
    assert await history.unfinished() == []


async def test_page_bounds_are_checked(history):
    with pytest.raises(InvalidInput, match="limit=0"):
        await history.executions(limit=0)
    with pytest.raises(InvalidInput, match="offset=-1"):
        await history.executions(offset=-1)


async def test_forgetting_a_job_keeps_its_history(history):
    await history.claim(execution(), fire())
    await history.set_fire(fire("job_2"))
    await history.forget_job("job_1")
    assert set(await history.fires()) == {"job_2"}
    assert (await history.executions(job_id="job_1")).total == 1


async def test_messages_come_newest_first_and_once_a_key(history):
    for number in range(3):
        message = Message(
            id=f"msg_{number}",
            user_id=f"user_{number % 2}",
            content=[TextPart(text="hello"), ImagePart(image_url="https://example.com/a.png")],
            created_at=NOON,
        )
        assert await history.add_message(message, key=f"k{number}") == message
        again = message.evolve(id="msg_other")
        assert await history.add_message(again, key=f"k{number}") == message
    assert [each.id for each in await history.messages()] == ["msg_2", "msg_1", "msg_0"]
    assert [each.id for each in await history.messages("user_0")] == ["msg_2", "msg_0"]
    assert [each.id for each in await history.messages(limit=1)] == ["msg_2"]
    with pytest.raises(Conflict, match="another id"):
        await history.add_message(message)


async def test_messages_too_large_to_be_listed_at_once_are_refused_with_how_many_fit(history):
    for number in range(5):
        text = [TextPart(text="x" * 1_000)]
        await history.add_message(
            Message(id=f"msg_{number}", user_id="user", content=text, created_at=NOON)
        )
    with pytest.raises(InvalidInput, match="ask for less: limit=2") as refused:
        await history.messages(most=3_000)
    assert "The newest 2 take" in refused.value.message
    fit = await history.messages(limit=2, most=3_000)
    assert [each.id for each in fit] == ["msg_4", "msg_3"]
    assert await history.messages(most=3_000, cut=True) == fit


async def test_one_key_serves_different_requests_independently(history):
    await history.claim(execution(), None, key="same")
    message = Message(id="m", user_id="u", content=[], created_at=NOON)
    assert await history.add_message(message, key="same") == message


async def test_a_key_that_was_used_for_something_else_does_nothing_and_says_so(history):
    await history.claim(execution(), None, key="k")
    other = execution(2).evolve(job_id="job_2")
    with pytest.raises(Conflict, match="used for another job"):
        await history.claim(other, None, key="k")
    assert await history.execution(other.id) is None
    message = Message(id="m", user_id="u", content=[TextPart(text="one")], created_at=NOON)
    await history.add_message(message, key="k")
    with pytest.raises(Conflict, match="used for another message"):
        await history.add_message(message.evolve(content=[TextPart(text="two")]), key="k")


async def test_everything_is_there_after_opening_again(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    await history.claim(execution(), fire(last_fire=NOON), key="press")
    await history.aclose()
    assert [each.name for each in tmp_path.iterdir()] == ["history.db"]
    assert path.stat().st_mode & 0o077 == 0
    history = await History.open(path)
    assert (await history.claim(execution(2), None, key="press")).id == "exec_1"
    assert (await history.fire("job_1")).last_fire == NOON
    assert history.findings == []
    await history.aclose()


async def test_a_closed_history_says_so(history):
    await history.aclose()
    await history.aclose()
    with pytest.raises(WorkspaceError, match="closed"):
        await history.fires()
    with pytest.raises(WorkspaceError, match="closed"):
        await history.claim(execution(), None)


async def test_a_cancelled_caller_does_not_hold_up_the_others(history):
    gone = asyncio.create_task(history.claim(execution(1), None))
    await asyncio.sleep(0)
    gone.cancel()
    await history.claim(execution(2), None)
    assert await history.execution("exec_2") is not None


async def test_a_failing_writer_spoils_nothing_for_those_in_its_batch(history):
    message = Message(id="m", user_id="u", content=[], created_at=NOON)
    answers = await asyncio.gather(
        history.add_message(message),
        history.claim(execution(1), fire()),
        history.add_message(message),
        history.claim(execution(2), None),
        return_exceptions=True,
    )
    assert [type(each).__name__ for each in answers] == [
        "Message",
        "Execution",
        "Conflict",
        "Execution",
    ]
    assert (await history.executions()).total == 2


async def test_callers_that_wait_at_the_same_time_share_a_sync(tmp_path):
    history = await History.open(tmp_path / "history.db")
    commits = []
    history._database.connection.set_trace_callback(
        lambda sql: commits.append(sql) if sql == "COMMIT" else None
    )
    await asyncio.gather(*(history.claim(execution(number), None) for number in range(64)))
    assert 1 <= len(commits) <= 4
    assert (await history.executions()).total == 64
    await history.aclose()


async def test_what_must_survive_a_power_cut_is_synced_and_log_lines_are_not(tmp_path):
    history = await History.open(tmp_path / "history.db")
    modes = []
    history._database.connection.set_trace_callback(
        lambda sql: modes.append(sql.split()[-1]) if sql.startswith("PRAGMA synchronous") else None
    )
    await history.claim(execution(1), None)
    await history.record(execution(1, status="completed"))
    await history.set_fire(fire())
    assert modes == ["FULL"] * 3
    history.write_log(LogLine(timestamp=NOON, message="a", metadata=LogSource()))
    await history.logs(LogQuery())
    assert set(modes[3:]) == {"NORMAL"}
    await history.aclose()
