"""Declaring jobs: created, left alone, brought up to date, refused, deleted."""

from datetime import timedelta

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.errors import Conflict, InvalidInput, LuaJobsError, NotFound, PolicyViolation
from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    IntervalSchedule,
    LogQuery,
    OnceSchedule,
    Retry,
    VersionSpec,
)


async def test_creating_again_changes_nothing(engine, spec):
    first = await engine.create_job(spec(metadata={"a": 1}))
    again = await engine.create_job(spec(metadata={"a": 1}))
    assert (first.change, again.change) == ("created", "unchanged")
    assert (again.id, len(again.versions)) == (first.id, 1)


async def test_moving_a_function_down_its_file_is_no_change(engine, spec):
    first = spec()
    await engine.create_job(first)
    moved = first.evolve(bundle=first.bundle.evolve(first_line=40))
    assert (await engine.create_job(moved)).change == "unchanged"


async def test_a_changed_job_gets_the_next_version_and_its_fire_moves(engine, clock, spec):
    first = await engine.create_job(spec())
    await clock.advance(seconds=30)
    changed = await engine.create_job(spec("return 2"))
    assert (changed.change, changed.id) == ("updated", first.id)
    assert [version.version for version in changed.versions] == ["1.0.0", "1.0.1"]
    assert changed.active_version.version == "1.0.1"
    assert changed.next_run_at == clock.now() + timedelta(seconds=60)
    [line] = (await engine.logs(LogQuery(job_id=first.id))).logs
    assert first.next_run_at.isoformat(timespec="seconds") in line.message


async def test_a_once_job_written_relative_to_now_is_armed_anew_when_it_is_done(
    engine, clock, spec
):
    def soon():
        return spec(
            schedule=OnceSchedule(execute_at=clock.now() + timedelta(minutes=10), after=600)
        )

    first = await engine.create_job(soon())
    await clock.advance(minutes=2)
    unchanged = await engine.create_job(soon())
    assert (unchanged.change, unchanged.next_run_at) == ("unchanged", first.next_run_at)
    await clock.advance(minutes=10)
    again = await engine.create_job(soon())
    assert (again.change, again.status) == ("rearmed", "active")
    assert again.next_run_at == clock.now() + timedelta(minutes=10)
    await clock.advance(minutes=10)
    assert (await engine.list_executions(first.id)).total == 2


async def test_publishing_merges_only_what_was_declared_anew(engine, spec):
    job = await engine.create_job(spec(metadata={"a": 1, "b": 1, "gone": 0}))
    await engine.update_metadata(job.id, {"a": 5, "runs": 3})
    changed = await engine.create_job(spec("return 2", metadata={"a": 1, "b": 2, "c": 3}))
    assert changed.metadata == {"a": 5, "b": 2, "c": 3, "runs": 3}


async def test_if_exists_error_refuses_the_second(engine, spec):
    await engine.create_job(spec())
    with pytest.raises(Conflict, match="if_exists"):
        await engine.create_job(spec(if_exists="error"))


async def test_two_users_may_each_have_a_job_of_one_name(engine, spec):
    with acting_as("user_alice"):
        hers = await engine.create_job(spec())
    with acting_as("user_bob"):
        his = await engine.create_job(spec())
    assert hers.id != his.id
    with acting_as("user_bob"):
        assert (await engine.find_job("job")).id == his.id
    with pytest.raises(Conflict, match="Several users"):
        await engine.find_job("job")


async def test_a_predefined_and_a_dynamic_job_share_no_name(engine, spec):
    await engine.create_job(spec(dynamic=False))
    with pytest.raises(Conflict, match="pre-defined"):
        await engine.create_job(spec())


async def test_a_name_with_a_slip_gets_a_hint(engine, spec):
    await engine.create_job(spec(name="daily-report"))
    with pytest.raises(NotFound, match="Did you mean 'daily-report'"):
        await engine.find_job("daily-repotr")


async def test_as_in_lua_dynamic_jobs_are_listed_when_asked(engine, spec):
    await engine.create_job(spec())
    await engine.create_job(spec(name="nightly", dynamic=False))
    assert [job.name for job in await engine.list_jobs()] == ["nightly"]
    assert [job.name for job in await engine.list_jobs(include_dynamic=True)] == ["job", "nightly"]


async def test_versions_are_pushed_then_published(engine, spec):
    job = await engine.create_job(spec())
    declared = spec("return 'two'")
    pushed = await engine.push_version(
        job.id, VersionSpec(version="2.0.0", schedule=declared.schedule, bundle=declared.bundle)
    )
    run = await engine.trigger_job(job.id, pushed.id)
    assert (await engine.wait_execution(run.id)).result == "two"
    assert (await engine.get_job(job.id)).active_version.version == "1.0.0"
    assert (await engine.publish_version(job.id, "2.0.0")).active_version.id == pushed.id
    with pytest.raises(Conflict, match=r"2\.0\.0"):
        await engine.push_version(
            job.id, VersionSpec(version="2.0.0", schedule=declared.schedule, bundle=declared.bundle)
        )


