"""What a job is given: settings by name, and what its runs may do with the agent's jobs."""

from __future__ import annotations

import asyncio

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogQuery


async def outcome(engine, job):
    return await engine.wait_execution((await engine.trigger_job(job.id)).id)


async def test_a_job_given_some_settings_is_answered_only_those(engine, spec):
    await engine.settings({"env": {"WEATHER_KEY": "w", "OTHER": "o"}})
    body = "return [env('WEATHER_KEY'), env('OTHER', None), env('OTHER')]"
    run = await outcome(engine, await engine.create_job(spec(body, env=["WEATHER_KEY"])))
    assert run.error.type == "NotAllowed"
    assert "env=['WEATHER_KEY', 'OTHER']" in run.error.message
    body = "return [env('WEATHER_KEY'), env('OTHER')]"
    assert (await outcome(engine, await engine.create_job(spec(body)))).result == ["w", "o"]


async def test_settings_that_a_job_is_not_given_are_masked_in_its_log(engine, spec):
    await engine.settings({"env": {"KEY": "k-123456"}})
    job = await engine.create_job(spec("print('k-' + '123456')", env=[]))
    await outcome(engine, job)
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert any(line.message == "•••" for line in lines)


async def test_a_setting_given_before_it_is_set_is_said_in_the_jobs_log(engine, spec):
    job = await engine.create_job(spec("return env('LATER')", env=["LATER"]))
    [line] = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert "LATER" in line.message
    assert "ws.settings" in line.message
    await engine.settings({"env": {"LATER": "here"}})
    assert (await outcome(engine, job)).result == "here"


@pytest.mark.parametrize("env", [[""], ["x" * 201], ["A"] * 201])
async def test_what_is_no_list_of_names_is_refused(engine, spec, env):
    with pytest.raises(InvalidInput, match="env"):
        await engine.create_job(spec(env=env))
    assert await engine.list_jobs(include_dynamic=True) == []


async def test_other_settings_make_a_new_version(engine, spec):
    await engine.create_job(spec(env=["A"]))
    assert (await engine.create_job(spec(env=["A"]))).change == "unchanged"
    assert (await engine.create_job(spec(env=["B"]))).change == "updated"


CREATES = """
made = await Jobs.create(
    name="child", schedule={"type": "interval", "seconds": 60},
    source="async def execute(job): pass", %s
)
return made.active_version.env
"""


@pytest.mark.parametrize(
    ("own", "options", "given"),
    [
        (["A"], "", ["A"]),
        (["A"], "env=['A', 'B']", ["A"]),
        (["A"], "env=[]", []),
        (None, "env=['B']", ["B"]),
        (None, "", None),
    ],
)
async def test_a_job_gives_on_only_settings_it_was_given(engine, spec, own, options, given):
    run = await outcome(engine, await engine.create_job(spec(CREATES % options, env=own)))
    assert run.result == given


@pytest.mark.parametrize("verb", ["trigger", "activate", "deactivate"])
async def test_a_users_run_does_not_touch_the_agents_own_jobs(engine, spec, verb):
    predefined = await engine.create_job(spec(name="nightly", dynamic=False))
    if verb == "activate":
        await engine.deactivate_job(predefined.id)
    before = await engine.get_job(predefined.id)
    body = f"await (await Jobs.get_job({predefined.id!r})).{verb}()"
    with acting_as("user_alice"):
        job = await engine.create_job(spec(body))
    run = await outcome(engine, job)
    assert run.error.type == "NotAllowed"
    assert "pre-defined" in run.error.message
    assert await engine.get_job(predefined.id) == before
    for allowed in (spec(body, name="mine"), spec(body, name="agents", dynamic=False)):
        run = await outcome(engine, await engine.create_job(allowed))
        assert run.status == "completed"


async def test_a_users_run_sees_the_agents_jobs_but_not_what_they_found(engine, spec):
    predefined = await engine.create_job(spec("return 'of everybody'", name="a", dynamic=False))
    await outcome(engine, predefined)
    body = "return [str(each.data) for each in [*await Jobs.get_all(), await Jobs.get_job(%r)]]"
    with acting_as("user_alice"):
        job = await engine.create_job(spec((body % predefined.id).replace("'of", "'o'+'f")))
    run = await outcome(engine, job)
    assert len(run.result) == 2
    assert all("nightly" in each or "'a'" in each for each in run.result)
    assert "'result': 'of everybody'" not in str(run.result)
    assert "'lastExecution': {" not in str(run.result)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("await job.update_metadata({'a': [[]] * 20_000})", "metadata has more than 20,000 values"),
        ("await Data.create('c', {'a': [0] * 20_000})", "Keep it in several entries"),
        ("return [[]] * 200_000", "the result has more than 150,000 values"),
        (
            "await job.update_metadata({'a': [0] * 200_000})",
            "job.update_metadata are more than 150,000 values",
        ),
    ],
)
async def test_more_values_than_fit_are_refused_in_words(engine, spec, body, says):
    run = await outcome(engine, await engine.create_job(spec(body)))
    assert run.status == "failed"
    assert says in run.error.message


async def test_many_large_answers_asked_for_at_once_all_arrive(engine, spec):
    body = """
    import asyncio
    await Data.create("notes", {"text": "x" * 500_000})
    found = await asyncio.gather(*[Data.get("notes") for _ in range(40)])
    return sum(len(page.data) for page in found)
    """
    run = await asyncio.wait_for(outcome(engine, await engine.create_job(spec(body))), 60)
    assert (run.error, run.result) == (None, 40)
