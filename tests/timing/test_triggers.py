"""Triggers, previews, words and marks: what fires when, and how it is told."""

# ruff: noqa: DTZ001 - naive times are the caller's own

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luajobs_kit.clock import VirtualClock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule
from luajobs_kit.timing import (
    cron,
    describe,
    describe_kept,
    every,
    fires_after,
    jittered,
    marked_fires,
    next_fire,
    once,
    preview,
    trigger_for,
    why_unreadable,
)
from luajobs_kit.timing.triggers import due_fires

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def in_berlin(local_time):
    local_time.set("Europe/Berlin")


def test_a_once_schedule_fires_at_its_time_even_when_that_had_passed():
    past = once(at=NOW - timedelta(seconds=30))
    assert next_fire(past, None, armed_at=NOW) == NOW - timedelta(seconds=30)
    assert next_fire(past, NOW, armed_at=NOW) is None
    assert list(fires_after(once(at=NOW), None, armed_at=NOW)) == [NOW]


def test_an_interval_counts_from_its_arming_and_does_not_drift():
    fires = list(islice(fires_after(every(minutes=7), None, armed_at=NOW), 1000))
    assert fires == [NOW + number * timedelta(minutes=7) for number in range(1, 1001)]
    late = NOW + timedelta(minutes=15, seconds=59)  # a run that took long
    assert next_fire(every(minutes=7), late, armed_at=NOW) == NOW + timedelta(minutes=21)


def test_an_interval_with_a_start_keeps_to_its_grid_and_start_is_a_fire():
    start = NOW + timedelta(minutes=15)
    assert next_fire(every(hours=1, start=start), None, armed_at=NOW) == start
    old = NOW - timedelta(days=400, minutes=45)
    assert next_fire(every(hours=1, start=old), None, armed_at=NOW) == NOW + timedelta(minutes=15)
    assert next_fire(every(hours=1, start=NOW), None, armed_at=NOW) == NOW + timedelta(hours=1)


def test_nothing_fires_at_or_before_the_arming():
    before = NOW - timedelta(days=3)
    for schedule in (every(hours=1), every(hours=1, start=before), cron("0 * * * *")):
        assert next_fire(schedule, before, armed_at=NOW) == NOW + timedelta(hours=1)


def test_a_trigger_goes_on_from_the_fire_before_not_from_now():
    trigger = trigger_for(cron("0 * * * *"), armed_at=NOW)
    late = NOW + timedelta(days=30)
    assert trigger.get_next_fire_time(NOW + timedelta(hours=5), late) == NOW + timedelta(hours=6)


schedules = st.one_of(
    st.builds(every, st.integers(1, 10_000)),
    st.builds(
        every,
        st.floats(1, 1000),
        start=st.sampled_from([NOW - timedelta(days=9), NOW + timedelta(hours=1)]),
    ),
    st.sampled_from(
        [
            cron(text, "Europe/Berlin")
            for text in ("*/7 * * * *", "30 2 * * *", "0 9-17 * * 1-5", "* 2 * 3,10 *")
        ]
    ),
    st.just(once(at=NOW + timedelta(hours=2))),
)


@given(schedules, st.integers(0, 400_000), st.integers(1, 40))
def test_what_is_due_is_the_newest_of_all_and_the_others_counted(schedule, seconds, keep):
    trigger = trigger_for(schedule, armed_at=NOW)
    first = next_fire(schedule, None, armed_at=NOW)
    now = first + timedelta(seconds=seconds)
    every_fire = [first]
    for fire in islice(trigger.fires(first), 500):
        if fire > now:
            break
        every_fire.append(fire)
    else:
        if len(every_fire) > 500:
            return  # too many to list; the scheduler's tests count those
    fires, omitted = due_fires(trigger, first, now, keep)
    assert fires == every_fire[-keep:]
    assert omitted == len(every_fire) - len(fires)