async def test_deleting_a_job_with_one_version_deletes_it(engine, spec):
    job = await engine.create_job(spec())
    gone = await engine.delete_job(job.id)
    assert (gone.deleted, gone.deactivated) == (True, False)
    assert await engine.list_jobs(include_dynamic=True, include_deleted=True) == []


async def test_deleting_a_job_with_versions_hides_it_until_it_is_created_again(engine, spec):
    job = await engine.create_job(spec())
    await engine.create_job(spec("return 2"))
    gone = await engine.delete_job(job.id)
    assert (gone.deleted, gone.deactivated) == (False, True)
    assert await engine.list_jobs(include_dynamic=True) == []
    back = await engine.create_job(spec("return 2"))
    assert (back.id, back.change, back.status) == (job.id, "rearmed", "active")
    assert (await engine.delete_job(job.id, force=True)).deleted
    assert await engine.list_jobs(include_dynamic=True, include_deleted=True) == []


async def test_a_deactivated_job_does_not_fire_and_counts_anew_when_activated(engine, clock, spec):
    job = await engine.create_job(spec())
    await engine.deactivate_job(job.id)
    await clock.advance(minutes=5)
    assert (await engine.list_executions(job.id)).total == 0
    active = await engine.activate_job(job.id)
    assert (active.status, active.next_run_at) == ("active", clock.now() + timedelta(minutes=1))


async def test_the_same_key_creates_once_and_gives_the_first_answer(engine, spec):
    first = await engine.create_job(spec(), key="k")
    assert (await engine.create_job(spec(), key="k")).change == "created"
    assert len(await engine.list_jobs(include_dynamic=True)) == 1
    assert first.change == "created"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 201}, "201 characters"),
        ({"name": "a\nb"}, "control character"),
        ({"timeout": 0}, "outside 1 to 600"),
        ({"timeout": 601}, "outside 1 to 600"),
        ({"timeout": float("nan")}, "outside 1 to 600"),
        ({"retry": Retry(max_attempts=-1)}, "maxAttempts=-1"),
        ({"retry": Retry(backoff_seconds=-5)}, "backoffSeconds=-5"),
        ({"metadata": {"when": [1, {"at": timedelta(1)}]}}, r"metadata\['when'\]\[1\]\['at'\]"),
        ({"metadata": {"n": float("inf")}}, r"metadata\['n'\]"),
        ({"metadata": {1: 2}}, "keys are text"),
        ({"schedule": IntervalSchedule(seconds=0)}, "0"),
        ({"schedule": IntervalSchedule(seconds=float("inf"))}, "inf"),
        ({"schedule": CronSchedule(expression="0 25 * * *")}, "hour"),
        (
            {"schedule": CronSchedule(expression="0 8 * * *", timezone="Europe/Berlim")},
            "Europe/Berlin",
        ),
        ({"bundle": Bundle(source="def f(:", entry="f")}, "line 1"),
        ({"bundle": Bundle(source="async (job) => { await x; };", entry="f")}, "JavaScript"),
        ({"bundle": Bundle(source="def f(job): return job", entry="g")}, "'g'"),
        ({"jitter": -1}, "jitter"),
        ({"pause_after_failures": 0}, "pause_after_failures"),
    ],
)
async def test_bad_input_says_what_is_wrong_and_stores_nothing(engine, spec, given, says):
    with pytest.raises(InvalidInput, match=says):
        await engine.create_job(spec().evolve(**given))
    assert await engine.list_jobs(include_dynamic=True, include_deleted=True) == []


async def test_a_past_time_is_refused_but_not_in_an_unchanged_cell(engine, clock, spec):
    when = clock.now() + timedelta(seconds=5)
    await engine.create_job(spec(schedule=OnceSchedule(execute_at=when)))
    await clock.advance(hours=3)
    assert (
        await engine.create_job(spec(schedule=OnceSchedule(execute_at=when)))
    ).change == "unchanged"
    with pytest.raises(InvalidInput, match="past"):
        await engine.create_job(spec(name="other", schedule=OnceSchedule(execute_at=when)))


@pytest.mark.parametrize("body", ["return 'done'", "return 'other'"], ids=["same", "changed"])
@pytest.mark.parametrize("kind", [True, False], ids=["dynamic", "pre-defined"])
async def test_declaring_it_inactive_switches_a_job_off(engine, clock, spec, body, kind):
    await engine.create_job(spec(dynamic=kind))
    job = await engine.create_job(spec(body, dynamic=kind, activate=False))
    assert (job.status, job.next_run_at) == ("inactive", None)
    await clock.advance(hours=1)
    assert (await engine.list_executions(job.id)).total == 0
    job = await engine.create_job(spec(body, dynamic=kind, activate=True))
    assert (job.status, job.next_run_at) == ("active", clock.now() + timedelta(minutes=1))


async def test_declaring_it_inactive_cancels_what_waits(engine, clock, spec):
    fails = spec("raise ValueError", retry=Retry(max_attempts=3, backoff_seconds=3600))
    await engine.create_job(fails)
    await clock.advance(minutes=1)
    job = await engine.create_job(fails.evolve(activate=False))
    assert (job.change, job.cancelled_runs) == ("unchanged", 1)


