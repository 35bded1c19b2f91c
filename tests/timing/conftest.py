"""Debian's cron, minute by minute: slow, plain, and written without looking at ours.

The matching is that of cron's ``find_jobs`` over bit sets; the clock is that of its main
loop, with a virtual time that lags behind when local time jumps.
"""

import os
import time
from datetime import timedelta

import pytest
import tzlocal

MINUTE = timedelta(minutes=1)
THREE_HOURS = 3 * 60  # minutes; a larger jump is a clock being set, and not caught up with

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {
    3: dict(
        zip(
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
            range(1, 13),
            strict=True,
        )
    ),
    4: dict(zip(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], range(7), strict=True)),
}


class Entry:
    """One line of a crontab, as bit sets and the flags for fields that begin with a star."""

    def __init__(self, expression):
        fields = expression.lower().split()
        self.minute, self.hour, self.dom, self.month, self.dow = (
            self._bits(text, index) for index, text in enumerate(fields)
        )
        if self.dow & {0, 7}:
            self.dow |= {0, 7}
        self.wild = fields[0][0] == "*" or fields[1][0] == "*"
        self.day_star = fields[2][0] == "*" or fields[4][0] == "*"

    @staticmethod
    def _bits(text, index):
        low, high = _RANGES[index]
        names = _NAMES.get(index, {})
        bits = set()
        for item in text.split(","):
            span, _, step = item.partition("/")
            if span == "*":
                first, last = low, high
            else:
                first_text, _, last_text = span.partition("-")
                first = names.get(first_text) if first_text in names else int(first_text)
                last = first
                if last_text:
                    last = names.get(last_text) if last_text in names else int(last_text)
            bits.update(range(first, last + 1, int(step or 1)))
        return bits

    def matches(self, local):
        if local.minute not in self.minute or local.hour not in self.hour:
            return False
        if local.month not in self.month:
            return False
        dom, dow = local.day in self.dom, local.isoweekday() % 7 in self.dow
        return (dom and dow) if self.day_star else (dom or dow)


class Window:
    """A span of instants, with the local time of each minute worked out once."""

    def __init__(self, zone, start, minutes):
        self.instants = [start + number * MINUTE for number in range(minutes)]
        self.locals = [
            instant.astimezone(zone).replace(tzinfo=None, fold=0) for instant in self.instants
        ]

    def fires(self, expression):
        """Return the instants at which cron, running since the window's start, starts the job."""
        entry = Entry(expression)
        found = []
        virtual = self.locals[0]
        for instant, running in zip(self.instants[1:], self.locals[1:], strict=True):
            lag = (running - virtual) // MINUTE
            if lag == 1 or abs(lag) > THREE_HOURS + 1:  # as usual, or the clock was set
                virtual = running
                due = entry.matches(running)
            elif lag > 0:  # jumped forward: wildcard jobs once, fixed ones for all that was skipped
                due = entry.wild and entry.matches(running)
                while virtual < running:
                    virtual += MINUTE
                    due = due or (not entry.wild and entry.matches(virtual))
            else:  # went back: wildcard jobs only, until virtual time is caught up with
                due = entry.wild and entry.matches(running)
            if due:
                found.append(instant)
        return found


class LocalTime:
    """The zone of this process, as a value of TZ gives it."""

    def __init__(self, patch):
        self._patch = patch

    def set(self, value):
        if value is None:
            self._patch.delenv("TZ", raising=False)
        else:
            self._patch.setenv("TZ", value)
        time.tzset()
        for cached in ("_cache_tz", "_cache_tz_name"):
            self._patch.setattr(tzlocal.unix, cached, None)


@pytest.fixture
def local_time(monkeypatch):
    """Set the zone of this process: ``local_time.set("Europe/Berlin")``."""
    before = os.environ.get("TZ")
    zone = LocalTime(monkeypatch)
    yield zone
    zone.set(before)


@pytest.fixture(scope="session")
def debian():
    """Give the oracle: ``debian.Entry`` reads a line, ``debian.Window`` runs one."""
    return _Debian


class _Debian:
    Entry = Entry
    Window = Window