def test_fires_end_with_the_calendar():
    end = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert len(list(fires_after(every(minutes=10), end, armed_at=NOW))) == 5
    assert list(fires_after(cron("0 0 30 2 *"), None, armed_at=NOW)) == []


def test_jitter_moves_later_by_less_than_it_says_and_the_same_each_time():
    moved = [jittered(NOW + timedelta(minutes=number), 60, "job_1") for number in range(200)]
    delays = [
        (fire - NOW - timedelta(minutes=number)).total_seconds()
        for number, fire in enumerate(moved)
    ]
    assert all(0 <= delay < 60 for delay in delays)
    assert 20 < sum(delays) / 200 < 40
    assert moved[7] == jittered(NOW + timedelta(minutes=7), 60, "job_1")
    assert moved[7] != jittered(NOW + timedelta(minutes=7), 60, "job_2")
    assert jittered(NOW, 0, "job_1") == NOW


def test_a_preview_is_in_the_schedules_own_zone_and_strictly_after_its_start():
    monday = datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("America/New_York"))
    fires = preview(cron("0 8 * * 1", "America/New_York"), 2, monday)
    assert [fire.isoformat() for fire in fires] == [
        "2026-11-30T08:00:00-05:00",
        "2026-12-07T08:00:00-05:00",
    ]
    assert [fire.isoformat() for fire in preview({"type": "interval", "seconds": 300}, 2, NOW)] == [
        "2026-11-23T14:05:00+01:00",
        "2026-11-23T14:10:00+01:00",
    ]
    assert preview(cron("@daily"), 1, NOW)[0].tzinfo is UTC
    assert preview(once(at=NOW), 5, NOW) == []
    assert len(preview(every(minutes=1), clock=VirtualClock(NOW))) == 5
    assert preview(every(minutes=1), 1, datetime(2026, 11, 23, 14))[0] == NOW + timedelta(
        minutes=1
    )  # local time


@pytest.mark.parametrize("count", [-1, 100_001, 2.5, True, "5", None])
def test_a_preview_of_an_odd_number_of_fires_is_refused(count):
    with pytest.raises(InvalidInput, match="give a count from 0 to 100,000"):
        preview(every(minutes=1), count)


WORDS = {
    "0 8 * * 1": "every Monday at 08:00",
    "* * * * *": "every minute",
    "*/15 * * * *": "every 15 minutes",
    "0 * * * *": "every hour",
    "30 * * * *": "every hour at :30",
    "5,35 * * * *": "every hour at :05 and :35",
    "@hourly": "every hour",
    "@weekly": "every Sunday at 00:00",
    "@yearly": "every year on 1 January at 00:00",
    "0 */2 * * *": "every 2 hours",
    "30 1-23/2 * * *": "every 2 hours at :30 from 01:30 to 23:30",
    "0 9-17 * * 1-5": "every hour from 09:00 to 17:00, Monday to Friday",
    "*/15 9-17 * * 1-5": "every 15 minutes from 09:00 to 17:45, Monday to Friday",
    "* 2 * * *": "every minute from 02:00 to 02:59",
    "*/10 8,12,20 * * *": "every 10 minutes in the hours 08:00, 12:00 and 20:00",
    "0,30 1-23/2 * * 0,6": "every 30 minutes of every 2nd hour from 01:00 to 23:30, every Saturday and Sunday",
    "0-30 8 * * *": "every minute from 08:00 to 08:30",
    "0-30/5 8 * * 1": "every 5 minutes from 08:00 to 08:30, every Monday",
    "0-30 * * * *": "every minute from :00 to :30 of every hour",
    "0-30 8-10 * * *": "every minute from :00 to :30 of every hour from 08:00 to 10:30",
    "0-30 8,12,20 * * *": "every minute from :00 to :30 in the hours 08:00, 12:00 and 20:00",
    "*/7 */2 * * *": "every 7 minutes from :00 to :56 of every 2nd hour from 00:00 to 22:56",
    "0-10,30 8 * * *": "every day at 08:00 to 08:10 and 08:30",
    "0-10,30 * * * *": "every hour at :00 to :10 and :30",
    "0 6,18 * * *": "every day at 06:00 and 18:00",
    "0 0 1,15 * *": "on the 1st and 15th of each month at 00:00",
    "0 7 */2 * *": "on the 1st and every 2nd day from there of each month at 07:00",
    "10 3 * 12 *": "every day in December at 03:10",
    "5 4 * 6-8 sun": "every Sunday in June to August at 04:05",
    "0 0 13 * 5": "at 00:00 on the 13th of each month, and every Friday",
    "0 0 13 * 0-6": "every day at 00:00",
    "0 0 */15 * 1,2": "at 00:00 on the 1st, 16th and 31st of each month, if it is Monday or Tuesday",
    "0 0 30 2 *": "never, for there is no such date: at 00:00 every year on 30 February",
    "0 0 31 4,6 *": "never, for there is no such date: at 00:00 on the 31st of April and June",
    "0 0 30 2 1": "at 00:00 every year on 30 February, and every Monday in February",
}