async def test_a_job_that_was_switched_off_stays_off_when_it_is_declared_anew(engine, spec):
    job = await engine.create_job(spec())
    await engine.deactivate_job(job.id)
    again = await engine.create_job(spec("return 2"))
    assert (again.change, again.status) == ("updated", "inactive")
    assert again.note == "it was switched off, and stays so: activate() turns it on"


@pytest.mark.parametrize("body", ["return 1", "return 2"], ids=["same", "changed"])
async def test_a_job_that_was_deleted_begins_afresh_when_it_is_created_again(engine, spec, body):
    job = await engine.create_job(spec("return 0", description="old", metadata={"a": 1}))
    job = await engine.create_job(spec("return 1", metadata={"a": 1, "b": 2}, description="old"))
    await engine.update_metadata(job.id, {"a": 7, "runs": 12})
    assert (await engine.delete_job(job.id)).deactivated
    metadata = {"a": 1, "b": 2} if body == "return 1" else {"a": 1}
    description = "old" if body == "return 1" else None
    again = await engine.create_job(spec(body, metadata=metadata, description=description))
    assert (again.id, again.status) == (job.id, "active")
    assert (again.metadata, again.description) == (metadata, description)


async def test_a_description_that_is_no_longer_declared_goes(engine, spec):
    job = await engine.create_job(spec(description="Count the tickets"))
    again = await engine.create_job(spec())
    assert (again.change, again.description) == ("updated", None)
    published = await engine.publish_version(job.id, "1.0.0")
    assert published.description == "Count the tickets"


@pytest.mark.parametrize(("ceiling", "default"), [(60, 60), (600, 300)])
async def test_the_default_timeout_is_within_the_workspaces_ceiling(engine, spec, ceiling, default):
    await engine.settings({"timeout_ceiling": ceiling})
    job = await engine.create_job(spec())
    assert job.active_version.timeout == default
    assert (await engine.create_job(spec())).change == "unchanged"
    pushed = await engine.push_version(job.id, VersionSpec(bundle=job.active_version.bundle))
    assert pushed.timeout == default
    with pytest.raises(InvalidInput, match=f"outside 1 to {ceiling} seconds"):
        await engine.create_job(spec(name="longer", timeout=ceiling + 1))


async def test_other_code_for_a_once_job_that_is_done_can_be_pushed_and_tried(engine, clock, spec):
    at = OnceSchedule(execute_at=clock.now() + timedelta(minutes=1))
    job = await engine.create_job(spec(schedule=at))
    await clock.advance(hours=1)
    pushed = await engine.push_version(job.id, VersionSpec(bundle=spec("return 'new'").bundle))
    run = await engine.trigger_job(job.id, pushed.id)
    assert (await engine.wait_execution(run.id)).result == "new"
    past = OnceSchedule(execute_at=clock.now() - timedelta(minutes=30))
    with pytest.raises(InvalidInput, match="in the past"):
        await engine.push_version(job.id, VersionSpec(schedule=past))


async def test_what_a_pushed_version_does_not_say_is_as_in_the_one_active_then(engine, spec):
    given = {"retry": Retry(max_attempts=2), "tools": ["a"], "metadata": {"k": 1}, "timeout": 9}
    job = await engine.create_job(spec(description="old", **given))
    await engine.create_job(spec(description="new", schedule=IntervalSchedule(seconds=7), **given))
    pushed = await engine.push_version(job.id, VersionSpec(bundle=spec("return 2").bundle))
    assert (pushed.description, pushed.schedule.seconds) == ("new", 7)
    assert {name: getattr(pushed, name) for name in given} == given
    assert "return 2" in pushed.bundle.source


async def test_a_job_that_would_never_fire_is_refused(engine, clock, spec):
    never = CronSchedule(expression="0 0 30 2 *")
    with pytest.raises(InvalidInput, match=r"'0 0 30 2 \*' never fires"):
        await engine.create_job(spec(schedule=never))
    assert await engine.preview(never) == []
    leap_day = CronSchedule(expression="0 0 29 2 *")
    assert (await engine.create_job(spec(schedule=leap_day))).next_run_at.day == 29


async def test_code_that_breaks_the_policy_is_refused_with_its_line(engine, spec):
    with pytest.raises(PolicyViolation, match="line 2"):
        await engine.create_job(spec("return job.__class__.__bases__"))
    assert await engine.list_jobs(include_dynamic=True) == []


async def test_settings_are_checked_and_kept(engine):
    assert (await engine.settings({"max_concurrent": 3}))["max_concurrent"] == 3
    with pytest.raises(InvalidInput, match="max_concurrent"):
        await engine.settings({"max_concurrent": 0})
    with pytest.raises(InvalidInput, match="no_such"):
        await engine.settings({"no_such": 1})
    assert (await engine.settings())["max_concurrent"] == 3
    assert issubclass(InvalidInput, LuaJobsError)
