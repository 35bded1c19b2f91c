"""The grammar of a cron expression: what Debian cron's parser accepts, and words for what it refuses.

An expression is read into plain sets of numbers here, so croniter never sees text we did
not write ourselves: its own parser accepts more (``R R * * *`` is random, ``5-5`` is every
minute), and reads some of it otherwise than cron does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn

from luajobs_kit.errors import InvalidInput
from luajobs_kit.timing.zones import zone_named

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MAX_LENGTH: Final = 1000  # characters; a list of all 60 minutes takes 170
_BLANKS: Final = " \t"
_SIX: Final = 6  # fields, when seconds stand in front
_SEVEN: Final = 7  # fields, with seconds in front and a year behind
_STEPPED: Final = re.compile(r"[*/0-9]+", re.ASCII)
_EACH_SECONDS: Final = re.compile(r"\*(?:/([1-9][0-9]?))?")
_BEHIND: Final = re.compile(rf"20[0-9]{{2}}|#.*|/.*|(?!{'|'.join(WEEKDAYS)})[a-z_][\w-]{{2,}}")
"""What stands behind five fields, and is no field: a year, a comment, a command, a crontab's user."""
_ZONE_IN_FRONT: Final = re.compile(
    r"(?:CRON_)?TZ\s*=\s*[\"']?(?P<zone>[^\s\"']+)[\"']?[\s;]+(?P<fields>.+)", re.IGNORECASE
)
_ZONE_BEHIND: Final = re.compile(
    r"(?P<fields>@\w+|\S+(?:[ \t]+\S+){4})[ \t]+(?P<zone>[A-Z]\w+/[\w/+-]+|UTC)"
)
_EVERY: Final = re.compile(
    r"@every[ \t]+(?=\d)(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?", re.ASCII
)
_LAST: Final = re.compile(rf"(?:[0-7]|{'|'.join(WEEKDAYS)})?l")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Crontab:
    """A cron expression, read. Weekdays are 0 (Sunday) to 6."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    fixed: bool
    """Neither minute nor hour begins with ``*``: cron runs it once for each local time."""
    either_day: bool
    """A day matches by its date *or* its weekday: when neither field begins with ``*``."""
    text: tuple[str, str, str, str, str]
    """The five fields as written, macros expanded, names in lower case."""


@lru_cache(maxsize=2048)
def read_crontab(expression: str) -> Crontab:
    """Return what a cron expression means. Raises ``InvalidInput`` that names the field and value."""
    fields = _split(expression)
    minutes, hours, days, months, weekdays = (
        _read_field(text, field, expression) for text, field in zip(fields, _FIELDS, strict=True)
    )
    return Crontab(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=tuple(sorted(days)),
        months=tuple(sorted(months)),
        weekdays=tuple(sorted({day % 7 for day in weekdays})),
        fixed=not (fields[0].startswith("*") or fields[1].startswith("*")),
        either_day=not (fields[2].startswith("*") or fields[4].startswith("*")),
        text=fields,
    )


def _split(expression: str) -> tuple[str, str, str, str, str]:
    if len(expression) > _MAX_LENGTH:
        raise _refused(
            f"{len(expression)} characters", f"a cron expression has at most {_MAX_LENGTH}"
        )
    text = expression.strip(_BLANKS)
    if not text:
        raise _refused(
            expression, 'it is empty; write five fields, such as "0 8 * * 1" for Mondays at 8'
        )
    if zoned := _ZONE_IN_FRONT.fullmatch(text) or _ZONE_BEHIND.fullmatch(text):
        _refuse_zone(expression, zoned["zone"], zoned["fields"])
    if text.startswith("@"):
        text = _expand(text)
    if unusual := next(
        (char for char in text if not (char.isascii() and char.isprintable()) and char != "\t"),
        None,
    ):
        raise _refused(expression, f"{unusual!r} has no place in it; fields are parted by blanks")
    fields = text.lower().replace("\t", " ").split()
    if len(fields) != len(_FIELDS):
        _refuse_count(expression, fields)
    minute, hour, day, month, weekday = fields
    return minute, hour, day, month, weekday


def _refuse_zone(expression: str, zone: str, fields: str) -> NoReturn:
    zone_named(zone)  # one that does not exist is told first
    read_crontab(fields)
    raise _refused(
        expression, f'the zone is given apart from the fields: write "{fields}", timezone="{zone}"'
    )


def _expand(macro: str) -> str:
    if macro in MACROS:
        return MACROS[macro]
    if length := _EVERY.fullmatch(macro.lower()):  # as Go's cron has it
        given = {name: amount for name, amount in length.groupdict().items() if amount}
        options = ", ".join(f"{name}={amount}" for name, amount in given.items())
        raise _refused(macro, f"that is an interval: write every({options})")
    if macro.lower() == "@reboot":
        raise _refused(
            macro, "a job has no machine to start with; use once(seconds=1) to run at once"
        )
    if macro.lower() in MACROS:
        raise _refused(macro, f"cron's short forms are in lower case; write {macro.lower()}")
    raise _refused(macro, f"the short forms are {', '.join(MACROS)}")


def _refuse_count(expression: str, fields: list[str]) -> NoReturn:
    if len(fields) in (_SIX, _SEVEN):
        # Quartz, Spring and node-cron write seconds in front; Quartz a year behind.
        six = len(fields) == _SIX
        what = f"it has {'six' if six else 'seven'} fields; cron has five, without seconds"
        what += "" if six else " or a year"
        if (step := _EACH_SECONDS.fullmatch(fields[0])) and set(fields[1:]) <= {"*", "?"}:
            raise _refused(expression, f"{what}. Write every(seconds={step[1] or 1}) instead")
        if five := _accepted(fields[1:6]):
            raise _refused(
                expression,
                f'{what}. If the first field is seconds, write "{five}", '
                "or every(seconds=…) for what runs more often than each minute",
            )
    count = f"it has {len(fields)} field{'s' * (len(fields) != 1)} where cron has five"
    behind = len(fields) > len(_FIELDS) and _BEHIND.fullmatch(fields[5])
    if behind and (five := _accepted(fields[:5])):
        rest = " ".join(fields[5:])
        rest = rest if len(rest) <= 40 else rest[:39] + "…"
        raise _refused(expression, f'{count}. Without "{rest}" it is one: write "{five}"')
    raise _refused(
        expression,
        f'{count}: minute, hour, day of month, month, day of week ("0 8 * * 1" is Mondays at 8)',
    )


def _accepted(fields: list[str]) -> str | None:
    """Return these fields as an expression that is accepted, or None: no advice is better than wrong advice."""
    text = " ".join(fields).replace("?", "*")
    try:
        read_crontab(text)
    except InvalidInput:
        return None
    return text


def _read_field(text: str, field: _Field, expression: str) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        found.update(_read_item(item, text, field, expression))
    return found


def _read_item(item: str, text: str, field: _Field, expression: str) -> range:
    if not item:
        raise _refused(expression, f'{field.name} "{text}" has a comma with nothing beside it')
    if "?" in item:
        raise _refused(expression, f'{field.name} "?" is written "*" in cron')
    span, slash, step_text = item.partition("/")
    step = _read_step(step_text, item, field, expression) if slash else 1
    if span == "*":
        return range(field.low, field.high + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _read_number(first_text, item, field, expression)
    if not dash:
        if slash:
            start = 0 if first > _highest(field) else first
            raise _refused(
                expression,
                f'{field.name} "{item}" is read in different ways by different crons; '
                f'write "{start}-{_highest(field)}/{step}" to count from {first}, '
                f'or "*/{step}"',
            )
        return range(first, first + 1)
    last = _read_number(last_text, item, field, expression)
    if first > last:
        written = _forwards(first, last, step, field)
        also = "Sunday is also 7: " if field.names == WEEKDAYS and last == 0 else ""
        raise _refused(expression, f'{field.name} "{item}" runs backwards; {also}write "{written}"')
    return range(first, last + 1, step)


def _forwards(first: int, last: int, step: int, field: _Field) -> str:
    """Return what a range that runs over the field's end means, as cron takes it."""
    highest = _highest(field)
    if field.names == WEEKDAYS:  # Sunday is 0 where a range begins, and 7 where it ends
        first %= 7
        last = last or (7 if first else 0)
    if first <= last:
        return _span(range(first, last + 1, step))
    before = range(first, highest + 1, step)
    after = range(before[-1] + step - highest - 1 + field.low, last + 1, step)
    return ",".join(_span(span) for span in (before, after) if span)


