"""Jobs, asked for in the same words of either port."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.errors import Conflict, InvalidInput, NotFound, NotSelfContained, PolicyViolation
from luajobs_kit.model import CronSchedule, OnceSchedule, VersionSpec


async def test_a_created_job_is_shown_as_it_was_declared(port, spec):
    made = await port.create_job(
        spec(metadata={"a": None, "deep": [{"b": 1.5}]}, description="Says hello", timeout=12)
    )

    assert made.change == "created"
    assert await port.get_job(made.id) == made.evolve(change=None)
    assert made.metadata == {"a": None, "deep": [{"b": 1.5}]}
    assert made.active_version is not None
    assert (made.active_version.version, made.active_version.timeout) == ("1.0.0", 12)


async def test_creating_again_says_what_changed(port, spec):
    first = await port.create_job(spec())
    again = await port.create_job(spec())
    changed = await port.create_job(spec("return 'more'"))

    assert (again.change, again.id) == ("unchanged", first.id)
    assert changed.change == "updated"
    assert [version.version for version in changed.versions] == ["1.0.0", "1.0.1"]
    with pytest.raises(Conflict):
        await port.create_job(spec("return 'x'", if_exists="error"))


async def test_the_same_key_creates_one_version(port, spec, fresh):
    job = await port.create_job(spec())
    pushed = VersionSpec(schedule=job.active_version.schedule, bundle=job.active_version.bundle)

    key = fresh("key")
    once = await port.push_version(job.id, pushed, key=key)
    twice = await port.push_version(job.id, pushed, key=key)

    assert once.id == twice.id
    assert len((await port.get_job(job.id)).versions) == 2


async def test_publishing_a_version_makes_it_the_active_one(port, spec):
    job = await port.create_job(spec())
    version = await port.push_version(
        job.id,
        VersionSpec(schedule=job.active_version.schedule, bundle=spec("return 2").bundle),
    )

    assert (await port.get_job(job.id)).active_version_id == job.active_version_id
    assert (await port.publish_version(job.id, "1.0.1")).active_version_id == version.id


async def test_publishing_a_once_version_whose_time_has_passed_is_refused(port, spec):
    job = await port.create_job(spec())
    passed = OnceSchedule(execute_at=datetime.now(UTC) - timedelta(seconds=5))
    await port.push_version(job.id, VersionSpec(schedule=passed, bundle=spec("return 2").bundle))
    with pytest.raises(Conflict, match="publishing runs nothing of the past"):
        await port.publish_version(job.id, "1.0.1")
    assert (await port.get_job(job.id)).active_version_id == job.active_version_id


async def test_a_missing_job_is_not_found(port):
    with pytest.raises(NotFound, match="job_none"):
        await port.get_job("job_none")
    with pytest.raises(NotFound):
        await port.find_job("nothing")


async def test_source_that_the_policy_refuses_is_told_line_by_line(port, spec):
    with pytest.raises(NotSelfContained, match=r"subprocess.*line 2"):
        await port.create_job(spec("import subprocess"))
    with pytest.raises(PolicyViolation, match=r"line 3") as refused:
        await port.create_job(spec("x = 1\nreturn x.__subclasses__()"))
    assert refused.value.details
    assert await port.list_jobs(include_dynamic=True) == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), r"changes\['at'\]|metadata\['at'\]"),
        ({1, 2}, r"\['at'\]"),
        (float("nan"), r"\['at'\]"),
        ([0, {"x": object()}], r"\['at'\]\[1\]\['x'\]"),
    ],
)
async def test_metadata_that_is_no_json_is_refused_with_its_path(port, spec, value, path):
    job = await port.create_job(spec(metadata={"kept": 1}))

    with pytest.raises(InvalidInput, match=path):
        await port.update_metadata(job.id, {"at": value})
    with pytest.raises(InvalidInput, match=path):
        await port.create_job(spec(name="other", metadata={"at": value}))
    assert (await port.get_job(job.id)).metadata == {"kept": 1}


async def test_metadata_is_merged_shallowly_and_none_is_a_value(port, spec):
    job = await port.create_job(spec(metadata={"kept": 1, "deep": {"a": 1}}))
    updated = await port.update_metadata(job.id, {"deep": {"b": None}})
    assert updated.metadata == {"kept": 1, "deep": {"b": None}}


async def test_jobs_belong_to_who_acts(port, spec):
    with acting_as("user_ana"):
        hers = await port.create_job(spec())
    with acting_as("user_bo ü/☃"):
        his = await port.create_job(spec())
        assert (await port.find_job("job")).id == his.id

    assert (hers.user_id, his.user_id) == ("user_ana", "user_bo ü/☃")
    assert hers.id != his.id
    with pytest.raises(Conflict):
        await port.find_job("job")


async def test_lists_leave_dynamic_and_deleted_jobs_out_unless_asked(port, spec):
    dynamic = await port.create_job(spec(name="dynamic"))
    await port.create_job(spec(name="predefined", dynamic=False))
    deleted = await port.create_job(spec(name="deleted"))
    assert (await port.delete_job(deleted.id, force=True)).deleted

    assert [job.name for job in await port.list_jobs()] == ["predefined"]
    assert [job.name for job in await port.list_jobs(include_dynamic=True)] == [
        dynamic.name,
        "predefined",
    ]


async def test_a_job_is_switched_off_and_on(port, spec):
    job = await port.create_job(spec())
    off = await port.deactivate_job(job.id)
    assert (off.active, off.status, off.next_run_at) == (False, "inactive", None)
    on = await port.activate_job(job.id)
    assert (on.active, on.status) == (True, "active")


async def test_a_schedule_is_previewed_with_its_offset(port):
    monday = CronSchedule(expression="0 8 * * 1", timezone="America/New_York")
    fires = await port.preview(monday, 2, datetime(2026, 3, 2, tzinfo=UTC))
    assert [fire.isoformat() for fire in fires] == [
        "2026-03-02T08:00:00-05:00",
        "2026-03-09T08:00:00-04:00",
    ]
    assert {fire.tzinfo for fire in fires} == {ZoneInfo("America/New_York")}


async def test_next_runs_are_those_of_the_schedule(port, spec):
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    job = await port.create_job(spec(schedule=OnceSchedule(execute_at=at)))
    assert await port.next_runs(job.id) == [at]
    assert job.next_run_at == at


async def test_next_runs_are_told_in_python_s_own_utc(port, spec):
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    job = await port.create_job(spec(schedule=OnceSchedule(execute_at=at)))
    assert [fire.tzinfo for fire in await port.next_runs(job.id)] == [UTC]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keep_days", 1_000_000),
        ("keep_days", float("inf")),
        ("keep_days", float("nan")),
        ("timeout_ceiling", float("nan")),
        ("keep_executions", 10**30),
        ("keep_bytes", 2**70),
        ("data_bytes", 2**70),
        ("memory_limit", 2**70),
    ],
)
async def test_a_setting_that_nothing_can_keep_to_is_refused(port, name, value):
    before = await port.settings()
    with pytest.raises(InvalidInput, match=name):
        await port.settings({name: value})
    assert await port.settings() == before


async def test_settings_are_merged_and_none_removes_one(port):
    assert (await port.settings({"env": {"CITY": "Ghent"}}))["env"] == {"CITY": "Ghent"}
    assert (await port.settings({"env": None}))["env"] == {}
    with pytest.raises(InvalidInput, match="no_such"):
        await port.settings({"no_such": 1})
