"""Time zones: by name, the caller's own, and the instants at which their offsets change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import tzlocal

from luajobs_kit.argument_help import nearest
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import IntervalSchedule, Schedule
from luajobs_kit.timing.durations import describe_length

_DAY: Final = timedelta(days=1)
_HALF_A_YEAR: Final = timedelta(days=182)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)

# What people write for a zone; an abbreviation names an offset, not the place that has rules.
_ABBREVIATIONS: Final = {
    "z": "UTC",
    "zulu": "UTC",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "mdt": "America/Denver",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "edt": "America/New_York",
    "bst": "Europe/London",
    "cest": "Europe/Berlin",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
}
_FIXED: Final = re.compile(
    r"(?:(?:UTC|GMT|UT)\s*([+-]?)|([+-]))\s*(\d{1,2})(?::?([0-5]\d))?",
    re.ASCII | re.IGNORECASE,
)
"""A fixed distance from UTC: ``UTC+2``, ``GMT-05:30``, ``+0200``."""
# Files that lie among the zones and depend on the machine.
_NOT_ZONES: Final = ("posix/", "right/", "localtime", "posixrules", "Factory")


def zone_named(name: str | None) -> tzinfo:
    """Return the zone of that IANA name; None is UTC. Raises ``InvalidInput`` with near names."""
    if name is None or name == "UTC":
        return UTC
    if isinstance(name, str) and not name.startswith(_NOT_ZONES):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown, malformed, a folder
            pass
    raise InvalidInput(
        f"timezone {shortened(name)} is not a known time zone{_advice(name)}.",
        field="timezone",
        value=shortened(name),
        close=_close(name) if isinstance(name, str) else [],
    )


def _advice(name: object) -> str:
    if fixed := _FIXED.fullmatch(_text_of(name)):
        sign, alone, hours, minutes = fixed.groups()
        return f"; {_at_fixed_offset(sign or alone or '+', int(hours), int(minutes or 0))}"
    if not isinstance(name, str):
        return '; give an IANA name in quotes, such as "America/New_York"'
    if near := _close(name):
        return f"; did you mean {' or '.join(near)}"
    return '; give an IANA name, such as "America/New_York" or "Europe/Berlin"'


def _text_of(name: object) -> str:
    """Return a name, or that of a fixed offset: ``UTC+01:00``; nothing else has one."""
    return str(name).strip() if isinstance(name, str | timezone) else ""


def _at_fixed_offset(sign: str, hours: int, minutes: int) -> str:
    """Say which zone is always that far from UTC."""
    ahead = sign == "+"
    offset = timedelta(hours=hours, minutes=minutes)
    if not offset:
        return 'write "UTC"'
    distance = f"{describe_length(offset)} {'ahead of' if ahead else 'behind'} UTC all year"
    # POSIX counts west of Greenwich: the names have the sign that nobody expects.
    whole = f"Etc/GMT{'-' if ahead else '+'}{hours}"
    if not minutes and whole in available_timezones():
        return f'write "{whole}" for {distance} (its sign is the other way round), or name a place, such as "Europe/Berlin"'
    if zones := _always_at(offset if ahead else -offset):
        return f"{distance} is {' or '.join(zones)}"
    return f'no zone is {distance}; name a place, such as "Europe/Berlin"'


def _always_at(offset: timedelta) -> list[str]:
    """Return up to three places that keep that offset in every month of this year."""
    year = datetime.now(UTC).year
    months = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    places = (
        zone
        for zone in sorted(available_timezones())
        if "/" in zone and not zone.startswith(("Etc/", *_NOT_ZONES))
    )
    keeping = (
        zone
        for zone in places
        if all(month.astimezone(ZoneInfo(zone)).utcoffset() == offset for month in months)
    )
    return list(islice(keeping, 3))


def _close(name: str) -> list[str]:
    key = name.strip().lower().replace(" ", "_")
    if _FIXED.fullmatch(name.strip()):
        return []
    if key in _ABBREVIATIONS:
        return [_ABBREVIATIONS[key]]
    known = {
        zone.lower(): zone
        for zone in available_timezones()
        if not zone.startswith(("Etc/", *_NOT_ZONES))
    }
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(known)}
    if key in known:
        return [known[key]]
    if key in cities:
        return [known[cities[key]]]
    near = nearest(key, known.values(), most=3, cutoff=0.75)
    near += [known[cities[city]] for city in nearest(key, cities, most=2, cutoff=0.75)]
    return list(dict.fromkeys(near))[:3]


def local_zone() -> tuple[tzinfo, str | None]:
    """Return the caller's own zone and its IANA name (None when the system does not name one).

    A name is believed only where its offset is the process's own, now and in half a year: a value
    of TZ in POSIX's form, such as ``UTC+3`` (three hours west) or ``EST5EDT``, looks like a name,
    and the process may have read TZ before it was changed.
    """
    now = datetime.now(UTC)
    try:
        name = tzlocal.get_localzone_name()
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        name = None
    else:
        for moment in (now, now + _HALF_A_YEAR):
            if moment.astimezone(zone).utcoffset() != moment.astimezone().utcoffset():
                name = None
    return (now.astimezone().tzinfo or UTC, None) if name is None else (zone, name)


def zone_of(schedule: Schedule) -> tzinfo:
    """Return the zone a schedule is shown in: its own, and the caller's for an interval."""
    return (
        local_zone()[0] if isinstance(schedule, IntervalSchedule) else zone_named(schedule.timezone)
    )


def first_change(zone: tzinfo, after: datetime, until: datetime) -> datetime | None:
    """Return the first instant in (after, until] at which the zone's offset changes, or None."""
    for year in range(after.year, until.year + 1):
        for change in _changes(zone, year):
            if after < change <= until:
                return change
    return None


def changes(zone: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the instants in (after, until] at which the zone's offset changes."""
    for year in range(after.year, until.year + 1):
        yield from (change for change in _changes(zone, year) if after < change <= until)


@lru_cache(maxsize=4096)
def _changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    # zoneinfo does not tell its transitions. No zone has changed and changed back within a day.
    if zone is UTC or not MINYEAR < year < MAXYEAR - 1:
        return ()
    found = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    offset = day.astimezone(zone).utcoffset()
    while day.year == year:
        following = day + _DAY
        changed = following.astimezone(zone).utcoffset()
        if changed != offset:
            found.append(_bisect(zone, day, following))
            offset = changed
        day = following
    return tuple(found)


def _bisect(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the second, in (before, after], at which the later offset begins."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def local_time(instant: datetime, zone: tzinfo) -> datetime:
    """Return what local clocks read at an instant, as a naive datetime."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def around_change(change: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return what local clocks would have read at a change, and what they read (both naive)."""
    before = (change - _MINUTE).astimezone(zone).utcoffset()
    assert before is not None
    return (change + before).replace(tzinfo=None), local_time(change, zone)
