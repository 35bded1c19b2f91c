"""An engine that was stopped under one version of the zones' rules starts under another."""

import struct
import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.model import CronSchedule

SUMMER_TIME = "CET-1CEST,M3.5.0,M10.5.0/3"  # as a POSIX zone; in 2026 from 29 March
NO_SUMMER_TIME = "CET-1"
DAY_BEFORE = datetime(2026, 3, 28, 6, tzinfo=UTC)


@pytest.fixture
def rules(tmp_path):
    """Make a zone Test/Zone by a rule, in place of all zones there are, until the test ends."""

    def take(rule):
        header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
        block = header + struct.pack(">lBB", 3600, 0, 0) + b"CET\0"
        file = tmp_path / "zones" / "Test" / "Zone"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(block + block + f"\n{rule}\n".encode())
        zoneinfo.reset_tzpath([tmp_path / "zones"])
        zoneinfo.ZoneInfo.clear_cache()

    before = zoneinfo.TZPATH
    yield take
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


@pytest.fixture
def life(tmp_path, rules, spec):
    """Let an engine live under a rule from one moment to another; returns the job as it is then."""

    async def live(rule, start, until, expression="0 9 * * *"):
        rules(rule)
        clock = VirtualClock(start)
        async with await Engine.open(tmp_path / ".luajobs", clock=clock) as engine:
            schedule = CronSchedule(expression=expression, timezone="Test/Zone")
            job = await engine.create_job(spec(schedule=schedule))
            upcoming = job.next_run_at
            await clock.advance(until=until)
            runs = (await engine.list_executions(job.id)).executions
            return upcoming, [run.fire_time for run in reversed(runs)], await engine.get_job(job.id)

    return live


@pytest.mark.parametrize(
    ("old", "new", "hour"), [(SUMMER_TIME, NO_SUMMER_TIME, 8), (NO_SUMMER_TIME, SUMMER_TIME, 7)]
)
async def test_a_job_goes_by_the_new_rules_and_runs_once_a_day(life, old, new, hour):
    noon = DAY_BEFORE.replace(hour=12)
    upcoming, runs, _ = await life(old, DAY_BEFORE, noon)
    first = DAY_BEFORE.replace(hour=8)
    assert (upcoming, runs) == (first, [first])
    upcoming, runs, job = await life(new, noon, noon + timedelta(days=2))
    later = [first.replace(day=day, hour=hour) for day in (29, 30)]
    assert (upcoming, runs) == (later[0], [first, *later])
    assert (job.change, job.skipped_fires) == (None, 0)


async def test_what_was_missed_meanwhile_is_caught_up_by_the_new_rules_once(life):
    noon = DAY_BEFORE.replace(hour=12)
    await life(SUMMER_TIME, DAY_BEFORE, noon)
    start = noon + timedelta(days=3)
    _, runs, job = await life(NO_SUMMER_TIME, start, start)
    assert runs == [DAY_BEFORE.replace(hour=8), DAY_BEFORE.replace(day=31, hour=8)]
    assert job.skipped_fires == 2


@pytest.mark.parametrize(("old", "new"), [(SUMMER_TIME, "CET-3"), (SUMMER_TIME, "CET1")])
async def test_a_clock_moved_by_hours_repeats_and_loses_no_half_hour(life, old, new):
    half = timedelta(minutes=30)
    stop = DAY_BEFORE + 4 * half
    _, before, _ = await life(old, DAY_BEFORE, stop, "*/30 * * * *")
    _, after, _ = await life(new, stop, stop + 4 * half, "*/30 * * * *")
    assert len(before) == 4
    assert after == [DAY_BEFORE + number * half for number in range(1, 9)]
