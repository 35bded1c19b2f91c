"""What job code may ask for is bounded: it slows itself, and never the engine."""

from __future__ import annotations

import re

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.engine.requests import quotas, requests
from luajobs_kit.engine.runs.active import Run
from luajobs_kit.engine.runs.activity import VirtualActivity
from luajobs_kit.engine.simulation.virtual_runs import VirtualRequests
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import IntervalSchedule
from luajobs_kit.platform import size_limits, users


async def outcome(engine, job):
    execution = await engine.trigger_job(job.id)
    return await engine.wait_execution(execution.id)


async def test_jobs_that_create_jobs_come_to_an_end(engine, clock, spec, monkeypatch):
    monkeypatch.setattr(quotas, "CREATIONS", 3)
    maker = await engine.create_job(
        spec(
            """
            for n in range(3):
                await Jobs.create(
                    name=f"{job.execution.id} {n}",
                    schedule={"type": "interval", "seconds": 99_999},
                    source="async def execute(job): pass",
                )
            """,
            schedule=IntervalSchedule(seconds=99_999),
        )
    )
    assert (await outcome(engine, maker)).status == "completed"
    refused = await outcome(engine, maker)
    assert "created 3 jobs within ten minutes" in refused.error.message
    await clock.advance(minutes=11)
    assert (await outcome(engine, maker)).status == "completed"


async def test_a_job_reads_of_its_large_executions_as_many_as_fit(engine, spec, monkeypatch):
    monkeypatch.setattr(size_limits, "MOST_ANSWERED", 20_000)
    large = await engine.create_job(
        spec(
            """
            if job.metadata.get("limit"):
                return len(await job.executions(limit=job.metadata["limit"]))
            return "x" * 5_000
            """
        )
    )
    for _ in range(10):
        await outcome(engine, large)
    await engine.update_metadata(large.id, {"limit": 11})
    refused = await outcome(engine, large)
    fits = int(re.search(r"ask for less: limit=(\d+)", refused.error.message)[1])
    await engine.update_metadata(large.id, {"limit": fits})
    assert 1 < (await outcome(engine, large)).result == fits < 11


async def test_a_job_reads_of_its_users_large_messages_as_many_as_fit(engine, spec, monkeypatch):
    monkeypatch.setattr(users, "MOST_ANSWERED", 20_000)
    body = """
        user = await job.user()
        for _ in range(10):
            await user.send("x" * 5_000)
        return len(await user.get_chat_history(limit=job.metadata["limit"]))
        """
    job = await engine.create_job(spec(body, metadata={"limit": 11}))
    refused = await outcome(engine, job)
    fits = int(re.search(r"ask for less: limit=(\d+)", refused.error.message)[1])
    await engine.update_metadata(job.id, {"limit": fits})
    assert 1 < (await outcome(engine, job)).result == fits < 11


async def test_a_message_is_bounded(engine, spec):
    job = await engine.create_job(
        spec("await (await job.user()).send('x' * 300_000)", name="floods")
    )
    assert "262,144 is the most" in (await outcome(engine, job)).error.message


@pytest.mark.parametrize(
    ("asks", "says"),
    [
        ("User.get(long)", " makes one."),
        ("Data.create(long, {})", "200 is the most"),
        ("Jobs.get_job(long)", "There is no job named"),
        ("Data.get_entry('orders', long)", ""),
        ("job.trigger(version_id=long)", "there are 1.0.0."),
        ("http.get('ftp://' + long[:60_000])", "is no http or https address."),
    ],
)
async def test_an_error_repeats_little_of_what_job_code_gave(engine, spec, asks, says):
    body = f"""
        from luajobs_kit import http
        long = "x" * 300_000
        try:
            await {asks}
        except Exception as error:
            return [type(error).__name__, str(error), str(error.details)]
        """
    kind, message, details = (await outcome(engine, await engine.create_job(spec(body)))).result
    assert len(message) <= 600, kind
    assert len(details) <= 700
    assert says in message


