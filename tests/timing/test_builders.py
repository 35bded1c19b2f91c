"""once(), every(), cron() and Lua's dicts: what is understood, and each refusal's words."""

# ruff: noqa: DTZ001, RUF001 - naive times are what is tested; messages write a range with an en dash

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule
from luajobs_kit.timing import cron, every, once, parse_schedule

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def in_berlin(local_time):
    local_time.set("Europe/Berlin")


def parse(value, **options):
    return parse_schedule(value, now=NOW, **options)


def test_once_after_a_length_is_counted_from_now_and_keeps_the_length():
    schedule = once(hours=1, minutes=10, clock=VirtualClock(NOW))
    assert schedule == OnceSchedule(
        execute_at=NOW + timedelta(minutes=70), after=4200, timezone="Europe/Berlin"
    )
    assert once(seconds=0, clock=VirtualClock(NOW)).execute_at == NOW


def test_a_naive_datetime_is_the_callers_local_time_and_its_zone_is_kept():
    schedule = once(at=datetime(2027, 7, 1, 9))
    assert (schedule.execute_at, schedule.timezone) == (
        datetime(2027, 7, 1, 7, tzinfo=UTC),
        "Europe/Berlin",
    )


def test_an_aware_datetime_is_itself_and_keeps_the_name_of_its_zone():
    schedule = once(at=datetime(2027, 1, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo")))
    assert (schedule.execute_at, schedule.timezone) == (
        datetime(2027, 1, 1, tzinfo=UTC),
        "Asia/Tokyo",
    )
    assert once(at=datetime(2027, 1, 1, tzinfo=UTC)).timezone == "UTC"
    assert once(at=datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=2)))).timezone is None


def test_a_local_time_that_comes_twice_is_the_first_unless_fold_says_otherwise():
    twice = datetime(2026, 10, 25, 2, 30)
    assert once(at=twice).execute_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert once(at=twice.replace(fold=1)).execute_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


WITHOUT_NAME = {  # what TZ may be: hours east of UTC, in winter and in summer
    "AAA-5BBB,M3.5.0,M10.5.0": (5, 6),
    "EST5EDT": (-5, -4),
    "PST8PDT,M3.2.0,M11.1.0": (-8, -7),
    "UTC+3": (-3, -3),
    "<+03>-3": (3, 3),
    "IST-5:30": (5.5, 5.5),
    "NZST-12NZDT,M9.5.0,M4.1.0/3": (13, 12),
}


@pytest.mark.parametrize("tz", WITHOUT_NAME)
def test_a_naive_datetime_is_in_the_process_s_zone_though_that_has_no_name(local_time, tz):
    local_time.set(tz)
    winter, summer = WITHOUT_NAME[tz]
    for moment, east in ((datetime(2027, 1, 1, 9), winter), (datetime(2027, 7, 1, 9), summer)):
        at = moment.replace(tzinfo=timezone(timedelta(hours=east)))
        assert once(at=moment).execute_at == at
        with pytest.raises(InvalidInput, match=re.escape(f"write {at.isoformat()!r} if you mean")):
            once(at=moment.isoformat())


def test_a_zone_set_since_the_process_began_is_the_one_that_counts(local_time, monkeypatch):
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Asia/Tokyo")
    assert once(at=datetime(2027, 7, 1, 9)) == OnceSchedule(
        execute_at=datetime(2027, 7, 1, 7, tzinfo=UTC)
    )


