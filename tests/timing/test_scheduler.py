"""The scheduler: hands over what is due once, in order, whatever the clock does."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.clock import SystemClock, VirtualClock
from luajobs_kit.timing import Scheduler, Trigger, cron, every, next_fire, once, trigger_for
from luajobs_kit.timing.scheduler import MOST_FIRES

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WILDCARD = cron("* * * * *", "Europe/Berlin")
FIXED = cron("0-59 0-23 * * *", "Europe/Berlin")


class Desk:
    """A scheduler in virtual time, and what it handed over."""

    def __init__(self):
        self.clock = VirtualClock(START)
        self.handed = []
        self.answers = {}
        self.scheduler = Scheduler(self.clock, self.on_due)
        self.clock.join(self.scheduler.settle)

    def on_due(self, job_id, fires, omitted):
        self.handed.append((self.clock.now(), job_id, fires, omitted))
        self.answers.get(job_id, lambda: None)()

    def add(self, job_id, schedule, **options):
        now = self.clock.now()
        first = next_fire(schedule, None, armed_at=now)
        self.scheduler.add(job_id, trigger_for(schedule, armed_at=now), next_fire=first, **options)

    def fires(self, job_id):
        return [fire for _, name, fires, _ in self.handed if name == job_id for fire in fires]


@pytest.fixture
async def desk():
    desk = Desk()
    desk.scheduler.start()
    yield desk
    desk.scheduler.shutdown()


async def test_each_job_is_handed_over_exactly_when_it_is_due_and_in_order(desk):
    desk.add("once", once(minutes=10, clock=desk.clock))
    desk.add("every", every(minutes=7))
    desk.add("cron", cron("30 2 * * *", "Europe/Berlin"))
    await desk.clock.advance(hours=15)
    assert all(
        now == fires[0] and len(fires) == 1 and not omitted
        for now, _, fires, omitted in desk.handed
    )
    assert [now for now, *_ in desk.handed] == sorted(now for now, *_ in desk.handed)
    assert desk.fires("once") == [START + timedelta(minutes=10)]
    assert desk.fires("every") == [
        START + number * timedelta(minutes=7) for number in range(1, 129)
    ]
    assert desk.fires("cron") == [datetime(2026, 3, 29, 1, tzinfo=UTC)]  # 02:30 does not exist


async def test_next_wakeup_is_the_earliest_fire_and_none_without_jobs(desk):
    assert desk.scheduler.next_wakeup() is None
    desk.add("late", once(hours=2, clock=desk.clock))
    desk.add("early", once(hours=1, clock=desk.clock))
    assert desk.scheduler.next_wakeup() == START + HOUR
    await desk.clock.advance(hours=3)
    assert desk.scheduler.next_wakeup() is None


async def test_a_job_added_while_another_is_waited_for_comes_first(desk):
    desk.add("late", once(hours=2, clock=desk.clock))
    await desk.clock.advance(minutes=1)
    desk.add("early", once(minutes=5, clock=desk.clock))
    await desk.clock.advance(minutes=10)
    assert desk.fires("early") == [START + timedelta(minutes=6)]


async def test_a_removed_job_does_not_fire_and_removing_it_again_is_no_matter(desk):
    desk.add("gone", every(minutes=1))
    await desk.clock.advance(minutes=2)
    desk.scheduler.remove("gone")
    desk.scheduler.remove("gone")
    await desk.clock.advance(hours=1)
    assert len(desk.fires("gone")) == 2


async def test_adding_a_job_again_replaces_its_schedule(desk):
    desk.add("job", every(minutes=1))
    desk.add("job", every(minutes=30))
    await desk.clock.advance(hours=1)
    assert desk.fires("job") == [START + HOUR / 2, START + HOUR]


async def test_jobs_added_before_the_start_count_from_it():
    desk = Desk()
    desk.add("job", every(minutes=1))
    desk.add("gone", every(minutes=1))
    desk.scheduler.remove("gone")
    await desk.clock.advance(minutes=3)
    assert desk.handed == []
    desk.scheduler.start()
    await desk.clock.advance(minutes=1)
    assert [len(fires) for _, _, fires, _ in desk.handed] == [3, 1]
    assert not desk.fires("gone")
    desk.scheduler.shutdown()


async def test_after_an_outage_every_missed_fire_is_handed_over_at_once(desk):
    desk.add("job", every(hours=1))
    await desk.clock.jump(START + 5 * HOUR)
    assert desk.handed == [
        (START + 5 * HOUR, "job", [START + number * HOUR for number in range(1, 6)], 0)
    ]


@pytest.mark.parametrize(
    "schedule", [every(seconds=1), WILDCARD, FIXED], ids=["interval", "wildcard", "fixed"]
)
async def test_of_an_endless_outage_the_newest_are_handed_over_and_the_rest_counted(desk, schedule):
    desk.add("job", schedule)
    desk.add("one", schedule, keep=1)
    years = timedelta(days=2000)
    await desk.clock.jump(START + years)
    handed = {name: (fires, omitted) for _, name, fires, omitted in desk.handed}
    fires, omitted = handed["job"]
    assert len(fires) == MOST_FIRES
    assert fires[-1] == START + years
    step = timedelta(seconds=1) if schedule.type == "interval" else timedelta(minutes=1)
    assert fires == [START + years - number * step for number in reversed(range(MOST_FIRES))]
    # At fixed times, the hour that comes twice counts once: in five autumns.
    repeated = 5 * 60 if schedule == FIXED else 0
    assert len(fires) + omitted == years // step - repeated
    assert handed["one"] == (fires[-1:], omitted + MOST_FIRES - 1)


async def test_a_clock_put_back_repeats_nothing_and_loses_nothing(desk):
    desk.add("job", every(hours=1))
    await desk.clock.advance(hours=3)
    await desk.clock.jump(START)
    await desk.clock.advance(hours=5)
    assert desk.fires("job") == [START + number * HOUR for number in range(1, 6)]


async def test_a_clock_that_swings_gives_each_fire_once(desk):
    desk.add("job", every(minutes=10))
    for minutes in (35, 12, 55, 54, 56, 5, 61, 120, 90):
        await desk.clock.jump(START + timedelta(minutes=minutes))
    await desk.clock.jump(START + 3 * HOUR)
    assert desk.fires("job") == [START + number * timedelta(minutes=10) for number in range(1, 19)]


async def test_a_night_asleep_is_no_storm_each_job_is_handed_over_once(desk):
    for number in range(1200):
        desk.add(f"job_{number:04}", cron(f"{number % 60} * * * *"))
    await desk.clock.jump(START + 9 * HOUR)
    assert len(desk.handed) == 1200
    assert all(len(fires) == 9 for _, _, fires, _ in desk.handed)


async def test_what_on_due_raises_is_logged_and_the_schedule_goes_on(desk, caplog):
    def fail():
        raise RuntimeError("full")

    desk.answers["bad"] = fail
    desk.add("bad", every(minutes=1))
    desk.add("good", every(minutes=1))
    with caplog.at_level(logging.ERROR):
        await desk.clock.advance(minutes=3)
    assert len(desk.fires("bad")) == len(desk.fires("good")) == 3
    assert "on_due failed for job bad" in caplog.text


async def test_a_schedule_that_cannot_be_worked_out_does_not_hold_up_the_others(desk, caplog):
    class Broken(Trigger):
        def fires(self, after):
            raise ArithmeticError("no calendar")

        def count(self, after, until):
            return 0

    desk.scheduler.add("broken", Broken(), next_fire=START + HOUR)
    desk.add("good", every(hours=1))
    await desk.clock.advance(hours=3)
    assert len(desk.fires("good")) == 3
    assert "job broken is no longer scheduled" in caplog.text


async def test_on_due_may_remove_and_schedule_jobs(desk):
    desk.add("chain", once(minutes=1, clock=desk.clock))
    desk.answers["chain"] = lambda: desk.add("chain", once(minutes=1, clock=desk.clock))
    desk.add("a remover", once(minutes=2, clock=desk.clock))
    desk.add("z removed", once(minutes=2, clock=desk.clock))
    desk.answers["a remover"] = lambda: desk.scheduler.remove("z removed")
    await desk.clock.advance(minutes=5)
    assert desk.fires("chain") == [START + timedelta(minutes=number) for number in range(1, 6)]
    assert desk.fires("z removed") == []


async def test_after_shutdown_nothing_is_handed_over_and_no_task_is_left():
    desk = Desk()
    desk.scheduler.start()
    desk.add("job", every(minutes=1))
    await desk.clock.advance(minutes=1)
    desk.scheduler.shutdown()
    await desk.clock.advance(hours=1)
    assert len(desk.handed) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_only_the_injected_clock_counts():
    clock = VirtualClock(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC))
    handed = []
    scheduler = Scheduler(clock, lambda *due: handed.append(due))
    clock.join(scheduler.settle)
    scheduler.start()
    future = datetime(2000, 1, 1, tzinfo=UTC)
    scheduler.add("job", trigger_for(once(at=future), armed_at=clock.now()), next_fire=future)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert handed == []
    await clock.advance(seconds=1)
    assert handed == [("job", [future], 0)]
    scheduler.shutdown()


async def test_in_real_time_a_job_is_handed_over_when_due_and_a_past_one_at_once():
    done = asyncio.Event()
    handed = {}

    def on_due(job_id, fires, _):
        handed[job_id] = (fires[0], datetime.now(UTC))
        if len(handed) == 2:
            done.set()

    scheduler = Scheduler(SystemClock(), on_due)
    scheduler.start()
    now = datetime.now(UTC)
    for name, due in (("soon", now + timedelta(milliseconds=30)), ("past", now - HOUR)):
        scheduler.add(name, trigger_for(once(at=due), armed_at=now), next_fire=due)
    await asyncio.wait_for(done.wait(), 10)
    scheduler.shutdown()
    assert all(seen >= due for due, seen in handed.values())
    assert handed["past"][1] < handed["soon"][1]