@pytest.mark.parametrize("expression", WORDS)
def test_cron_in_words(expression):
    assert describe(cron(expression, "America/New_York")) == f"{WORDS[expression]}, New York time"


def test_zones_in_words():
    words = [
        describe(cron("@daily", zone)).rpartition(", ")[2]
        for zone in (None, "UTC", "Etc/GMT+3", "CET")
    ]
    assert words == ["UTC", "UTC", "Etc/GMT+3", "CET"]


UNKNOWN = {
    "cron 0 9 * * *, Mars/Olympus": CronSchedule(expression="0 9 * * *", timezone="Mars/Olympus"),
    "cron 99 * * * *": CronSchedule(expression="99 * * * *"),
    "interval 0.0": IntervalSchedule(seconds=0),
    "interval -5.0": IntervalSchedule(seconds=-5),
    "interval 1e+300": IntervalSchedule(seconds=1e300),
    "interval nan": IntervalSchedule(seconds=float("nan")),
}


@pytest.mark.parametrize("words", UNKNOWN)
def test_a_kept_schedule_that_is_unknown_here_is_told_as_it_is_written(words):
    schedule = UNKNOWN[words]
    assert describe_kept(schedule) == words
    assert why_unreadable(schedule)
    with pytest.raises(InvalidInput):
        trigger_for(schedule, armed_at=NOW)


def test_a_kept_time_of_an_unknown_zone_is_told_in_utc():
    schedule = OnceSchedule(execute_at=NOW, timezone="Mars/Olympus")
    assert describe_kept(schedule).endswith("(Mon 23 Nov 2026 13:00 UTC)")
    assert why_unreadable(schedule) is None


def test_intervals_and_single_times_in_words():
    clock = VirtualClock(NOW)
    assert describe(every(minutes=5)) == "every 5 minutes"
    assert describe(every(hours=1)) == "every hour"
    assert describe(every(90)) == "every 1 minute and 30 seconds"
    assert describe(every(1.5)) == "every 1.5 seconds"
    assert describe(every(days=1)) == "every 24 hours"
    assert describe(every(days=2)) == "every 2 days"
    start = datetime(2026, 1, 1, 0, 15)
    assert (
        describe(every(hours=1, start=start)) == "every hour, counted from Thu 1 Jan 2026 00:15 CET"
    )
    assert (
        describe(once(minutes=10, clock=clock), clock=clock)
        == "once, in 10 minutes (Mon 23 Nov 2026 14:10 CET)"
    )
    tokyo = datetime(2026, 11, 23, 19, 0, 5, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert describe(once(at=tokyo), clock=clock) == (
        "once, 2 hours and 59 minutes ago (Mon 23 Nov 2026 19:00:05 JST)"
    )
    assert (
        describe({"type": "once", "executeAt": NOW}, clock=clock)
        == "once, now (Mon 23 Nov 2026 13:00 UTC)"
    )


def marks(expression, start, count=4, zone="Europe/Berlin"):
    return [
        (
            fire.local.strftime("%d %H:%M"),
            fire.at and fire.at.strftime("%H:%M%z"),
            fire.mark,
            fire.note,
        )
        for fire in marked_fires(cron(expression, zone), count, start)
    ]


SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)


