"""Instants as people write them: datetimes and ISO-8601 text, read into UTC."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, tzinfo
from numbers import Real
from zoneinfo import ZoneInfo

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.timing.zones import local_zone, zone_named


def read_instant(
    value: object, field: str, zone_name: str | None = None
) -> tuple[datetime, str | None]:
    """Return the instant in UTC and the IANA zone it was written in (None when it names none).

    A naive datetime is in ``zone_name``, or in the caller's local time. Raises
    ``InvalidInput`` for naive text, for numbers, and for a local time that the clock skips.
    """
    if isinstance(value, str):
        return _read_text(value, field), zone_name
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return _from_local(value, field, zone_name)
        return _in_utc(value, field), zone_name or _name_of(value.tzinfo)
    if isinstance(value, date):
        raise InvalidInput(
            f"{field} {value} is a date without a time; write a datetime, such as "
            f"datetime({value.year}, {value.month}, {value.day}, 9, 0).",
            field=field,
            value=str(value),
        )
    raise InvalidInput(f"{field} {_foreign(value)}.", field=field, value=shortened(value))


def _foreign(value: object) -> str:
    if value is None:
        return "is missing; give a datetime"
    if isinstance(value, Real) and not isinstance(value, bool):
        guess = ""
        number = float(value) if -1e300 < value < 1e300 else 0.0  # type: ignore[operator]  # a real number
        if 1e11 < number < 1e14:
            when = datetime.fromtimestamp(number / 1000, UTC)
            guess = f" (as JavaScript's milliseconds it would be {when:%Y-%m-%d %H:%M:%S} UTC)"
        return (
            f"{shortened(value)} is a number, which may count seconds or milliseconds{guess}; write a datetime, "
            "such as datetime.fromtimestamp(seconds, tz=UTC), or ISO text with an offset"
        )
    return f"{shortened(value)} is neither a datetime nor ISO text"


def _read_text(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            f'{field} {text!r} is not an ISO-8601 time; write it as "2026-12-25T09:00:00+01:00" or with Z for UTC.',
            field=field,
            value=text,
        ) from None
    if moment.tzinfo is None:
        _refuse_beyond(moment, field)
        local = moment.astimezone().isoformat()
        raise InvalidInput(
            f"{field} {text!r} does not say in which zone; write {local!r} if you mean your local time, "
            f"or {moment.isoformat() + 'Z'!r} for UTC.",
            field=field,
            value=text,
        )
    return _in_utc(moment, field)


def _from_local(moment: datetime, field: str, zone_name: str | None) -> tuple[datetime, str | None]:
    _refuse_beyond(moment, field)
    zone, name = (zone_named(zone_name), zone_name) if zone_name else local_zone()
    if name is None:
        zone = moment.astimezone().tzinfo or UTC  # unnamed: the offset the system has at that time
    instant = _in_utc(moment.replace(tzinfo=zone), field)
    back = instant.astimezone(zone).replace(tzinfo=None, fold=moment.fold)
    if back != moment:
        raise InvalidInput(
            f"{field} {moment} does not exist in {name or 'your local time'}: clocks are put forward over it. "
            f"The next moment that exists is {back}.",
            field=field,
            value=str(moment),
        )
    return instant, name


def _in_utc(moment: datetime, field: str) -> datetime:
    _refuse_beyond(moment, field)
    return moment.astimezone(UTC)


def _refuse_beyond(moment: datetime, field: str) -> None:
    # Of the first and the last year some instants lie beyond Python's calendar in other zones.
    if not MINYEAR < moment.year < MAXYEAR:
        raise InvalidInput(
            f"{field} {moment} is beyond the calendar.", field=field, value=str(moment)
        )


def _name_of(zone: tzinfo) -> str | None:
    if zone is UTC:
        return "UTC"
    return zone.key if isinstance(zone, ZoneInfo) else None
