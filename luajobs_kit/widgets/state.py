"""What a panel knows, bounded. No widget, no port: events and answers in, what changed out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
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

JOBS_KEPT: Final = 1_000  # the newest
LINES_KEPT: Final = 1_000  # of the selected job's log
RUNS_KEPT: Final = 30  # of the selected job
MESSAGES_KEPT: Final = 50  # of everybody
SILENCE: Final = 6.0  # seconds without an answer after which the engine is doubted

Link = Literal["connecting", "live", "silent", "reconnecting"]


@dataclass(slots=True)
class Changed:
    """What is to be shown anew since it was last asked; a flag stands for the whole of a part."""

    table: bool = False
    detail: bool = False  # another job is selected, or its log and runs were read afresh
    inbox: bool = False
    engine: bool = False
    jobs: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    lines: list[LogLine] = field(default_factory=list)
    runs: dict[str, Execution] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


class PanelState:
    """Jobs, the selected one's log and runs, the inbox, and how the engine is.

    Filled on the feed's thread, read on any: whoever reads more than one thing holds ``lock``.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self._monotonic = monotonic
        self._heard_at: float | None = None
        self._changed = Changed()
        self.engine: EngineStatus | None = None
        self.lost: str | None = None  # why the connection is being sought again
        self.jobs: dict[str, Job] = {}  # oldest first
        self.left_out = 0  # jobs beyond JOBS_KEPT
        self.selected_id: str | None = None
        self.lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self.runs: dict[str, Execution] = {}  # oldest first
        self.messages: deque[Message] = deque(maxlen=MESSAGES_KEPT)  # oldest first

    def take(self) -> Changed:
        """Return what changed since the last call."""
        with self.lock:
            changed, self._changed = self._changed, Changed()
            return changed

    # The engine and the way to it

    def now(self) -> datetime:
        """Return the engine's time, carried on from its last answer."""
        if self.engine is None or self._heard_at is None:
            return datetime.now(UTC)
        return self.engine.now + timedelta(seconds=self._monotonic() - self._heard_at)

    @property
    def link(self) -> Link:
        if self.lost is not None:
            return "reconnecting"
        if self._heard_at is None:
            return "connecting"
        return "silent" if self._monotonic() - self._heard_at > SILENCE else "live"

    def heard(self, status: EngineStatus) -> None:
        with self.lock:
            self.engine, self._heard_at = status, self._monotonic()
            self._changed.engine = True

    def lose(self, why: str) -> None:
        with self.lock:
            self.lost = why
            self._changed.engine = True

    def doubt(self) -> None:
        """No answer came; silence is told by the last answer's age."""
        self._changed.engine = True

    def refresh(
        self, status: EngineStatus, jobs: Iterable[Job], messages: Iterable[Message]
    ) -> None:
        """Take everything as it was read afresh, messages newest first."""
        with self.lock:
            self.lost = None
            self.heard(status)
            self.jobs, self.left_out = {}, 0
            for job in jobs:
                self._put(job)
            self.messages.clear()
            self.messages.extend(reversed(list(messages)))
            # What was known of the selected job is older than what is read next (``fill``).
            self.lines.clear()
            self.runs.clear()
            detail = self.selected_id not in self.jobs
            if detail:
                self.selected_id = next(reversed(self.jobs), None)
            self._changed = Changed(table=True, detail=detail, inbox=True, engine=True)

    # What happened

    def apply(self, event: Event) -> None:
        """Bring what is known up to date with one event."""
        with self.lock:
            match event:
                case JobCreated(job=job) | JobUpdated(job=job):
                    self._put(job)
                case JobDeleted(job_id=job_id):
                    self._drop(job_id)
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
                    if all(known.id != message.id for known in self.messages):
                        self.messages.append(message)
                        self._changed.messages.append(message)

    def _put(self, job: Job) -> None:
        if job.deleted:
            self._drop(job.id)
            return
        fresh = job.id not in self.jobs
        self.jobs[job.id] = job
        self._changed.jobs.add(job.id)
        self._changed.gone.discard(job.id)
        if fresh and len(self.jobs) > JOBS_KEPT:
            # The selected job stays, however old: its log is on the screen.
            oldest = next(key for key in self.jobs if key != self.selected_id)
            self._drop(oldest)
            self.left_out += 1

    def _drop(self, job_id: str) -> None:
        if self.jobs.pop(job_id, None) is None:
            return
        self._changed.jobs.discard(job_id)
        self._changed.gone.add(job_id)
        if job_id == self.selected_id:
            self.select(None)

    def _put_run(self, run: Execution) -> None:
        job = self.jobs.get(run.job_id)
        if job is not None:
            last = job.last_execution
            if last is None or last.id == run.id or last.created_at <= run.created_at:
                self.jobs[job.id] = job.evolve(
                    last_execution=run, last_run_at=run.started_at or job.last_run_at
                )
                self._changed.jobs.add(job.id)
        if run.job_id == self.selected_id:
            self.runs[run.id] = run
            while len(self.runs) > RUNS_KEPT:
                del self.runs[next(iter(self.runs))]
            self._changed.runs[run.id] = run

    def _put_line(self, line: LogLine) -> None:
        if line.metadata.primitive_id != self.selected_id or self.selected_id is None:
            return
        if self.lines and line.seq <= self.lines[-1].seq:
            return  # it was read with the page already
        self.lines.append(line)
        self._changed.lines.append(line)
        del self._changed.lines[:-LINES_KEPT]

    # What is looked at

    @property
    def selected(self) -> Job | None:
        return self.jobs.get(self.selected_id) if self.selected_id else None

    def select(self, job_id: str | None) -> bool:
        """Look at another job; return whether it is another."""
        with self.lock:
            if job_id == self.selected_id:
                return False
            self.selected_id = job_id
            self.lines.clear()
            self.runs.clear()
            self._changed.detail = True
            return True

    def fill(self, job_id: str, lines: Iterable[LogLine], runs: Iterable[Execution]) -> None:
        """Take the newest lines and runs of the selected job, both newest first."""
        with self.lock:
            if job_id != self.selected_id:
                return  # another one was selected meanwhile
            # What an event brought while the page was on its way is newer than the page.
            page = list(lines)[::-1]
            newest = page[-1].seq if page else 0
            page += [line for line in self.lines if line.seq > newest]
            self.lines.clear()
            self.lines.extend(page)
            read = {run.id: self.runs.get(run.id, run) for run in list(runs)[::-1]}
            self.runs = read | {key: run for key, run in self.runs.items() if key not in read}
            self._changed.detail = True
