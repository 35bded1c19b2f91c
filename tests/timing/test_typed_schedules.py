"""Schedules as people type them into a form or a magic."""

from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule
from luajobs_kit.timing.typed_schedules import read_schedule

NOW = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("every 30s", 30),
        ("every 5m", 300),
        ("every minute", 60),
        ("every 1h 30m", 5_400),
        ("every 2 weeks", 1_209_600),
        ("@every 5m", 300),
        ("every 2 hours and 5 minutes", 7_500),
        ("Every 1.5h", 5_400),
    ],
)
def test_a_length_of_time_is_read_as_it_is_said(typed, seconds):
    assert read_schedule(typed, NOW) == IntervalSchedule(seconds=seconds)


@pytest.mark.parametrize("typed", ["in 10m", "once in 10m", "after 600 s"])
def test_once_counts_from_now_and_stays_relative(typed):
    schedule = read_schedule(typed, NOW)
    assert schedule.execute_at == NOW + timedelta(minutes=10)
    assert schedule.after == 600


@pytest.mark.parametrize(
    ("typed", "expression", "zone"),
    [
        ("0 8 * * 1", "0 8 * * 1", None),
        ("cron 0 8 * * 1 Europe/Berlin", "0 8 * * 1", "Europe/Berlin"),
        ("@daily", "@daily", None),
    ],
)
def test_cron_may_name_its_zone(typed, expression, zone):
    schedule = read_schedule(typed, NOW)
    assert isinstance(schedule, CronSchedule)
    assert schedule.timezone == zone
    assert schedule.expression == expression


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Say when it runs"),
        ("every banana", "is no length of time"),
        ("at noonish", "is no time"),
        ("tomorrow", "is no schedule"),
        ("in 999999999d", "beyond the calendar"),
        ("99 * * * *", "minute"),
    ],
)
def test_what_cannot_be_read_says_what_to_type(typed, words):
    with pytest.raises(InvalidInput, match=words):
        read_schedule(typed, NOW)