SENDS = """
    user = await job.user()
    for _ in range(job.metadata["messages"]):
        await user.send(job.metadata["text"] * job.metadata["times"])
    """


@pytest.mark.parametrize(("text", "times", "messages"), [("hello", 1, 21), ("x" * 1_000, 200, 11)])
async def test_the_messages_of_a_run_are_bounded_as_its_log_is(
    engine, spec, monkeypatch, text, times, messages
):
    monkeypatch.setattr(quotas, "MESSAGES_SENT", 20)
    monkeypatch.setattr(quotas, "MESSAGE_CHARACTERS", 2_001_000)
    given = {"text": text, "times": times, "messages": messages}
    run = await outcome(engine, await engine.create_job(spec(SENDS, metadata=given)))
    assert run.error.type == "NotAllowed"
    assert "One run may send 20 messages" in run.error.message
    assert len(await engine.call("user.inbox", {})) == messages - 1


async def test_one_user_s_jobs_leave_others_their_quotas(engine, spec, monkeypatch):
    monkeypatch.setattr(quotas, "MESSAGES", 3)
    monkeypatch.setattr(quotas, "CREATIONS", 3)
    body = """
        made = dict(schedule={"type": "interval", "seconds": 9_999}, source="def execute(job): 1")
        for n in range(job.metadata["count"]):
            await (await job.user()).send("hello")
        for n in range(job.metadata["count"]):
            await Jobs.create(name=f"{job.execution.id} {n}", **made)
        """
    for user, count, status in (
        ("user_a", 4, "failed"),
        ("user_b", 3, "completed"),
        ("user_b", 1, "failed"),
        ("user_c", 3, "completed"),
    ):
        with acting_as(user):
            job = await engine.create_job(
                spec(body, name=f"{user} {count}", metadata={"count": count})
            )
        run = await outcome(engine, job)
        assert run.status == status, run.error
        if run.error is not None:
            assert f"The runs of {user} sent 3 messages" in run.error.message


async def test_jobs_fill_no_more_of_the_disk_than_their_owner_lets_them(engine, spec):
    job = await engine.create_job(
        spec("return (await Data.create('t', {'text': 'x' * 900_000})).id", name="fills")
    )
    await engine.settings({"keep_bytes": 2**20, "data_bytes": 2**20})
    first, *_, ends = [await outcome(engine, job) for _ in range(4)]
    assert first.status == "completed"
    assert "raise the setting data_bytes" in ends.error.message
    with acting_as("user_owner"):
        await engine.call("data.create", {"collection": "t", "data": {"kept": True}})


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("job.trigger", {"version_id": ["1.0.0"]}),
        ("job.trigger", {"version_id": {}}),
        ("clock.sleep", {"elapsed": 10**400}),
        ("clock.sleep", {"elapsed": -(10**400)}),
        ("clock.sleep", {"elapsed": -1e300}),
        ("clock.sleep", {"elapsed": "soon"}),
    ],
)
async def test_what_no_job_code_could_ask_is_refused_in_words(engine, spec, verb, arguments):
    job = await engine.create_job(spec())
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    activity = VirtualActivity()
    asked = VirtualRequests(engine._core.requests, Run(run, job.active_version, activity), activity)
    with pytest.raises(InvalidInput):
        await asked.answer(verb, arguments)


async def test_a_job_that_a_job_creates_is_made_of_its_source(engine, spec):
    maker = await engine.create_job(spec(name="maker"))
    run = await engine.wait_execution((await engine.trigger_job(maker.id)).id)
    asked = requests.RunRequests(engine._core.requests, run, maker.active_version)
    made = await asked.answer(
        "jobs.create",
        {
            "name": "made",
            "schedule": {"type": "interval", "seconds": 60},
            "source": "async def execute(job): pass",
            "entry": "execute",
            "bundle": {"source": "async def other(job): pass", "entry": "other"},
        },
    )
    assert made["activeVersion"]["bundle"]["entry"] == "execute"
