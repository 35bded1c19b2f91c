"""What the monitor knows. No widget, no port: events and answers in, what changed out.

``MonitorState`` is filled by handlers and read by the screen. Whatever changes is
noted; ``take()`` hands the notes over, so that only what changed is painted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from luajobs_kit.model import (
    AttemptFailed,
    EngineStatus,
    Event,
    Execution,
    ExecutionClaimed,
    ExecutionFinished,
    ExecutionStarted,
    FireSkipped,
    Job,
    JobCreated,
    JobDeleted,
    JobUpdated,
    LogLine,
    LogWritten,
    Message,
    MessageSent,
)
from luajobs_tui.formatting import short_schedule
from luajobs_tui.known import (
    EXECUTIONS_KEPT,
    MESSAGES_KEPT,
    TOPICS,
    Changed,
    Detail,
    Snapshot,
    Topic,
)

WINDOW: Final = 1_000  # jobs in the table; a Textual table of more becomes slow
SILENCE: Final = 6.0  # seconds without an answer after which the connection is doubted

Link = Literal["connecting", "live", "silent", "reconnecting"]


class MonitorState:
    """Jobs by id, oldest first; the selected one's detail; the engine and the way to it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard_at: float | None = None
        self._changed = Changed()
        self.jobs: dict[str, Job] = {}
        self.engine: EngineStatus | None = None
        self.lost: str | None = None  # why the connection is being sought again
        self.tries = 0
        self.filter = ""
        self.detail = Detail()

    def take(self) -> Changed:
        """Return what changed since the last call."""
        changed, self._changed = self._changed, Changed()
        return changed

    # The engine and the way to it

    def now(self) -> datetime:
        """Return the engine's time, carried on from its last answer."""
        if self.engine is None or self._heard_at is None:
            return datetime.now(UTC)
        return self.engine.now + timedelta(seconds=self._monotonic() - self._heard_at)

    @property
    def silence(self) -> float:
        """Seconds since the engine last answered."""
        return 0.0 if self._heard_at is None else self._monotonic() - self._heard_at

    @property
    def link(self) -> Link:
        if self.lost is not None:
            return "reconnecting"
        if self._heard_at is None:
            return "connecting"
        return "silent" if self.silence > SILENCE else "live"

    def heard(self, status: EngineStatus) -> None:
        self.engine, self._heard_at = status, self._monotonic()
        self._changed.header = True

    def lose(self, why: str, tries: int) -> None:
        self.lost, self.tries = why, tries
        self._changed.header = True

    def refresh(self, snapshot: Snapshot) -> None:
        """Take everything as it was read afresh; the detail is read again as well."""
        self.lost, self.tries = None, 0
        self.heard(snapshot.status)
        self.jobs = {job.id: job for job in snapshot.jobs}
        self.detail = Detail(job_id=self.detail.job_id)
        self._changed.order = True
        self._changed.rows |= self.jobs.keys()
        self._changed.topics |= set(TOPICS)

    # What happened

    def apply(self, event: Event) -> None:
        """Bring what is known up to date with one event."""
        match event:
            case JobCreated(job=job) | JobUpdated(job=job):
                self._put(job)
            case JobDeleted(job_id=job_id):
                if self.jobs.pop(job_id, None) is not None:
                    self._changed.order = True
            case (
                ExecutionClaimed(execution=run)
                | ExecutionStarted(execution=run)
                | AttemptFailed(execution=run)
                | ExecutionFinished(execution=run)
            ):
                self._put_run(run)
            case FireSkipped(job_id=job_id, count=count):
                if (known := self.jobs.get(job_id)) is not None:
                    self._put(known.evolve(skipped_fires=known.skipped_fires + count))
            case LogWritten(line=line):
                self._put_line(line)
            case MessageSent(message=message):
                self._put_message(message)

    def _put(self, job: Job) -> None:
        if job.deleted:
            if self.jobs.pop(job.id, None) is not None:
                self._changed.order = True
            return
        known = self.jobs.get(job.id)
        self.jobs[job.id] = job
        self._changed.rows.add(job.id)
        # A filter may let the changed job in, or no longer.
        if known is None or (self.filter and self._passes(known) != self._passes(job)):
            self._changed.order = True
        if job.id == self.detail.job_id:
            self.detail.loaded.discard("schedule")
            self._changed.topics |= {"code", "schedule"}

    def _put_run(self, run: Execution) -> None:
        job = self.jobs.get(run.job_id)
        if job is not None:
            last = job.last_execution
            if last is None or last.id == run.id or last.created_at <= run.created_at:
                self.jobs[job.id] = job.evolve(
                    last_execution=run, last_run_at=run.started_at or job.last_run_at
                )
                self._changed.rows.add(job.id)
        if run.job_id == self.detail.job_id:
            runs = self.detail.executions
            if run.id in runs:
                runs[run.id] = run
            else:
                kept = list(runs.items())[: EXECUTIONS_KEPT - 1]
                self.detail.executions = {run.id: run} | dict(kept)
            self._changed.topics |= {"executions", "code"}  # the code shows the failing line

    def _put_line(self, line: LogLine) -> None:
        detail = self.detail
        if line.metadata.primitive_id != detail.job_id:
            return
        if detail.lines and line.seq <= detail.lines[-1].seq:
            return  # it was read with the page already
        detail.lines.append(line)  # even before the page is here: it may not be on it
        if "log" in detail.loaded:
            self._changed.lines.append(line)

    def _put_message(self, message: Message) -> None:
        job = self.selected
        if job is None or (job.user_id is not None and job.user_id != message.user_id):
            return
        if all(known.id != message.id for known in self.detail.messages):
            self.detail.messages.appendleft(message)
            self._changed.topics.add("messages")

    # What is looked at

    @property
    def selected(self) -> Job | None:
        return self.jobs.get(self.detail.job_id) if self.detail.job_id else None

    def select(self, job_id: str | None) -> bool:
        """Look at another job; return whether it is another."""
        if job_id == self.detail.job_id:
            return False
        self.detail = Detail(job_id=job_id)
        self._changed.lines.clear()
        self._changed.topics |= set(TOPICS)
        return True

    def look(self, topic: Topic) -> None:
        """Turn to another tab."""
        self._changed.topics.add(topic)

    def narrow(self, words: str) -> None:
        """Show only jobs in which all words occur: in name, user, status, outcome or schedule."""
        if words != self.filter:
            self.filter = words
            self._changed.order = True

    def visible(self) -> list[Job]:
        """Return the jobs of the table, oldest first, at most ``WINDOW``."""
        passing = (job for job in self.jobs.values() if self._passes(job))
        return [job for _, job in zip(range(WINDOW), passing, strict=False)]

    def passing(self) -> int:
        """Return how many jobs pass the filter, shown or not."""
        if not self.filter:
            return len(self.jobs)
        return sum(self._passes(job) for job in self.jobs.values())

    def _passes(self, job: Job) -> bool:
        if not self.filter:
            return True
        run = job.last_execution
        schedule = short_schedule(job.active_version, self.now())
        text = f"{job.name} {job.user_id or ''} {job.status} {run.status if run else ''} {schedule}"
        return all(word in text.lower() for word in self.filter.lower().split())

    # What was read of the selected job

    def fill_log(self, job_id: str, lines: Iterable[LogLine]) -> None:
        """Take the newest lines, oldest first."""
        if self._fills(job_id, "log"):
            page = list(lines)
            newest = page[-1].seq if page else 0
            page += [line for line in self.detail.lines if line.seq > newest]
            self.detail.lines.clear()
            self.detail.lines.extend(page)
            self._changed.lines.clear()

    def fill_executions(self, job_id: str, runs: Iterable[Execution]) -> None:
        if self._fills(job_id, "executions"):
            # What an event brought while the page was on its way is newer than the page.
            known = self.detail.executions
            page = {run.id: known.get(run.id, run) for run in runs}
            early = {key: run for key, run in known.items() if key not in page}
            self.detail.executions = early | page

    def fill_fires(self, job_id: str, fires: list[datetime]) -> None:
        if self._fills(job_id, "schedule"):
            self.detail.fires = fires

    def fill_messages(self, job_id: str, messages: Iterable[Message]) -> None:
        if self._fills(job_id, "messages"):
            page = list(messages)
            ids = {message.id for message in page}
            early = [message for message in self.detail.messages if message.id not in ids]
            self.detail.messages.clear()
            self.detail.messages.extend([*early, *page][:MESSAGES_KEPT])

    def _fills(self, job_id: str, topic: Topic) -> bool:
        if job_id != self.detail.job_id:
            return False  # the answer came after another job was selected
        self.detail.loaded.add(topic)
        self._changed.topics.add(topic)
        return True
