"""Which users a run reaches: its job's own, or any, by who made the job and by the setting."""

import json
from datetime import timedelta

import pytest

from luajobs_kit.acting_user import acting_as, reaching
from luajobs_kit.engine import Engine
from luajobs_kit.errors import NotAllowed
from luajobs_kit.model import VersionSpec

ME, BOB = "user_me", "user_bob"


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock) as engine:
        await engine.settings({"default_user": ME})
        await engine.call(
            "user.add",
            {
                "id": BOB,
                "emailAddresses": ["bob@example.org"],
                "mobileNumbers": ["+44 20 7946"],
                "data": {"plan": "pro"},
            },
        )
        yield engine


async def run(engine, job):
    execution = await engine.trigger_job(job.id)
    return await engine.wait_execution(execution.id)


async def alices(engine, spec, body, **given):
    with acting_as("user_alice"):
        return await engine.create_job(spec(body, **given))


READS = "return (await User.get('user_bob')).data['plan']"


async def test_a_job_made_for_somebody_reads_nobody_elses_data(engine, spec):
    told = await run(engine, await alices(engine, spec, READS))
    assert told.error.type == "NotAllowed"
    assert "user_alice" in told.error.message
    assert "luajobs settings users_reach=any" in told.error.message


async def test_it_is_refused_before_anybody_is_looked_up(engine, spec):
    body = READS.replace("user_bob", "user_nobody")
    told = await run(engine, await alices(engine, spec, body))
    assert told.error.type == "NotAllowed"


@pytest.mark.parametrize("verb", ["update", "replace", "unset", "clear", "send", "history"])
async def test_no_verb_reaches_another_user(engine, spec, verb):
    given = {
        "update": {"data": {"plan": "none"}},
        "replace": {"data": {}},
        "unset": {"fields": ["plan"]},
        "send": {"messages": "hi"},
    }
    job = await alices(engine, spec, "await job.user()")
    requests = engine._core.requests.serve  # what a run's frames are answered by
    execution = await engine.trigger_job(job.id)
    done = await engine.wait_execution(execution.id)
    answer = requests(done, job.active_version)
    with pytest.raises(NotAllowed, match="users_reach"):
        await answer(f"user.{verb}", {"id": BOB, **given.get(verb, {})})
    bob = await engine.call("user.get", {"id": BOB})
    assert bob["data"] == {"plan": "pro"}
    assert await engine.call("user.history", {"id": BOB}) == []


async def test_look_ups_by_address_find_nobody_else(engine, spec):
    body = """
    mail, phone = await User.get(email="bob@example.org"), await User.get(phone="44207946")
    return [mail, phone, [user.id for user in await User.list()], (await User.get("user_alice")).id]
    """
    told = await run(engine, await alices(engine, spec, body))
    assert told.result == [None, None, ["user_alice"], "user_alice"]


async def test_jobs_of_the_workspaces_own_person_and_of_the_agent_reach_any(engine, spec):
    own = await engine.create_job(spec(READS, name="own"))
    predefined = await engine.create_job(spec(READS, name="predefined", dynamic=False))
    assert (await run(engine, own)).result == "pro"
    assert (await run(engine, predefined)).result == "pro"


async def test_the_own_persons_job_made_in_their_name_reaches_them_alone(engine, spec):
    with acting_as(ME):
        named = await engine.create_job(spec(READS, name="named"))
    with reaching("own"):  # a tool call that names nobody
        called = await engine.create_job(spec(READS, name="called"))
    assert (named.user_id, called.user_id) == (ME, ME)
    assert (await run(engine, named)).error.type == "NotAllowed"
    assert (await run(engine, called)).error.type == "NotAllowed"


@pytest.mark.parametrize(
    ("reach", "results"),
    [("any", ["pro", "pro", "pro"]), ("own", [None, None, None]), (None, [None, "pro", "pro"])],
)
async def test_the_setting_says_it_for_every_job(engine, spec, reach, results):
    jobs = [
        await alices(engine, spec, READS, name="hers"),
        await engine.create_job(spec(READS, name="own")),
        await engine.create_job(spec(READS, name="predefined", dynamic=False)),
    ]
    await engine.settings({"users_reach": reach})
    ended = [await run(engine, job) for job in jobs]
    assert [one.result for one in ended] == results
    assert all("users_reach" in one.error.message for one in ended if one.result is None)


