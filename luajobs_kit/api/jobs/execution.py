"""``JobExecution``: one run of a job, that can be waited for and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import KeysView, Mapping
from typing import TYPE_CHECKING, Any

from luajobs_kit.api._html import facts
from luajobs_kit.api._json_values import build, to_object
from luajobs_kit.api._progress_bar import ProgressBar
from luajobs_kit.api._session import Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.jobs.log_lines import LogLines
from luajobs_kit.model import Attempt, Execution, LogQuery, Progress, RunError
from luajobs_kit.page_bounds import MOST_AT_ONCE, MOST_PAGES, check_count
from luajobs_kit.port import Port
from luajobs_kit.presentation import progress_words
from luajobs_kit.record import wrap
from luajobs_kit.timing.durations import read_number

if TYPE_CHECKING:
    from luajobs_kit.model import ExecutionStatus
else:
    # jedi, which completes names in IPython and JupyterLab, looks a live object's properties up
    # and raises at one whose annotation is a Literal. To it, the status is plain text.
    ExecutionStatus = str

_WAIT = 25.0  # seconds that one request waits; the engine answers sooner when the run finishes
_LOOK = 0.25  # seconds between two looks at a run's progress, where it is shown


@awaited_as("execution")
class JobExecution:
    """A run. Its properties are as of the last answer; ``wait()`` and ``refresh()`` ask again."""

    def __init__(self, data: Execution, session: Session) -> None:
        self._data = data
        self._session = session

    @property
    def id(self) -> str:
        return self._data.id

    @property
    def status(self) -> ExecutionStatus:
        return self._data.status

    @property
    def result(self) -> Any:
        """What the function returned, as plain JSON."""
        return wrap(self._data.result)

    @property
    def error(self) -> RunError | None:
        """Why it did not complete: type, message, the author's line."""
        return self._data.error

    @property
    def attempts(self) -> list[Attempt]:
        return self._data.attempts

    @property
    def progress(self) -> Progress | None:
        """How far its newest attempt said that it is, by ``job.progress``."""
        return self._data.progress

    @property
    def data(self) -> Execution:
        """Everything known of the run."""
        return self._data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._data, name)

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def get(self, name: str, default: Any = None) -> Any:
        """Return an item of its JSON, or ``default`` when there is none of that name."""
        return self._data.get(name, default)

    def keys(self) -> KeysView[str]:
        """Return the names of its JSON's items."""
        return self._data.keys()

    @property
    def outcome(self) -> str:
        """How it stands, in words for people."""
        words: str = self._data.status
        if self._data.error is not None and self._data.status != "cancelled":
            where = f" ({self._data.error.place})" if self._data.error.line else ""
            words += f": {self._data.error.type}: {self._data.error.message}{where}"
        elif self._data.status == "completed" and self._data.duration is not None:
            words += f" in {self._data.duration:.0f} ms"
        if self._data.progress is not None and not self._data.finished:
            words += f": {progress_words(self._data.progress)}"
        if self._data.next_attempt_at is not None:
            what = "tries again" if self._data.attempts else "begins"
            words += f", {what} {self._data.next_attempt_at.astimezone():%a %d %b %H:%M:%S}"
        return words

    async def wait(self, timeout: float | None = None) -> JobExecution:  # noqa: ASYNC109 - seconds, and what they bound is over HTTP
        """Return it once it is finished, retries included.

        In a notebook a bar below the cell shows the progress that the run tells.
        Raises ``TimeoutError`` when it is not within ``timeout`` seconds (None: waits on), and
        ``InvalidInput`` for a ``timeout`` that is no finite number.
        """
        bar = ProgressBar.in_notebook()
        async with asyncio.timeout(None if timeout is None else read_number(timeout, "timeout")):
            while not self._data.finished:
                wait = _WAIT if bar is None else _LOOK
                self._data = await self._session.ask(Port.wait_execution, self.id, wait)
                if bar is not None:
                    bar.show(self._data)
        return self

    async def cancel(self) -> JobExecution:
        """Kill its running attempt, or drop the waiting one."""
        self._data = await self._session.ask(Port.cancel_execution, self.id)
        return self

    async def rerun(
        self, version_id: str | None = None, *, metadata: Mapping[str, Any] | None = None
    ) -> JobExecution:
        """Run again what it ran, and return at once with the new run.

        The version is its own, or ``version_id``. It is given what this run was given beyond its
        job's metadata, with ``metadata`` on top. Raises ``Conflict`` while it is not finished.
        """
        given = None if metadata is None else to_object(metadata, "metadata")
        run = await self._session.ask(Port.rerun_execution, self.id, version_id, metadata=given)
        return JobExecution(run, self._session)

    async def refresh(self) -> JobExecution:
        """Ask the engine how it stands now."""
        self._data = await self._session.ask(Port.get_execution, self.id)
        return self

    async def logs(self, limit: int = 100) -> LogLines:
        """Return its newest log lines, in reading order: the oldest of them first."""
        query = build(LogQuery, "execution.logs", execution_id=self.id, limit=limit)
        return LogLines.of(await self._session.ask(Port.logs, query))

    def __repr__(self) -> str:
        return f"<Execution of {self._data.job_name!r} {self.outcome} ({self.id})>"

    def _repr_html_(self) -> str:
        shown = {
            "outcome": self.outcome,
            "result": self._data.result,
            "attempts": len(self._data.attempts),
            "id": self.id,
        }
        if self._data.error is not None and self._data.error.text:
            shown["at"] = f"{self._data.error.place}: {self._data.error.text}"
        return facts(self._data.job_name, shown)


async def newest(
    session: Session,
    limit: int,
    *,
    job_id: str | None = None,
    status: ExecutionStatus | None = None,
) -> list[JobExecution]:
    """Return executions, newest first: page by page where one answer does not hold so many."""
    check_count(limit, most=MOST_PAGES)
    found: dict[str, Execution] = {}  # by id: a run that begins meanwhile moves the others on
    while True:
        known = len(found)
        page = await session.ask(
            Port.list_executions,
            job_id,
            status=status,
            limit=min(limit - known, MOST_AT_ONCE),
            offset=known,
        )
        found |= {execution.id: execution for execution in page.executions}
        if len(found) in {known, limit} or len(found) >= page.total:
            return [JobExecution(execution, session) for execution in found.values()]