@pytest.mark.parametrize("moment", [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_a_time_that_is_beyond_the_calendar_somewhere_is_refused(local_time, zone, moment):
    local_time.set(zone)
    for given in (moment, moment.isoformat(), moment.replace(tzinfo=UTC), f"{moment.isoformat()}Z"):
        with pytest.raises(InvalidInput, match="is beyond the calendar"):
            once(at=given)
    with pytest.raises(ValueError, match="outside the years 2 to 9998"):
        OnceSchedule(execute_at=moment.replace(tzinfo=UTC))


def test_once_in_the_past_may_be_written_for_a_cell_may_be_run_again():
    past = once(at=datetime(2020, 1, 1, tzinfo=UTC))
    assert parse(past, check_past=False) == past
    with pytest.raises(
        InvalidInput, match="is 2,518 days and 13 hours in the past; give a later time"
    ):
        parse(past)


def test_a_minute_of_grace_for_what_is_past_when_it_is_created():
    assert parse({"type": "once", "executeAt": NOW - timedelta(seconds=60)})
    with pytest.raises(InvalidInput, match="is 1 minute and 1 second in the past"):
        parse({"type": "once", "executeAt": NOW - timedelta(seconds=61)})
    with pytest.raises(InvalidInput, match="is 3 hours in the past; "):
        parse({"type": "once", "executeAt": NOW - timedelta(hours=3)})


def test_every_adds_its_units_up():
    assert every(seconds=30, minutes=1, hours=1, days=1) == IntervalSchedule(seconds=90_090)
    assert every(1).seconds == 1
    assert every(minutes=0.5).seconds == 30
    assert every(hours=1, start=datetime(2026, 1, 1, 0, 15)).start == datetime(
        2025, 12, 31, 23, 15, tzinfo=UTC
    )


def test_cron_takes_a_zone_by_name_or_as_an_object_and_keeps_its_text():
    assert cron(" 0 8 * * MON ", "America/New_York") == CronSchedule(
        expression="0 8 * * MON", timezone="America/New_York"
    )
    assert cron("@daily", BERLIN).timezone == "Europe/Berlin"
    assert cron("@daily", UTC).timezone == "UTC"
    assert cron("@daily").timezone is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"type": "interval", "seconds": 300}, every(minutes=5)),
        (
            {"type": "interval", "seconds": 300, "start": "2026-01-01T00:00:00Z"},
            every(300, start=NOW.replace(2026, 1, 1, 0)),
        ),
        ({"type": "cron", "expression": "0 9 * * *"}, cron("0 9 * * *")),
        (
            {"type": "cron", "expression": "0 8 * * 1", "timezone": "America/New_York"},
            cron("0 8 * * 1", "America/New_York"),
        ),
        ({"type": "cron", "expression": "0 8 * * 1", "timezone": None}, cron("0 8 * * 1")),
    ],
)
def test_luas_dicts_mean_the_same(written, meant):
    assert parse(written) == meant
    assert parse(meant) is meant
    assert parse(meant.to_json()) == meant


@pytest.mark.parametrize(
    "written",
    [
        {"type": "once", "executeAt": "2026-12-25T09:00:00Z"},
        {"type": "once", "executeAt": "2026-12-25T09:00:00.000Z"},
        {"type": "once", "executeAt": "2026-12-25T10:00:00+01:00"},
        {"type": "once", "execute_at": datetime(2026, 12, 25, 9, tzinfo=UTC)},
        {"type": "once", "executeAt": datetime(2026, 12, 25, 10)},
        {"type": "once", "executeAt": datetime(2026, 12, 25, 4), "timezone": "America/New_York"},
    ],
)
def test_once_as_lua_writes_it(written):
    assert parse(written).execute_at == datetime(2026, 12, 25, 9, tzinfo=UTC)


def test_a_once_schedule_survives_its_json():
    schedule = once(minutes=10, clock=VirtualClock(NOW))
    assert parse(schedule.to_json()) == schedule


