"""The query language for jobs: one line that says which of them are meant, the same on every face.

A query is words and terms, parted by blanks; a job is meant when all of them hold.

=================  ==========================================================================
``report``         the name contains it, whatever the case; with ``*`` it is the whole name
``name:daily-*``   likewise, where the name looks like a term
``status:failed``  how the job stands, or how its last run ended
``user:alice``     whose job it is; ``user:none`` for the agent's own
``schedule:cron``  ``once``, ``interval`` or ``cron``
``next:<1h``       its next fire is sooner than that; ``>`` later
``last:>5m``       its last run was longer ago than that; ``<`` not so long
``is:late``        its last run began late, or its next fire is overdue; also ``is:running``,
                   ``is:waiting``, ``is:retrying``
=================  ==========================================================================

``-`` in front negates a term, a comma in it means "or" (``status:failed,timeout``), and quotes hold
blanks together (``name:"team meeting"``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, get_args

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model.execution import ExecutionStatus
from luajobs_kit.model.job import Job, JobStatus

STATUSES: Final = tuple(dict.fromkeys((*get_args(JobStatus), *get_args(ExecutionStatus))))
SCHEDULES: Final = ("once", "interval", "cron")

Condition = Callable[[Job, datetime], bool]
"""Whether a term holds for a job at a moment."""

_TERM: Final = re.compile(r'(?P<not>-)?(?:(?P<field>[A-Za-z]+):)?(?P<value>(?:"[^"]*"|[^\s"])*)')
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class JobQuery:
    """A query that was read. Make one with ``JobQuery.parse``."""

    text: str
    _conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str) -> JobQuery:
        """Read a query; the empty one means every job.

        Raises ``InvalidInput`` for what is none, with the place (``at``, characters from 0) and what
        may have been meant.
        """
        conditions, at = [], 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            found = _TERM.match(text, at)
            assert found is not None  # the pattern matches the empty text, too
            if found.end() < len(text) and text[found.end()] == '"':
                raise _wrong(text, found.end(), "a quote is open; close it")
            conditions.append(_condition(text, found))
            at = found.end()
        return cls(text, tuple(conditions))

    def matches(self, job: Job, now: datetime) -> bool:
        """Return whether the job is meant, at the moment ``now``."""
        return all(holds(job, now) for holds in self._conditions)


def complete_query(text: str, users: Iterable[str] = ()) -> list[str]:
    """Return whole queries that ``text`` may become, by what its last term begins with."""
    before, _, last = text.rpartition(" ")
    before = f"{before} " if before else ""
    sign = "-" if last.startswith("-") else ""
    field, colon, value = last.removeprefix("-").partition(":")
    if not colon:
        names = [f"{name}:" for name in _READERS]
        return [f"{before}{sign}{name}" for name in names if field and name.startswith(field)]
    values = {
        "status": STATUSES,
        "schedule": SCHEDULES,
        "is": tuple(_STATES),
        "user": ("none", *(user.removeprefix("user_") for user in users)),
        "next": ("<1h", "<1d", ">1d"),
        "last": ("<1h", ">1h", ">1d"),
    }.get(field, ())
    whole, comma, part = value.rpartition(",")
    return [
        f"{before}{sign}{field}:{whole}{comma}{each}" for each in values if each.startswith(part)
    ]


def _condition(text: str, found: re.Match[str]) -> Condition:
    """Return the condition that one term sets."""
    field, value, at = found["field"] or "name", found["value"], found.start("value")
    if not value:
        what = f'"{found["field"]}:" says nothing' if found["field"] else '"-" negates nothing'
        raise _wrong(text, found.start(), f"{what}; write it on, or leave it out")
    read = _READERS.get(field.lower())
    if read is None:
        hint = did_you_mean(field, _READERS)
        raise _wrong(
            text,
            found.start("field"),
            f'"{field}:" is unknown; there are {", ".join(f"{name}:" for name in _READERS)}.{hint}',
        )
    conditions = [read(text, at, each) for each in _alternatives(value)]
    wanted = found["not"] is None
    return lambda job, now: any(holds(job, now) for holds in conditions) is wanted


def _alternatives(value: str) -> list[str]:
    """Return the parts between commas, but for those in quotes, without the quotes."""
    parts = re.findall(r'((?:"[^"]*"|[^,"])+)', value)
    return [part.replace('"', "") for part in parts]


def _name(_text: str, _at: int, value: str) -> Condition:
    wanted = value.casefold()
    if "*" in wanted:
        return lambda job, _: _is_like(job.name.casefold(), wanted)
    return lambda job, _: wanted in job.name.casefold()


def _user(_text: str, _at: int, value: str) -> Condition:
    wanted = value.casefold().removeprefix("user_")
    if wanted == "none":
        return lambda job, _: job.user_id is None
    return lambda job, _: (
        job.user_id is not None and _is_like(job.user_id.casefold().removeprefix("user_"), wanted)
    )


def _is_like(text: str, pattern: str) -> bool:
    # Of a shell's patterns only ``*`` is meant: brackets and question marks are in names.
    return fnmatchcase(text, re.sub(r"[\[?]", r"[\g<0>]", pattern))


def _status(text: str, at: int, value: str) -> Condition:
    wanted = _one_of(text, at, value, STATUSES)
    return lambda job, _: (
        job.status == wanted
        or (job.last_execution is not None and job.last_execution.status == wanted)
    )


def _schedule(text: str, at: int, value: str) -> Condition:
    wanted = _one_of(text, at, value, SCHEDULES)
    return lambda job, _: (
        job.active_version is not None and job.active_version.schedule.type == wanted
    )


def _next(text: str, at: int, value: str) -> Condition:
    sooner, span = _compared(text, at, value)

    def holds(job: Job, now: datetime) -> bool:
        left = None if job.next_run_at is None else job.next_run_at - now
        return left is not None and (left < span if sooner else left > span)

    return holds


def _last(text: str, at: int, value: str) -> Condition:
    sooner, span = _compared(text, at, value)

    def holds(job: Job, now: datetime) -> bool:
        ago = None if job.last_run_at is None else now - job.last_run_at
        return ago is not None and (ago < span if sooner else ago > span)

    return holds


def _compared(text: str, at: int, value: str) -> tuple[bool, timedelta]:
    """Return whether less than the length is meant, and the length."""
    sign, length = value[:1], value[1:]
    spans = _SPAN.findall(length)
    if sign not in "<>" or not spans or "".join(map("".join, spans)) != length:
        raise _wrong(
            text, at, f'"{value}" is no comparison with a length of time; write <1h, >5m, <1d12h'
        )
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in spans)
    try:
        return sign == "<", timedelta(seconds=seconds)
    except OverflowError:
        raise _wrong(text, at, f'"{length}" is longer than any time there is') from None


def _is(text: str, at: int, value: str) -> Condition:
    return _STATES[_one_of(text, at, value, _STATES)]


def _is_late(job: Job, now: datetime) -> bool:
    overdue = job.next_run_at is not None and job.next_run_at < now - timedelta(seconds=1)
    return overdue or (job.last_execution is not None and bool(job.last_execution.lateness))


def _is_running(job: Job, _now: datetime) -> bool:
    return job.last_execution is not None and job.last_execution.status == "running"


def _is_waiting(job: Job, _now: datetime) -> bool:
    run = job.last_execution
    return run is not None and run.status == "pending" and not run.attempts


def _is_retrying(job: Job, _now: datetime) -> bool:
    run = job.last_execution
    return run is not None and run.status == "pending" and bool(run.attempts)


def _one_of(text: str, at: int, value: str, known: Iterable[str]) -> str:
    if value.lower() in (names := list(known)):
        return value.lower()
    hint = did_you_mean(value, names)
    raise _wrong(text, at, f'"{value}" is none of {", ".join(names)}.{hint}')


def _wrong(text: str, at: int, problem: str) -> InvalidInput:
    return InvalidInput(
        f"The query {text!r} cannot be read at character {at + 1}: {problem}",
        query=text,
        at=at,
        problem=problem,
    )


_STATES: Final[dict[str, Condition]] = {
    "late": _is_late,
    "running": _is_running,
    "waiting": _is_waiting,
    "retrying": _is_retrying,
}
_READERS: Final[dict[str, Callable[[str, int, str], Condition]]] = {
    "name": _name,
    "status": _status,
    "user": _user,
    "schedule": _schedule,
    "next": _next,
    "last": _last,
    "is": _is,
}
