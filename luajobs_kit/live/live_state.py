"""The bounded state behind a face: events and answers go in, change sets come out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from luajobs_kit.live.change_set import TOPICS, Changed, Topic
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
    ProgressReported,
)

LINES_KEPT: Final = 5_000  # of the selected job's log
EXECUTIONS_KEPT: Final = 100  # of the selected job
MESSAGES_KEPT: Final = 100
SILENCE: Final = 6.0  # seconds without an answer after which the engine is doubted

LinkState = Literal["connecting", "live", "silent", "frozen", "reconnecting", "stopped"]


class LiveState:
    """The jobs, the selected one's detail, the engine and the way to it; all oldest first.

    Filled in one thread, read in any: whoever reads more than one thing from another thread
    holds ``lock``. ``most_jobs`` keeps only so many, the newest. ``everybodys`` keeps
    everybody's messages instead of those to the selected job's user.
    """

    def __init__(
        self,
        *,
        most_jobs: int | None = None,
        everybodys: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lock = threading.RLock()
        self.everybodys = everybodys
        self._most_jobs = most_jobs
        self._monotonic = monotonic
        self._heard_at: float | None = None
        self._changed = Changed()
        self.engine: EngineStatus | None = None
        self.lost: str | None = None  # why the connection is being sought again
        self.frozen: str | None = None  # the engine's process was stopped: what to do about it
        self.stopped = False  # by somebody: it is waited for until it is needed again
        self.tries = 0  # how often it has been since
        self.jobs: dict[str, Job] = {}
        self.left_out = 0  # jobs beyond ``most_jobs``
        self.selected_id: str | None = None
        self.loaded: set[Topic] = set()  # what has been read of the selected job
        self.lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self.executions: dict[str, Execution] = {}
        self.fires: list[datetime] = []
        self.messages: deque[Message] = deque(maxlen=MESSAGES_KEPT)

    def take(self) -> Changed:
        """Return what changed since the last call."""
        with self.lock:
            changed, self._changed = self._changed, Changed()
            return changed

    # The engine and the way to it

    def now(self) -> datetime:
        """Return the engine's time, carried on from its last answer."""
        if self.engine is None:
            return datetime.now(UTC)
        return self.engine.now + timedelta(seconds=self.silence)

    @property
    def silence(self) -> float:
        """Seconds since the engine last answered."""
        return 0.0 if self._heard_at is None else self._monotonic() - self._heard_at

    @property
    def link(self) -> LinkState:
        if self.frozen is not None:
            return "frozen"
        if self.lost is not None:
            return "stopped" if self.stopped else "reconnecting"
        if self._heard_at is None:
            return "connecting"
        return "silent" if self.silence > SILENCE else "live"

    def heard(self, status: EngineStatus) -> None:
        with self.lock:
            self.engine, self._heard_at, self.frozen = status, self._monotonic(), None
            self._changed.engine = True

    def doubt(self, frozen: str | None = None) -> None:
        """No answer came; the last one's age tells, and where it is known, why."""
        with self.lock:
            self.frozen = frozen
            self._changed.engine = True

    @property
    def why(self) -> str | None:
        """Why there is no answer, where it is known."""
        return self.frozen or self.lost

    @property
    def trouble(self) -> str | None:
        """What keeps the engine from its work: it does not answer, or can write nothing."""
        unwritten = self.engine.unwritten if self.engine else None
        return self.why or (unwritten and f"Nothing can be written: {unwritten}")

    def lose(self, why: str, *, stopped: bool = False) -> None:
        with self.lock:
            self.lost, self.stopped = why, stopped
            self.tries += 1
            self._changed.engine = True

    def refresh(self, status: EngineStatus, jobs: Iterable[Job]) -> None:
        """Take everything as it was read afresh; the selected job's detail is to be read again."""
        with self.lock:
            self.lost, self.tries = None, 0
            self.heard(status)
            self.jobs, self.left_out = {}, 0
            for job in jobs:
                self._put(job)
            if self.selected_id not in self.jobs:
                self.selected_id = None
            self._forget(TOPICS)
            self._changed = Changed(everything=True, engine=True, topics=set(TOPICS))

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
                    self._put_execution(run)
                case ProgressReported():
                    self._put_progress(event)
                case FireSkipped(job_id=job_id, count=count):
                    if (known := self.jobs.get(job_id)) is not None:
                        self._put(known.evolve(skipped_fires=known.skipped_fires + count))
                case LogWritten(line=line):
                    self._put_line(line)
                case MessageSent(message=message):
                    self._put_message(message)

    def _put(self, job: Job) -> None:
        if job.deleted:
            self._drop(job.id)
            return
        fresh = job.id not in self.jobs
        self.jobs[job.id] = job
        self._changed.jobs.add(job.id)
        self._changed.gone.discard(job.id)
        if job.id == self.selected_id:
            self.loaded.discard("schedule")
            self._changed.topics |= {"code", "schedule"}
        if fresh and self._most_jobs is not None and len(self.jobs) > self._most_jobs:
            # The selected job stays, however old: its log is on the screen.
            self._drop(next(key for key in self.jobs if key != self.selected_id))
            self.left_out += 1

    def _drop(self, job_id: str) -> None:
        if self.jobs.pop(job_id, None) is None:
            return
        self._changed.jobs.discard(job_id)
        self._changed.gone.add(job_id)
        if job_id == self.selected_id:
            self.select(None)

    def _put_execution(self, run: Execution) -> None:
        job = self.jobs.get(run.job_id)
        if job is not None:
            last = job.last_execution
            if last is None or last.id == run.id or last.created_at <= run.created_at:
                self.jobs[job.id] = job.evolve(
                    last_execution=run, last_run_at=run.started_at or job.last_run_at
                )
                self._changed.jobs.add(job.id)
        if run.job_id == self.selected_id:
            self.executions[run.id] = self._changed.executions[run.id] = run
            while len(self.executions) > EXECUTIONS_KEPT:
                del self.executions[next(iter(self.executions))]

    def _put_progress(self, told: ProgressReported) -> None:
        job = self.jobs.get(told.job_id)
        shown = self.executions.get(told.execution_id)
        if shown is None and job is not None and job.last_execution is not None:
            shown = job.last_execution
        if shown is not None and shown.id == told.execution_id and not shown.finished:
            self._put_execution(shown.evolve(progress=told.progress))

    def _put_line(self, line: LogLine) -> None:
        if line.metadata.primitive_id != self.selected_id or self.selected_id is None:
            return
        if self.lines and line.seq <= self.lines[-1].seq:
            return  # it was read with the page already
        self.lines.append(line)  # even before the page is here: it may not be on it
        self._changed.lines.append(line)
        del self._changed.lines[:-LINES_KEPT]

    def _put_message(self, message: Message) -> None:
        job = self.selected
        concerns = job is not None and job.user_id in {None, message.user_id}
        if not (concerns or self.everybodys):
            return
        if all(known.id != message.id for known in self.messages):
            self.messages.append(message)
            self._changed.messages.append(message)

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
            stays = {"messages"} if self.everybodys else set()
            self._forget(topic for topic in TOPICS if topic not in stays)
            return True

    def look(self, topic: Topic) -> None:
        """Have a topic shown anew, as when it is turned to."""
        self._changed.topics.add(topic)

    def _forget(self, topics: Iterable[Topic]) -> None:
        """Let go of what was read: it is of another job, or may have changed meanwhile."""
        about = set(topics)
        self.lines.clear()
        self.executions.clear()
        self.fires = []
        self._changed.lines.clear()
        self._changed.executions.clear()
        if "messages" in about:
            self.messages.clear()
            self._changed.messages.clear()
        self.loaded -= about
        self._changed.topics |= about

    # What was read. What an event brought while a page was on its way is newer than the page.

    def fill_log(self, job_id: str, page: Iterable[LogLine]) -> None:
        """Take the newest lines, oldest first."""
        with self.lock:
            if self._fills(job_id, "log"):
                lines = list(page)
                newest = lines[-1].seq if lines else 0
                lines += [line for line in self.lines if line.seq > newest]
                self.lines.clear()
                self.lines.extend(lines)
                self._changed.lines.clear()

    def fill_executions(self, job_id: str, page: Iterable[Execution]) -> None:
        """Take the newest executions, oldest first."""
        with self.lock:
            if self._fills(job_id, "executions"):
                read = {run.id: run for run in page}
                self.executions = read | self.executions
                self._changed.executions.clear()

    def fill_fires(self, job_id: str, fires: list[datetime]) -> None:
        with self.lock:
            if self._fills(job_id, "schedule"):
                self.fires = fires

    def fill_messages(self, job_id: str | None, page: Iterable[Message]) -> None:
        """Take the newest messages, oldest first; everybody's are of no job."""
        with self.lock:
            if self._fills(job_id, "messages"):
                read = {message.id: message for message in page}
                kept = read | {message.id: message for message in self.messages}
                self.messages.clear()
                self.messages.extend(kept.values())
                self._changed.messages.clear()

    def _fills(self, job_id: str | None, topic: Topic) -> bool:
        if job_id != self.selected_id and not (self.everybodys and topic == "messages"):
            return False  # the answer came after another job was selected
        self.loaded.add(topic)
        self._changed.topics.add(topic)
        return True