REFUSALS = {
    "once without time": (once, "once() needs to know when: once(minutes=10), or once(at=datetime(…))."),
    "once 10": (lambda: once(10), "once(10) does not say of what; write once(seconds=10), or once(minutes=10)."),
    "once milliseconds": (lambda: once(1_800_000_000_000), "as JavaScript's milliseconds it would be 2027"),
    "once with both": (lambda: once(NOW, minutes=1), "once() takes a time or a length, not both; leave out at or minutes."),
    "once before now": (lambda: once(minutes=-1), "once() of -60 seconds lies in the past"),
    "once not a number": (lambda: once(minutes="10"), "once(minutes=…) '10' is text; write a number of minutes."),
    "once in 200 years": (lambda: once(days=73_050), "is more than 100 years; is the unit right?"),
    "once of a length": (lambda: once(timedelta(minutes=1)), "at datetime.timedelta(seconds=60) is neither a datetime nor ISO text."),
    "once minutes timedelta": (lambda: once(minutes=timedelta(1)), "is a timedelta; write its .total_seconds(), a number."),
    "every nothing": (every, "every() needs a length: every(minutes=5)"),
    "every 0": (lambda: every(0), "every() is 0 seconds; the shortest interval is 1 second."),
    "every -5": (lambda: every(minutes=-5), "every() is -300 seconds; the shortest interval is 1 second."),
    "every too often": (lambda: every(0.2), "every() is 0.2 seconds; the shortest interval is 1 second."),
    "every nan": (lambda: every(float("nan")), "every(seconds=…) is nan; give a finite number of seconds."),
    "every inf": (lambda: every(hours=float("inf")), "every(hours=…) is inf; give a finite number of hours."),
    "every True": (lambda: every(True), "every(seconds=…) True is not a number of seconds."),
    "every None-like": (lambda: every([]), "every(seconds=…) [] is not a number of seconds."),
    "every forever": (lambda: every(1e300), "is more than 100 years"),
    "every start text": (lambda: every(60, start="tomorrow"), "start 'tomorrow' is not an ISO-8601 time"),
    "cron number": (lambda: cron(8), "cron() takes its five fields as one text"),
    "zone typo": (lambda: cron("@daily", "Amercia/New_York"), "timezone 'Amercia/New_York' is not a known time zone; did you mean America/New_York."),
    "zone case": (lambda: cron("@daily", "europe/berlin"), "did you mean Europe/Berlin."),
    "zone city": (lambda: cron("@daily", "New York"), "did you mean America/New_York."),
    "zone abbreviation": (lambda: cron("@daily", "PST"), "did you mean America/Los_Angeles."),
    "zone city typo": (lambda: cron("@daily", "Lodnon"), "did you mean Europe/London"),
    "zone path": (lambda: cron("@daily", "../../etc/passwd"), "give an IANA name, such as"),
    "zone of the machine": (lambda: cron("@daily", "localtime"), "timezone 'localtime' is not a known time zone"),
    "zone object": (lambda: cron("@daily", timezone(timedelta(hours=1))), 'write "Etc/GMT-1" for 1 hour ahead of UTC all year'),
    "zone no text": (lambda: cron("@daily", 8), 'give an IANA name in quotes, such as "America/New_York".'),
    "zone offset": (lambda: cron("@daily", "UTC+2"), 'write "Etc/GMT-2" for 2 hours ahead of UTC all year (its sign is the other way round), or name a place'),
    "zone offset behind": (lambda: cron("@daily", "gmt-05:00"), 'write "Etc/GMT+5" for 5 hours behind UTC all year'),
    "zone offset of half an hour": (lambda: cron("@daily", "+05:30"), "5 hours and 30 minutes ahead of UTC all year is Asia/Calcutta or"),
    "zone offset without sign": (lambda: cron("@daily", "UTC 2"), 'write "Etc/GMT-2"'),
    "zone offset of nothing": (lambda: cron("@daily", "UTC+0"), 'write "UTC".'),
    "zone offset of no place": (lambda: cron("@daily", "UTC+15"), "no zone is 15 hours ahead of UTC all year"),
    "every week": (lambda: every(weeks=2), "every has no 'weeks'; a week is 7 days: write every(days=14)."),
    "every month": (lambda: every(months=1), """a month has no fixed length; write cron("0 0 1 * *"), the first of each month."""),
    "every year": (lambda: every(years=1), """a year has no fixed length; write cron("0 0 1 1 *"), the first of each year."""),
    "once in a month": (lambda: once(months=1), "a month has no fixed length; write once(at=datetime(…)), or days=…"),
    "interval in weeks": (lambda: parse({"type": "interval", "weeks": 1}), "a week is 7 days: write every(days=7)."),
    "interval in months": (lambda: parse({"type": "interval", "months": 1}), """write cron("0 0 1 * *")"""),
    "zone empty": (lambda: cron("@daily", ""), "timezone '' is not a known time zone"),
    "naive text": (
        lambda: parse({"type": "once", "executeAt": "2026-12-25T09:00"}),
        "executeAt '2026-12-25T09:00' does not say in which zone; write '2026-12-25T09:00:00+01:00' if you mean your local time, or '2026-12-25T09:00:00Z' for UTC.",
    ),
    "text that is no time": (
        lambda: parse({"type": "once", "executeAt": "in 5 minutes"}),
        "executeAt 'in 5 minutes' is not an ISO-8601 time",
    ),
    "javascript's milliseconds": (
        lambda: parse({"type": "once", "executeAt": 1_798_189_200_000}),
        "(as JavaScript's milliseconds it would be 2026-12-25 09:00:00 UTC); write a datetime",
    ),
    "seconds": (lambda: parse({"type": "once", "executeAt": 1_798_189_200}), "is a number, which may count seconds or milliseconds; write"),
    "a boolean time": (lambda: parse({"type": "once", "executeAt": True}), "True is neither a datetime nor ISO text."),
    "a date": (lambda: once(date(2026, 12, 25)), "is a date without a time; write a datetime, such as datetime(2026, 12, 25, 9, 0)."),
    "a time skipped": (lambda: once(datetime(2027, 3, 28, 2, 30)), "does not exist in Europe/Berlin: clocks are put forward over it. The next moment that exists is 2027-03-28 03:30:00."),
    "beyond the calendar": (lambda: once(datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5)))), "is beyond the calendar."),
    "no type": (lambda: parse({"seconds": 5}), 'The schedule has no "type" (once, interval or cron); add "type": "interval".'),
    "nothing": (lambda: parse({}), 'The schedule has no "type" (once, interval or cron); write'),
    "type typo": (lambda: parse({"type": "Cron"}), "Schedule type 'Cron' is unknown; did you mean \"cron\", as in"),
    "another's type": (lambda: parse({"type": "every"}), 'did you mean "interval", as in {"type": "interval", "seconds": 300}'),
    "unheard of": (lambda: parse({"type": 7}), "Schedule type 7 is unknown; it is once, interval or cron."),
    "key missing": (lambda: parse({"type": "cron"}), 'A schedule of type "cron" needs "expression"'),
    "key None": (lambda: parse({"type": "interval", "seconds": None}), 'A schedule of type "interval" needs "seconds"'),
    "key typo": (lambda: parse({"type": "once", "executeat": NOW}), "Schedule key 'executeat' is unknown; did you mean \"executeAt\"."),
    "key of another type": (lambda: parse({"type": "cron", "expression": "@daily", "seconds": 5}), "Schedule key 'seconds' is unknown; \"cron\" takes expression, timezone."),
    "interval in minutes": (lambda: parse({"type": "interval", "minutes": 5}), "an interval is in seconds; write them, or every(minutes=…)."),
    "interval in a zone": (lambda: parse({"type": "interval", "seconds": 5, "timezone": "UTC"}), "only cron is read in a zone."),
    "tz": (lambda: parse({"type": "cron", "expression": "@daily", "tz": "UTC"}), 'did you mean "timezone".'),
    "interval text": (lambda: parse({"type": "interval", "seconds": "300"}), "seconds '300' is text; write a number of seconds."),
    "after": (lambda: parse({"type": "once", "executeAt": NOW, "after": -1}), "after is -1 seconds; give 0 or more"),
    "cron text alone": (lambda: parse("0 8 * * 1"), "'0 8 * * 1' is not a schedule; for a cron expression write cron('0 8 * * 1')."),
    "timedelta alone": (lambda: parse(timedelta(minutes=5)), "write once(seconds=300) or every(seconds=300)."),
    "datetime alone": (lambda: parse(NOW), "write once(at=…)."),
    "number alone": (lambda: parse(300), "write once(seconds=300) or every(seconds=300)."),
    "None": (lambda: parse(None), 'None is not a schedule; write once(minutes=10), every(minutes=5) or cron("0 8 * * 1").'),
    "model, wrong interval": (lambda: parse(IntervalSchedule(seconds=0)), "seconds is 0 seconds"),
    "model, wrong cron": (lambda: parse(CronSchedule(expression="0 25 * * *")), "hour 25 is outside 0–23."),
    "model, wrong zone": (lambda: parse(CronSchedule(expression="@daily", timezone="Mars")), "timezone 'Mars' is not a known time zone"),
    "model, wrong zone of once": (lambda: parse(OnceSchedule(execute_at=NOW, timezone="Mars")), "timezone 'Mars' is not"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_is_wrong_and_what_to_write(name):
    make, words = REFUSALS[name]
    with pytest.raises(InvalidInput, match=re.escape(words)):
        make()


def test_whole_numbers_of_any_kind_are_numbers():
    from fractions import Fraction

    assert every(Fraction(3, 2)).seconds == 1.5
    with pytest.raises(InvalidInput):
        every(Decimal(5))  # as the numbers module has it, a Decimal is no Real


def test_writing_a_schedule_loads_no_scheduler():
    program = (
        "import sys; from luajobs_kit.timing import cron, describe, every, once, parse_schedule;"
        " sys.exit(bool({'apscheduler', 'croniter'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
