"""Parsing of schedules: our models and Lua's dicts become one model; a mistake is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NoReturn

from luajobs_kit.argument_help import nearest
from luajobs_kit.calendar_units import instead_of_unit
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, Schedule
from luajobs_kit.timing.builders import cron, read_interval
from luajobs_kit.timing.crontab import read_crontab
from luajobs_kit.timing.durations import LONGEST, describe_length, read_number
from luajobs_kit.timing.instants import read_instant
from luajobs_kit.timing.zones import zone_named

PAST_TOLERANCE: Final = timedelta(seconds=60)
"""How late a once-schedule may be when its job is created: clocks differ, and cells take a moment."""

_KEYS: Final = {
    "once": {"executeAt": True, "after": False, "timezone": False},
    "interval": {"seconds": True, "start": False},
    "cron": {"expression": True, "timezone": False},
}
_EXAMPLES: Final = {
    "once": '{"type": "once", "executeAt": datetime(…)} or once(minutes=10)',
    "interval": '{"type": "interval", "seconds": 300} or every(minutes=5)',
    "cron": '{"type": "cron", "expression": "0 9 * * *"} or cron("0 9 * * *")',
}
_OTHER_WORDS: Final = {
    "date": "once",
    "at": "once",
    "every": "interval",
    "repeat": "interval",
    "crontab": "cron",
}


def parse_schedule(value: Any, *, now: datetime, check_past: bool = True) -> Schedule:
    """Return a valid schedule from one of the models or a dict as Lua writes it.

    ``now`` is compared with ``executeAt`` when ``check_past``: what is more than 60 s in
    the past is refused. Leave that off when comparing with a job that exists already.

    Raises ``InvalidInput`` that names the key, the value and what to write instead.
    """
    if isinstance(value, OnceSchedule | IntervalSchedule | CronSchedule):
        schedule = _checked(value)
    elif isinstance(value, Mapping):
        schedule = _from_mapping(value)
    else:
        _refuse_other(value)
    if check_past and isinstance(schedule, OnceSchedule):
        _refuse_past(schedule.execute_at, now)
    return schedule


def _checked(schedule: Schedule) -> Schedule:
    # A model can be built by hand, past once(), every() and cron().
    if isinstance(schedule, CronSchedule):
        read_crontab(schedule.expression)
        zone_named(schedule.timezone)
    elif isinstance(schedule, IntervalSchedule):
        read_interval(schedule.seconds, "seconds")
    else:
        zone_named(schedule.timezone)
    return schedule


def _from_mapping(given: Mapping[Any, Any]) -> Schedule:
    kind = _kind(given)
    values = _values(given, kind)
    if kind == "cron":
        return cron(values["expression"], values.get("timezone"))
    if kind == "interval":
        seconds = read_interval(values["seconds"], "seconds")
        start = values.get("start")
        return IntervalSchedule(
            seconds=seconds, start=None if start is None else read_instant(start, "start")[0]
        )
    zone_name = values.get("timezone")
    if isinstance(zone_name, tzinfo):
        zone_name = str(zone_name)
    if zone_name is not None:
        zone_named(zone_name)
    after = values.get("after")
    if after is not None and not 0 <= (after := read_number(after, "after")) <= LONGEST:
        raise InvalidInput(
            f"after is {after:g} seconds; give 0 or more, up to 100 years.", field="after"
        )
    instant, zone_name = read_instant(values["executeAt"], "executeAt", zone_name)
    return OnceSchedule(execute_at=instant, after=after, timezone=zone_name)


def _kind(given: Mapping[Any, Any]) -> str:
    kind = given.get("type")
    if kind in _KEYS:
        return str(kind)
    if kind is None:
        fits = [
            name
            for name, keys in _KEYS.items()
            if next(iter(keys)) in {_camel(key) for key in given}
        ]
        advice = f'add "type": "{fits[0]}"' if fits else f"write {_EXAMPLES['once']}"
        raise InvalidInput(
            f'The schedule has no "type" (once, interval or cron); {advice}.', field="type"
        )
    word = kind.lower() if isinstance(kind, str) else ""
    close = _OTHER_WORDS.get(word) or next(iter(nearest(word, _KEYS)), None)
    advice = (
        f'did you mean "{close}", as in {_EXAMPLES[close]}?'
        if close
        else "it is once, interval or cron."
    )
    raise InvalidInput(
        f"Schedule type {shortened(kind)} is unknown; {advice}",
        field="type",
        value=shortened(kind),
    )


def _values(given: Mapping[Any, Any], kind: str) -> dict[str, Any]:
    allowed = _KEYS[kind]
    values = {}
    for written, value in given.items():
        key = _camel(written)
        if key == "type":
            continue
        if key not in allowed:
            _refuse_key(written, key, kind, value)
        values[key] = value
    for key, needed in allowed.items():
        if needed and values.get(key) is None:
            raise InvalidInput(
                f'A schedule of type "{kind}" needs "{key}": {_EXAMPLES[kind]}.', field=key
            )
    return values


def _refuse_key(written: object, key: str, kind: str, value: object) -> NoReturn:
    allowed = _KEYS[kind]
    advice = f'"{kind}" takes {", ".join(allowed)}'
    if instead := instead_of_unit({"interval": "every"}.get(kind, kind), key, value):
        advice = instead
    elif close := nearest(key, allowed):
        advice = f'did you mean "{close[0]}"'
    elif kind == "interval" and key in ("minutes", "hours", "days"):
        advice = f"an interval is in seconds; write them, or every({key}=…)"
    elif key in ("timezone", "tz"):
        advice = "only cron is read in a zone" if kind == "interval" else 'did you mean "timezone"'
    raise InvalidInput(f"Schedule key {shortened(written)} is unknown; {advice}.", field=key)


def _camel(key: object) -> str:
    head, *rest = (key if isinstance(key, str) else shortened(key)).split("_")
    return head + "".join(part.capitalize() for part in rest)


def _refuse_past(instant: datetime, now: datetime) -> None:
    late = now - instant
    if late > PAST_TOLERANCE:
        raise InvalidInput(
            f"executeAt {instant.isoformat()} is {describe_length(late)} in the past; give a later time, "
            "or once(seconds=0) to run at once.",
            field="executeAt",
            value=instant.isoformat(),
        )


def _refuse_other(value: object) -> NoReturn:
    if isinstance(value, str) and (value.startswith("@") or len(value.split()) >= 5):
        advice = f"for a cron expression write cron({value!r})"
    elif isinstance(value, timedelta):
        seconds = f"{value.total_seconds():g}"
        advice = f"write once(seconds={seconds}) or every(seconds={seconds})"
    elif isinstance(value, datetime):
        advice = "write once(at=…)"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = shortened(value)
        advice = f"write once(seconds={seconds}) or every(seconds={seconds})"
    else:
        advice = 'write once(minutes=10), every(minutes=5) or cron("0 8 * * 1")'
    raise InvalidInput(
        f"{shortened(value)} is not a schedule; {advice}.",
        field="schedule",
        value=shortened(value),
    )
