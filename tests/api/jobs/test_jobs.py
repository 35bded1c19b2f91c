"""Jobs as a user of a notebook meets them: created, found, run, changed, deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from luajobs_kit import (
    Conflict,
    Jobs,
    NotFound,
    NotSelfContained,
    acting_as,
    cron,
    every,
    once,
)
from luajobs_kit.model import Execution, Job, JobVersion
from luajobs_kit.store import History


async def greet(job):
    print("hello", job.metadata["name"])  # noqa: T201 - the job's log
    return {"greeted": job.metadata["name"]}


async def make(name="greeting", **changes):
    given = {"schedule": every(hours=1), "execute": greet, "metadata": {"name": "Ada"}}
    return await Jobs.create(name=name, **(given | changes))


async def test_a_job_runs_when_it_is_due_and_says_so(ws, clock):
    job = await make(schedule=once(minutes=10))
    assert job.change == "created"
    assert job.data.next_run_at == clock.now() + timedelta(minutes=10)
    await clock.advance(minutes=11)
    (execution,) = await job.executions()
    assert execution.status == "completed"
    assert execution.result == {"greeted": "Ada"}
    assert [line.message for line in await execution.logs()] == ["hello Ada"]
    assert "completed in" in repr(execution)
    await job.refresh()
    assert job.data.status == "inactive"


async def test_trigger_returns_at_once_and_wait_gives_the_outcome(ws):
    job = await make()
    execution = await job.trigger()
    assert execution.status in {"pending", "claimed", "running"}
    assert (await execution.wait(timeout=30)).result == {"greeted": "Ada"}
    assert (await ws.executions())[0].id == execution.id


async def test_a_cell_run_twice_changes_nothing_and_a_change_makes_a_version(ws):
    first = await make()
    again = await make()
    assert (again.change, again.id) == ("unchanged", first.id)
    changed = await make(metadata={"name": "Grace"})
    assert changed.change == "updated"
    assert changed.active_version.version == "1.0.1"
    with pytest.raises(Conflict):
        await make(if_exists="error")


async def test_an_execution_can_be_cancelled(ws):
    job = await make(
        execute=None, source="import asyncio\nasync def execute(job):\n    await asyncio.sleep(60)"
    )
    execution = await job.trigger()
    await execution.cancel()
    assert (await execution.wait(timeout=30)).status == "cancelled"


async def test_a_failing_job_shows_the_authors_own_line(ws):
    async def execute(job):
        return 1 / 0  # here

    job = await make(execute=execute)
    execution = await (await job.trigger()).wait(timeout=30)
    assert execution.status == "failed"
    assert execution.error.type == "ZeroDivisionError"
    assert execution.error.line == execute.__code__.co_firstlineno + 1
    assert execution.error.text == "return 1 / 0  # here"
    assert "ZeroDivisionError" in repr(execution)


async def test_metadata_merges_and_the_instance_follows(ws):
    job = await make()
    assert await job.update_metadata({"last": "now"}) == {"name": "Ada", "last": "now"}
    assert job.metadata["last"] == "now"
    assert (await Jobs.get_job(job.id)).metadata == {"name": "Ada", "last": "now"}


async def test_switching_off_and_on(ws):
    job = await make()
    assert (await job.deactivate()).data.active is False
    assert "never" in repr(job)
    assert (await job.activate()).data.active is True


async def test_lists_leave_dynamic_jobs_out_and_say_how_many(ws):
    await make("one")
    await make("two")
    shown = await Jobs.get_all()
    assert list(shown) == []
    assert "2 dynamic jobs are left out" in repr(shown)
    assert "include_dynamic=True" in shown._repr_html_()
    everything = await Jobs.get_all(include_dynamic=True)
    assert [job.name for job in everything] == ["one", "two"]
    assert "left out" not in repr(everything)


async def test_looking_up_by_name_or_id(ws):
    job = await make("daily-report")
    assert (await Jobs.get_job("daily-report")).id == job.id
    assert (await Jobs.get_job(job.id)).name == "daily-report"
    with pytest.raises(NotFound, match="daily-report"):
        await Jobs.get_job("daily-reprot")


async def test_two_users_may_each_have_a_job_of_one_name(ws):
    with acting_as("user_alice"):
        alice = await make()
    with acting_as("user_bob"):
        bob = await make()
    assert alice.id != bob.id
    assert (await alice.user()).id == "user_alice"
    with acting_as("user_bob"):
        assert (await Jobs.get_job("greeting")).id == bob.id
    with pytest.raises(Conflict, match="user_alice"):
        await Jobs.get_job("greeting")


async def test_versions_are_pushed_tried_compared_and_published(ws):
    job = await make()

    async def execute(job):
        return "second"

    version = await job.push_version(execute=execute, version="2.0.0", schedule=cron("0 9 * * *"))
    assert job.active_version.version == "1.0.0"
    tried = await (await job.trigger(version.id)).wait(timeout=30)
    assert tried.result == "second"
    difference = await job.diff("2.0.0")
    assert [change.field for change in difference.fields] == ["schedule"]
    assert 'print("hello"' in difference.code
    await job.publish("2.0.0")
    assert job.active_version.version == "2.0.0"
    assert [one.version for one in await job.versions()] == ["1.0.0", "2.0.0"]
    assert not await job.diff("2.0.0")
    kept = await job.delete()
    assert (kept.deleted, kept.deactivated) == (False, True)
    assert (await job.delete(force=True)).deleted


async def test_every_field_is_there_inside_and_none_where_there_is_nothing(ws):
    async def look(job):
        names = job.metadata
        user = await job.user()
        sent = await user.send("hello")
        [run] = await job.executions()
        page = await Data.get("notes")  # noqa: F821 - job code has it
        note = await Data.create("notes", {"text": "x"})  # noqa: F821
        found = await Jobs.get_job(job.id)
        return {
            "job": [getattr(job.data, name) for name in names["job"]],
            "found": [getattr(found.data, name) for name in names["job"]],
            "version": [getattr(job.active_version, name) for name in names["version"]],
            "execution": [getattr(job.execution, name) for name in names["execution"]],
            "run": [getattr(run, name) for name in names["execution"]],
            "message": [sent.thread_id, (await user.get_chat_history())[0].thread_id],
            "page": [page.pagination.next_page, page.pagination.prev_page],
            "note": [note.score, note.search_text],
        }

    names = {
        "job": [name for name in Job.model_fields if name != "last_execution"],
        "version": list(JobVersion.model_fields),
        "execution": list(Execution.model_fields),
    }
    job = await Jobs.create(name="looks", schedule=every(hours=1), execute=look, metadata=names)
    result = (await (await job.trigger()).wait(timeout=30)).result
    for kind in ("execution", "run"):
        told = dict(zip(names["execution"], result[kind], strict=True))
        empty = {"lateness", "fire_time", "error", "result", "next_attempt_at", "duration"}
        assert {told[name] for name in empty} == {None}
    assert dict(zip(names["job"], result["job"], strict=True))["description"] is None
    assert [*result["message"], *result["page"], *result["note"]] == [None] * 6


async def test_next_runs_are_told_ahead(ws, clock):
    job = await make(schedule=cron("0 9 * * 1"))
    assert [run.isoformat() for run in await job.next_runs(2)] == [
        "2030-01-07T09:00:00+00:00",
        "2030-01-14T09:00:00+00:00",
    ]


async def test_a_function_that_is_not_self_contained_stores_nothing(ws):
    greeting = "hi"

    async def execute(job):
        return greeting

    with pytest.raises(NotSelfContained, match=r'metadata=\{"greeting": …\}'):
        await make(execute=execute)
    assert len(await Jobs.get_all(include_dynamic=True)) == 0


async def test_the_same_once_minutes_is_armed_anew_when_it_has_run(ws, clock):
    await make(schedule=once(minutes=10))
    await clock.advance(minutes=5)
    assert (await make(schedule=once(minutes=10))).change == "unchanged"
    await clock.advance(minutes=10)
    again = await make(schedule=once(minutes=10))
    assert again.change == "rearmed"
    assert again.data.next_run_at == clock.now() + timedelta(minutes=10)


async def test_html_escapes_what_users_wrote(ws):
    job = await make("<script>", metadata={"name": "<b>"})
    assert "<script>" not in job._repr_html_()
    assert "&lt;script&gt;" in job._repr_html_()
    assert "<script>" not in (await Jobs.get_all(include_dynamic=True))._repr_html_()
    execution = await (await job.trigger()).wait(timeout=30)
    assert "<b>" not in execution._repr_html_()
    assert "<b>" not in (await job.logs())._repr_html_()
    assert "hello <b>" in repr(await job.logs())


async def test_logs_are_in_reading_order_wherever_they_are_asked_for(ws):
    async def talk(job):
        for number in range(3):
            job.log.info(number)
        return [line["message"] for line in await job.logs(limit=2)]

    job = await Jobs.create(name="talker", schedule=every(hours=1), execute=talk)
    run = await (await job.trigger()).wait()

    newest = ["1", "2"]
    assert run.result == newest
    for logs in (await job.logs(2), await run.logs(2), await ws.logs(name="talker", limit=2)):
        assert [line.message for line in logs] == newest
    assert str(logs).splitlines()[-1].endswith("talker: 2")
    again = await (await job.trigger()).wait()
    assert [one.id for one in await job.executions()] == [again.id, run.id]


async def test_runs_too_large_for_one_answer_are_all_listed(ws, clock, monkeypatch):
    async def large(job):
        return "x" * 1_000

    job = await Jobs.create(name="large", schedule=every(hours=1), execute=large)
    await clock.advance(hours=5)
    monkeypatch.setitem(History.executions.__kwdefaults__, "most", 7_000)
    hours = [run.data.fire_time.hour for run in await job.executions()]
    assert hours == [13, 12, 11, 10, 9]
    assert len((await (await ws.port()).list_executions(job.id)).executions) == 2
    assert len(await job.executions(limit=3)) == len(await ws.executions(limit=3)) == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"retry": {"maxAttempts": 1, "backoffSeconds": 86_400}}, ", tries again Tue 08 Jan 0"),
        ({"jitter": 3600}, "pending, begins Mon 07 Jan "),
    ],
)
async def test_a_run_that_waits_says_for_what_and_on_which_day(ws, clock, given, says):
    async def fails(job):
        raise ValueError("no")

    job = await Jobs.create(name="waits", schedule=every(hours=1), execute=fails, **given)
    await clock.advance(hours=1)
    [run] = await job.executions()
    assert says in repr(run)
