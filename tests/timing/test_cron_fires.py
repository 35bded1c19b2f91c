"""Cron around every change of the clock in many zones, against the slow oracle."""

import random
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest

from luajobs_kit.timing.cron_fires import cron_fires
from luajobs_kit.timing.zones import changes


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


# Zone, years: daylight saving of 30 minutes to 2 hours, at midnight, at 00:01, in the other
# direction, politics, lost and doubled hours, a lost day.
ZONES = [
    ("Africa/Cairo", 2023, 2026),
    ("Africa/Casablanca", 2018, 2026),
    ("America/Asuncion", 2022, 2025),
    ("America/Caracas", 2007, 2017),
    ("America/Havana", 2024, 2026),
    ("America/New_York", 2024, 2027),
    ("America/Santiago", 2024, 2026),
    ("America/Sao_Paulo", 2016, 2019),
    ("America/Scoresbysund", 2023, 2025),
    ("America/St_Johns", 2006, 2012),
    ("Antarctica/Casey", 2009, 2023),
    ("Antarctica/Troll", 2024, 2027),
    ("Antarctica/Vostok", 2023, 2024),
    ("Asia/Beirut", 2023, 2025),
    ("Asia/Gaza", 2023, 2026),
    ("Asia/Kathmandu", 1985, 1987),
    ("Asia/Pyongyang", 2015, 2018),
    ("Asia/Tehran", 2020, 2022),
    ("Atlantic/Azores", 2024, 2026),
    ("Australia/Lord_Howe", 2023, 2026),
    ("Europe/Berlin", 2024, 2039),
    ("Europe/Dublin", 2024, 2026),
    ("Europe/Istanbul", 2014, 2017),
    ("Europe/Moscow", 2010, 2015),
    ("Pacific/Apia", 2010, 2013),
    ("Pacific/Chatham", 2024, 2026),
    ("Pacific/Kwajalein", 1993, 1994),
]

EXPRESSIONS = [
    "30 2 * * *",
    "0 0 * * *",
    "15,45 0-3 * * *",
    "0 3 * * *",
    "59 23 * * *",
    "1 0,1,2,23 * * *",
    "0-59/7 0-23 * * *",
    "0 */2 * * *",
    "*/20 * * * *",
    "*/7 1-3 * * *",
    "* 2 * * *",
    "30 * * * *",
    "*/30 0 */2 * 0-6",
    "5 0-4/2 1-31 * sat,sun",
]


def transitions(name, first, last):
    return list(changes(ZoneInfo(name), utc(first, 1, 1), utc(last, 12, 31)))


def ours(expression, zone, start, end):
    return list(takewhile(lambda fire: fire <= end, cron_fires(expression, zone, start)))


@pytest.mark.parametrize(("name", "first", "last"), ZONES, ids=[name for name, *_ in ZONES])
@pytest.mark.parametrize("most", [3, pytest.param(8, marks=pytest.mark.soak)])  # changes
def test_fires_around_each_change_of_the_clock_as_debian_cron_does(debian, name, first, last, most):
    zone = ZoneInfo(name)
    chance = random.Random(name)
    found = transitions(name, first, last)
    assert found, "a zone without changes shows nothing"
    for change in found[:most]:
        window = debian.Window(zone, change - timedelta(hours=6), 12 * 60)
        begin, end = window.instants[0], window.instants[-1]
        random_one = (
            f"{chance.randrange(60)} {chance.randrange(5)} * * *"
            if chance.random() < 0.5
            else f"*/{chance.randrange(1, 40)} {chance.randrange(3)}-{chance.randrange(3, 24)} * * *"
        )
        for expression in [*EXPRESSIONS, random_one]:
            expected = window.fires(expression)
            assert ours(expression, zone, begin, end) == expected, (expression, change)
            # From any instant on, within doubled hours too, the same fires follow.
            for _ in range(2):
                start = chance.choice(window.instants) + timedelta(
                    seconds=chance.choice((0, 0, 30.5))
                )
                later = [fire for fire in expected if fire > start]
                assert ours(expression, zone, start, end) == later, (expression, start)