def test_a_fixed_fire_that_clocks_skip_is_marked_as_moved():
    assert marks("30 2 * * *", SPRING, 2) == [
        (
            "29 02:30",
            "03:00+0200",
            "moved",
            "02:30 does not exist: clocks are put forward to 03:00",
        ),
        ("30 02:30", "02:30+0200", None, None),
    ]


def test_fires_that_one_run_stands_for_are_marked_as_dropped():
    merged = "one run at 03:00 stands for it: clocks are put forward"
    assert marks("0,30 2,3 * * *", SPRING, 2) == [
        (
            "29 02:00",
            "03:00+0200",
            "moved",
            "02:00 does not exist: clocks are put forward to 03:00",
        ),
        ("29 02:30", None, "dropped", merged),
        ("29 03:00", None, "dropped", merged),
        ("29 03:30", "03:30+0200", None, None),
    ]


def test_wildcard_fires_that_clocks_skip_are_marked_as_dropped_unless_it_runs_every_hour():
    skipped = "does not exist: clocks are put forward to 03:00"
    assert marks("*/30 2 * * *", SPRING, 1) == [
        ("29 02:00", None, "dropped", f"02:00 {skipped}"),
        ("29 02:30", None, "dropped", f"02:30 {skipped}"),
        ("30 02:00", "02:00+0200", None, None),
    ]
    assert [mark for *_, mark, _ in marks("*/30 * * * *", SPRING, 60)] == [None] * 60


def test_a_time_that_comes_twice_is_told():
    twice = "02:30 comes twice: clocks are put back; it fires"
    assert marks("30 2 * * *", AUTUMN, 1) == [
        ("25 02:30", "02:30+0200", None, f"{twice} the first time")
    ]
    assert [at for _, at, *_ in marks("*/30 2 * * *", AUTUMN)] == [
        "02:00+0200",
        "02:30+0200",
        "02:00+0100",
        "02:30+0100",
    ]


def test_a_day_that_is_left_out_drops_its_fires():
    start = datetime(2011, 12, 29, 23, tzinfo=UTC)
    assert marks("0 12 * * *", start, 1, "Pacific/Apia") == [
        ("30 12:00", None, "dropped", "12:00 does not exist: clocks jump by hours over it"),
        ("31 12:00", "12:00+1400", None, None),
    ]


def test_marked_fires_that_fire_are_those_of_the_preview():
    for expression in ("30 2 * * *", "0,30 2,3 * * *", "*/30 1-3 * * *", "0 0 1 * *"):
        for start in (SPRING, AUTUMN):
            schedule = cron(expression, "Europe/Berlin")
            told = [fire.at for fire in marked_fires(schedule, 20, start) if fire.at]
            assert told == preview(schedule, 20, start)
    schedule = every(hours=5)
    assert [fire.at for fire in marked_fires(schedule, 3, NOW)] == preview(schedule, 3, NOW)


@pytest.mark.parametrize("show", [preview, marked_fires])
@pytest.mark.parametrize("expression", ["*/5 * * * *", "5 4 * * *"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", None])
def test_the_first_and_the_last_year_of_the_calendar_are_refused(show, expression, zone):
    schedule = cron(expression, zone)
    for start in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)):
        with pytest.raises(InvalidInput, match="beyond the calendar"):
            show(schedule, 3, start)
    assert len(show(schedule, 3, datetime(2, 1, 1, tzinfo=UTC))) == 3
    assert len(show(schedule, 3, datetime(9998, 12, 31, 23, 55, tzinfo=UTC))) == 3
