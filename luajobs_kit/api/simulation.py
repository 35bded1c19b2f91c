"""Result of a simulation, as a notebook shows it: a timeline, and tables of what happened."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from luajobs_kit.api._html import table
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import EntryChange, Execution, Simulation
from luajobs_kit.timing import describe_count
from luajobs_kit.timing.instants import read_instant

DEFAULT_DAYS: Final = 7.0
SHOWN: Final = 20  # runs, messages and changes, in the tables; the attributes hold all
NAMED: Final = 5  # most jobs named in the note about executions that are left out
LANES: Final = 30  # jobs on the timeline
WIDTH: Final = 240  # marks side by side; runs closer than that share one

_COLOURS: Final[Mapping[str, str]] = {"completed": "#2a9d5c", "pending": "#888", "running": "#888"}
_BAD: Final = "#d1495b"  # whatever else a run ended as


class SimulationResult(Simulation):
    """The runs, messages and changes of data of a simulation; a notebook shows its timeline.

    ``executions messages changes skipped logs refused`` are in order of time; ``stopped``
    says which bound ended it early, None when none did. What was running when it began is
    in ``left_out``, and nowhere else.
    """

    @staticmethod
    def of(found: Simulation) -> SimulationResult:
        """Return what was found, to be shown."""
        return SimulationResult.model_construct(**vars(found))

    @property
    def summary(self) -> str:
        """What was found, in one line."""
        statuses = Counter(run.status for run in self.executions).most_common()
        runs = ", ".join(f"{count} {status}" for status, count in statuses) or "nothing fires"
        missed = sum(event.count for event in self.skipped)
        parts = [
            f"{_time(self.start)} to {_time(self.end)}: {runs}",
            f"{describe_count(missed)} fires not run" if missed else "",
            f"{len(self.messages)} messages",
            f"{len(self.changes)} entries changed",
            left_out(self),
            f"ended early, {self.stopped}" if self.stopped else "",
        ]
        return "; ".join(filter(None, parts))

    def __repr__(self) -> str:
        return f"<SimulationResult {self.summary}>"

    def _repr_html_(self) -> str:
        rows = [
            [_time(run.fire_time or run.created_at), run.job_name, run.status, _why(run)]
            for run in sorted(self.executions, key=lambda run: run.status == "completed")[:SHOWN]
        ]
        parts = [f"<strong>{escape(self.summary)}</strong>", self._timeline()]
        if rows:
            left = len(self.executions) - len(rows)
            note = f"{left} more in .executions" if left else ""
            parts.append(table(["due", "job", "status", ""], rows, note=note))
        if self.messages:
            sent = [[_time(one.created_at), one.user_id, one.text] for one in self.messages[:SHOWN]]
            left = len(self.messages) - len(sent)
            note = f"{left} more in .messages" if left else ""
            parts.append(table(["sent", "to", "message"], sent, note=note))
        if self.changes:
            became = [
                [one.collection, one.id, *describe_change(one)] for one in self.changes[:SHOWN]
            ]
            left = len(self.changes) - len(became)
            note = f"{left} more in .changes" if left else ""
            parts.append(table(["collection", "entry", "", "data"], became, note=note))
        parts += [
            f"<p>refused: <code>{escape(request[:200])}</code>; answer it with responses=</p>"
            for request in sorted(set(self.refused))[:SHOWN]
        ]
        return "".join(parts)

    def _timeline(self) -> str:
        lanes: defaultdict[str, list[Execution]] = defaultdict(list)
        for run in self.executions:
            lanes[run.job_name].append(run)
        drawn = [
            f"<tr><td style='text-align:left'>{escape(name[:60])}</td>"
            f"<td>{self._lane(runs)}</td><td>{len(runs)}</td></tr>"
            for name, runs in list(lanes.items())[:LANES]
        ]
        left = len(lanes) - len(drawn)
        more = f"<p><em>and {left} more jobs</em></p>" if left > 0 else ""
        return f"<table><tbody>{''.join(drawn)}</tbody></table>{more}" if drawn else ""

    def _lane(self, runs: Iterable[Execution]) -> str:
        span = (self.end - self.start) / WIDTH or timedelta(seconds=1)
        marks: defaultdict[str, set[int]] = defaultdict(set)
        for run in runs:
            place = int(((run.fire_time or run.created_at) - self.start) / span)
            marks[_COLOURS.get(run.status, _BAD)].add(min(max(place, 0), WIDTH - 1))
        # What went wrong is drawn last, over the rest, and taller: not by colour alone.
        paths = "".join(
            "<path stroke='{}' d='{}'/>".format(
                colour,
                "".join(f"M{2 * x + 1} {0 if colour == _BAD else 4}V14" for x in sorted(places)),
            )
            for colour, places in sorted(marks.items(), key=lambda item: item[0] == _BAD)
        )
        return (
            f"<svg width='{2 * WIDTH}' height='16' stroke-width='2' role='img'>"
            f"<path stroke='#ccc' d='M0 15H{2 * WIDTH}'/>{paths}</svg>"
        )


def end_of(until: datetime | None, length: Mapping[str, float | None], now: datetime) -> datetime:
    """Return when a simulation ends: at ``until``, or after the days and hours given, or in a week.

    Raises ``InvalidInput`` for both, and for what is no time to come.
    """
    given = {unit: value for unit, value in length.items() if value is not None}
    if until is not None:
        if given:
            raise InvalidInput("Give until=, or how long with days= and hours=, not both.")
        return read_instant(until, "until")[0]
    try:
        return now + timedelta(**(given or {"days": DEFAULT_DAYS}))
    except (OverflowError, TypeError, ValueError):
        raise InvalidInput(f"A simulation cannot run for {_options_text(given)}.") from None


def left_out(found: Simulation) -> str:
    """Describe the executions that were running at its start, which it leaves out; empty for none."""
    count = len(found.left_out)
    if not count:
        return ""
    names = sorted({run.job_name for run in found.left_out})
    named = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    if count == 1:
        return f"left out: 1 execution that was running ({named}), its retries and what it overlaps"
    return (
        f"left out: {count} executions that were running ({named}), their retries and what they "
        "overlap"
    )


def describe_change(change: EntryChange) -> tuple[str, str]:
    """Return what happened to an entry (``added``, ``changed`` or ``removed``), and its data as text."""
    before, after = change.before, change.after
    if before is None or after is None:
        word, data = ("added", after) if before is None else ("removed", before)
        return word, ", ".join(f"{name}: {_json(value)}" for name, value in (data or {}).items())
    parts = []
    for name in {**before, **after}:
        old = _json(before[name]) if name in before else "none"
        new = _json(after[name]) if name in after else "none"
        if old != new:
            parts.append(f"{name}: {old} → {new}")
    return "changed", ", ".join(parts)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _options_text(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{unit}={value!r}" for unit, value in given.items())


def _why(run: Execution) -> str:
    return f"{run.error.type}: {run.error.message}" if run.error else ""


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%a %d %b %H:%M")
