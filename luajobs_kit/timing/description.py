"""A schedule in words: "every Monday at 08:00, New York time"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from luajobs_kit.clock import Clock, SystemClock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, Schedule
from luajobs_kit.timing.crontab import Crontab, read_crontab
from luajobs_kit.timing.durations import describe_length
from luajobs_kit.timing.parse import parse_schedule
from luajobs_kit.timing.zones import zone_of

MOST_COUNTED: Final = 1_000
"""Missed fires that are counted; one more stands for all that there are beyond."""

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days
_MOST_TIMES: Final = 6  # times of day that are listed one by one
_MINUTES: Final = tuple(f":{minute:02}" for minute in range(60))


def describe(schedule: Schedule | Mapping[str, Any], *, clock: Clock | None = None) -> str:
    """Return the schedule in words. Raises ``InvalidInput`` when it is not valid.

    A once-schedule is described from now: "once, in 10 minutes (Mon 23 Nov 2026 14:10 CET)".
    """
    now = (clock or SystemClock()).now()
    valid = parse_schedule(schedule, now=now, check_past=False)
    match valid:
        case OnceSchedule():
            return _once(valid, now)
        case IntervalSchedule():
            start = f", counted from {_moment(valid.start, valid)}" if valid.start else ""
            return _interval(valid.seconds) + start
        case CronSchedule():
            return f"{_cron(read_crontab(valid.expression))}, {_zone(valid.timezone)}"


def describe_kept(schedule: Schedule) -> str:
    """Return a job's schedule in words, or as it is written where this machine cannot read it.

    A zone may be known to the engine's machine alone, and a file may have been edited by hand.
    """
    try:
        return describe(schedule)
    except InvalidInput:
        if isinstance(schedule, OnceSchedule):  # its zone only says how to show its time
            return describe(schedule.evolve(timezone=None))
        written = schedule.to_json()
        return f"{written.pop('type')} {', '.join(map(str, written.values()))}"


def describe_count(fires: int) -> str:
    """Return a number of fires in words: after a long outage they are not counted to the end."""
    return f"more than {MOST_COUNTED:,}" if fires > MOST_COUNTED else str(fires)


def _once(schedule: OnceSchedule, now: datetime) -> str:
    left = schedule.execute_at - now
    length = describe_length(timedelta(seconds=round(abs(left).total_seconds())))
    when = (
        "now"
        if length == "0 seconds"
        else f"in {length}"
        if left > timedelta(0)
        else f"{length} ago"
    )
    return f"once, {when} ({_moment(schedule.execute_at, schedule)})"


def _moment(moment: datetime, schedule: Schedule) -> str:
    local = moment.astimezone(zone_of(schedule))
    seconds = ":%S" if local.second else ""
    return f"{local:%a} {local.day} {local:%b %Y %H:%M{seconds} %Z}"


def _interval(seconds: float) -> str:
    if seconds == 86400:
        return "every 24 hours"  # a day may have 23 or 25
    length = describe_length(seconds)
    number, _, unit = length.partition(" ")
    return f"every {unit}" if number == "1" and " " not in unit else f"every {length}"


def _zone(name: str | None) -> str:
    if name in (None, "UTC"):
        return "UTC"
    area, _, city = str(name).rpartition("/")
    return f"{city.replace('_', ' ')} time" if area and not area.startswith("Etc") else str(name)


def _cron(crontab: Crontab) -> str:
    days, times = _days(crontab), _times(crontab)
    if _never(crontab):
        return f"never, for there is no such date: {times} {days}"
    if times.startswith("at "):
        return f"{times} {days}" if "," in days else f"{days} {times}"
    return times if days == "every day" else f"{times}, {days}"


def _times(crontab: Crontab) -> str:
    minutes, hours = crontab.minutes, crontab.hours
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return "at " + _join([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    past = "" if minutes == (0,) else f" at {_spans(minutes, _MINUTES)}"
    step = _step(hours)
    if len(minutes) == 1 and step and step > 1:
        round_the_clock = hours[0] == 0 and hours[-1] + step == 24
        return f"every {step} hours{past}" + ("" if round_the_clock else _from_to(minutes, hours))
    often = _step(minutes)
    each = "every minute" if often == 1 else f"every {often} minutes"
    if often and minutes[0] == 0 and minutes[-1] + often == 60:
        return each + _within(minutes, hours)
    if len(hours) == 1:
        if often:
            return each + _from_to(minutes, hours)
        return f"at {_spans(minutes, [f'{hours[0]:02}{minute}' for minute in _MINUTES])}"
    if often and len(minutes) > _MOST_TIMES:
        within = _within(minutes, hours)
        part = "" if within.startswith((" of", " in")) else " of every hour"
        return f"{each} from {_MINUTES[minutes[0]]} to {_MINUTES[minutes[-1]]}{part}{within}"
    return f"every hour{past}" + _within(minutes, hours)


def _within(minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(hours) == 24:
        return ""
    step = _step(hours)
    if step == 1 or len(hours) == 1:
        return _from_to(minutes, hours)
    if step and len(hours) > 3:
        return f" of every {_ordinal(step)} hour{_from_to(minutes, hours)}"
    return f" in the hours {_join([f'{hour:02}:00' for hour in hours])}"


def _from_to(minutes: Sequence[int], hours: Sequence[int]) -> str:
    return f" from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[-1]:02}"


def _step(numbers: Sequence[int]) -> int | None:
    """Return the one difference between neighbours, or None."""
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else None


def _days(crontab: Crontab) -> str:
    all_dates, all_weekdays = len(crontab.days) == 31, len(crontab.weekdays) == 7
    months = "" if len(crontab.months) == 12 else _spans(crontab.months, [*("",), *_MONTHS])
    if crontab.either_day and (all_dates or all_weekdays):
        all_dates = all_weekdays = True
    within = f" in {months}" if months else ""
    if all_dates and all_weekdays:
        return f"every day{within}"
    weekdays = _weekdays(crontab.weekdays)
    if all_dates:
        return f"{weekdays}{within}"
    dates = _dates(crontab, months)
    if all_weekdays:
        return dates
    if crontab.either_day:
        return f"{dates}, and {weekdays}{within}"
    only = weekdays.removeprefix("every ").replace(" and ", " or ")
    return f"{dates}, if it is {only}"


def _dates(crontab: Crontab, months: str) -> str:
    if len(crontab.days) == len(crontab.months) == 1:
        return f"every year on {crontab.days[0]} {months}"
    named = _spans(crontab.days, ["", *map(_ordinal, range(1, 32))])
    if len(crontab.days) > _MOST_TIMES and (step := _step(crontab.days)) and step > 1:
        named = f"{_ordinal(crontab.days[0])} and every {_ordinal(step)} day from there"
    return f"on the {named} of {months or 'each month'}"


def _weekdays(weekdays: Sequence[int]) -> str:
    # People's week begins on Monday.
    text = _spans(sorted(day or 7 for day in weekdays), [*_DAYS, _DAYS[0]])
    return text if " to " in text else f"every {text}"


def _spans(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Name numbers one by one, and three or more in a row by their first and last."""
    rows: list[list[int]] = []
    for number in numbers:
        if rows and rows[-1][-1] == number - 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    text = []
    for row in rows:
        if len(row) > 2:
            text.append(f"{names[row[0]]} to {names[row[-1]]}")
        else:
            text += [names[number] for number in row]
    return _join(text)


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _ordinal(number: int) -> str:
    ending = (
        {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number not in (11, 12, 13) else "th"
    )
    return f"{number}{ending}"


def _never(crontab: Crontab) -> bool:
    if crontab.either_day:
        return False
    return all(crontab.days[0] > _LONGEST_MONTHS[month - 1] for month in crontab.months)