@pytest.mark.parametrize("file", ["all.json", "all.zip"])
async def test_who_a_job_was_made_for_is_exported_and_imported(engine, spec, clock, tmp_path, file):
    await alices(engine, spec, READS, name="hers")
    await engine.create_job(spec(READS, name="own"))
    with acting_as(ME):
        await engine.create_job(spec(READS, name="named"))
    if file.endswith("json"):
        (tmp_path / file).write_text(json.dumps(await engine.export_workspace()))
    else:
        await engine.export_workspace(str(tmp_path / file))
    async with await Engine.open(None, clock=clock) as other:
        await other.import_workspace(file=str(tmp_path / file))
        ended = {
            job.name: (await run(other, job)).result
            for job in await other.list_jobs(include_dynamic=True)
        }
    assert ended == {"hers": None, "own": "pro", "named": None}


async def test_in_what_older_versions_kept_only_the_own_persons_jobs_reach_any(engine, spec, clock):
    await alices(engine, spec, READS, name="hers")
    await engine.create_job(spec(READS, name="own"))
    await engine.create_job(spec(READS, name="predefined", dynamic=False))
    exported = await engine.export_workspace()
    for record in exported["jobs"]:
        del record["usersReach"]
    async with await Engine.open(None, clock=clock) as other:
        await other.import_workspace(exported)
        ended = {
            job.name: (await run(other, job)).result
            for job in await other.list_jobs(include_dynamic=True)
        }
    assert ended == {"hers": None, "own": "pro", "predefined": "pro"}


async def test_a_job_that_a_run_creates_reaches_no_further(engine, spec):
    creates = """
    made = await Jobs.create(
        name="made by " + job.name,
        schedule={"type": "interval", "seconds": 99_999},
        source="async def execute(job):\\n    return (await User.get('user_bob')).plan",
    )
    return made.id
    """
    await engine.settings({"users_reach": "any"})  # of the run, and not of what it leaves behind
    hers = (await run(engine, await alices(engine, spec, creates, name="hers"))).result
    await engine.settings({"users_reach": None})
    own = (await run(engine, await engine.create_job(spec(creates, name="own")))).result
    assert (await run(engine, await engine.get_job(hers))).error.type == "NotAllowed"
    assert (await run(engine, await engine.get_job(own))).result == "pro"


async def test_what_a_tool_call_makes_of_an_own_job_reaches_its_user_alone(engine, spec):
    await engine.create_job(spec("return 1", name="report"))
    with reaching("own"):
        changed = await engine.create_job(spec(READS, name="report"))
    assert changed.change == "updated"
    assert (await run(engine, changed)).error.type == "NotAllowed"
    again = await engine.create_job(spec(READS, name="report"))  # by its owner
    assert again.change == "unchanged"
    assert (await run(engine, again)).result == "pro"


async def test_a_version_that_its_owner_pushes_leaves_the_job_its_users(engine, spec):
    job = await alices(engine, spec, "return 1")
    declared = spec(READS)
    version = await engine.push_version(
        job.id, VersionSpec(schedule=declared.schedule, bundle=declared.bundle)
    )
    await engine.publish_version(job.id, version.id)
    assert (await run(engine, job)).error.type == "NotAllowed"


async def test_a_simulated_run_reaches_as_far(engine, spec, clock):
    await alices(engine, spec, READS, name="hers")
    await engine.create_job(spec(READS, name="own"))
    told = await engine.simulate(clock.now() + timedelta(seconds=60))
    assert {one.job_name: one.status for one in told.executions} == {
        "hers": "failed",
        "own": "completed",
    }
    await engine.settings({"users_reach": "own"})
    told = await engine.simulate(clock.now() + timedelta(seconds=60))
    assert {one.status for one in told.executions} == {"failed"}


async def test_data_and_products_are_everybodys(engine, spec):
    entry = await engine.call("data.create", {"collection": "notes", "data": {"of": BOB}})
    body = f"return (await Data.get_entry('notes', {entry['id']!r}))['of']"
    assert (await run(engine, await alices(engine, spec, body))).result == BOB