def _highest(field: _Field) -> int:
    """Return the last value that is not another name of the first one: Sunday is 0 and 7."""
    return 6 if field.names == WEEKDAYS else field.high


def _span(span: range) -> str:
    if len(span) == 1:
        return str(span[0])
    if span.step == 1:
        return f"{span[0]}-{span[-1]}"
    return f"{span[0]}-{span[-1]}/{span.step}"


def _read_step(text: str, item: str, field: _Field, expression: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _refused(expression, f'{field.name} "{item}" needs a whole number after "/"')
    step = int(text)
    if step == 0:
        raise _refused(expression, f'{field.name} "{item}" has step 0; a step is at least 1')
    return step


def _read_number(text: str, item: str, field: _Field, expression: str) -> int:
    if text.isascii() and text.isdigit():
        number = int(text)
        if field.low <= number <= field.high:
            return number
        note = ' ("24" is "0" of the next day)' if (field.name, number) == ("hour", 24) else ""
        raise _refused(
            expression,
            f"{field.name} {number} is outside {field.low}–{field.high}{note}",  # noqa: RUF001 - a range
        )
    if text in field.names:
        return field.low + field.names.index(text)
    last = field.names == WEEKDAYS and _LAST.fullmatch(text)
    if not last and field.names and (short := text[:3]) in field.names and text.isalpha():
        raise _refused(
            expression, f'{field.name} "{text}" is written with three letters: "{short}"'
        )
    raise _refused(expression, f'{field.name} "{item}" {_foreign(text, field)}')


def _foreign(text: str, field: _Field) -> str:
    """Say what is meant by what other crons allow and this one does not."""
    if "#" in text:
        return 'is not cron: "#" (the n-th weekday) is unknown to it; test the date in the job'
    if text.endswith("w") or _LAST.fullmatch(text) or re.fullmatch("l[0-9]+", text):
        return 'is not cron: "L" and "W" (last day, nearest workday) are unknown to it; test the date in the job'
    if text.startswith(("h", "r")) and _STEPPED.fullmatch(text[1:] or "*"):
        return 'is not cron: "H" and "R" (hashed, random) are unknown to it; use the jitter option'
    if text.startswith("*") or "*" in text:
        return 'is not cron: "*" stands alone or before a step, as in "*/5"'
    if "-" in text or text.startswith("-") or not text:
        return "is not a range of two numbers, such as 1-5"
    named = f" or {field.names[0]}…{field.names[-1]}" if field.names else ""
    return f"is not a number {field.low}–{field.high}{named}"  # noqa: RUF001 - a range


def _refused(expression: str, why: str) -> InvalidInput:
    shown = expression if len(expression) <= 60 else expression[:57] + "…"
    return InvalidInput(f"cron {shown!r}: {why}.", field="expression", value=shown)