def random_field(chance, low, high, stars):
    if chance.random() < stars:
        return "*" if chance.random() < 0.6 else f"*/{chance.randrange(1, high + 2)}"
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    step = chance.randint(1, high)
    return chance.choice(
        [
            f"{first}",
            f"{first}-{last}",
            f"{first}-{last}/{step}",
            f"{first},{last}",
            f"{last},*/{step}",
        ]
    )


@pytest.mark.parametrize("windows", [10, pytest.param(1000, marks=pytest.mark.soak)])
def test_random_expressions_in_any_zone_fire_as_debian_cron_does(debian, windows):
    chance = random.Random(5)
    zones = sorted(available_timezones())
    while windows:
        name, year = chance.choice(zones), chance.randrange(1973, 2050)
        for change in transitions(name, year, year + 1):
            windows -= bool(windows)
            before = timedelta(hours=chance.randrange(2, 30))
            window = debian.Window(ZoneInfo(name), change - before, 40 * 60)
            for _ in range(4):
                late = 4 if chance.random() < 0.7 else 23  # most changes come by night
                ranges = ((0, 59, 0.4), (0, late, 0.4), (1, 31, 0.7), (1, 12, 0.9), (0, 7, 0.7))
                expression = " ".join(random_field(chance, *bounds) for bounds in ranges)
                start = chance.choice(window.instants)
                expected = [fire for fire in window.fires(expression) if fire > start]
                shown = (name, expression, start)
                assert ours(expression, ZoneInfo(name), start, window.instants[-1]) == expected, (
                    shown
                )


@pytest.mark.soak
def test_a_whole_year_in_new_york_is_right_minute_by_minute(debian):
    zone = ZoneInfo("America/New_York")
    window = debian.Window(zone, utc(2028, 1, 1), 366 * 24 * 60)
    for expression in ("30 2 * * *", "0 0 29 2 *", "*/45 1 * 3,11 0", "0 12 13 * 5"):
        assert ours(expression, zone, window.instants[0], window.instants[-1]) == window.fires(
            expression
        )


def test_a_lost_day_loses_its_fixed_fires_and_a_doubled_hour_does_not_double_them():
    apia = ZoneInfo("Pacific/Apia")  # 30 December 2011 was left out
    days = [
        fire.astimezone(apia).day
        for fire in ours("0 12 * * *", apia, utc(2011, 12, 28), utc(2012, 1, 1))
    ]
    assert days == [28, 29, 31, 1]
    berlin = ZoneInfo("Europe/Berlin")
    assert ours("30 2 * * *", berlin, utc(2026, 10, 24, 12), utc(2026, 10, 25, 12)) == [
        utc(2026, 10, 25, 0, 30)
    ]
    assert len(ours("30 * * * *", berlin, utc(2026, 10, 25, 0), utc(2026, 10, 25, 2))) == 2


def test_leap_days_come_every_four_years_except_in_2100():
    leap = cron_fires("0 0 29 2 *", UTC, utc(2089, 1, 1))
    assert [next(leap).year for _ in range(4)] == [2092, 2096, 2104, 2108]


def test_the_year_2038_is_a_year_like_any_other():
    berlin = ZoneInfo("Europe/Berlin")
    fires = ours("14 4 * * *", berlin, utc(2038, 1, 18), utc(2038, 1, 21))
    assert fires == [utc(2038, 1, 18, 3, 14), utc(2038, 1, 19, 3, 14), utc(2038, 1, 20, 3, 14)]
    summer = next(cron_fires("0 8 * 7 *", berlin, utc(2045, 1, 1)))
    assert summer == utc(2045, 7, 1, 6)


def test_a_date_that_never_comes_gives_no_fire_and_the_calendar_ends():
    assert list(cron_fires("0 0 30 2 *", UTC, utc(2026, 1, 1))) == []
    assert len(list(cron_fires("0 0 1 1 *", UTC, utc(9990, 1, 1)))) <= 9
    assert (
        len(list(cron_fires("* * 31 12 *", UTC, datetime(9998, 12, 31, 23, 58, tzinfo=UTC))))
        <= 1441
    )
