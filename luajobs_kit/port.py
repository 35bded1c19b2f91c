"""The verbs of an engine; each contract is written once, here.

An ``Engine`` in this process and an ``HttpPort`` to one in another answer the same
verbs, in the same words, with the same errors. Faces hold a ``Port`` and never know
which. Verbs are asked as the acting user (``luajobs_kit.acting_user``).

Every verb raises ``EngineUnavailable`` when no engine answers. ``key`` is an idempotency
key: the same key within 24 hours gives the first answer and does nothing again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

from luajobs_kit.model import (
    Cancellation,
    Deletion,
    Deployment,
    Document,
    EngineStatus,
    Event,
    Execution,
    ExecutionPage,
    ExecutionStatus,
    Instant,
    Job,
    JobSpec,
    JobVersion,
    LogLine,
    LogPage,
    LogQuery,
    Schedule,
    Seconds,
    Simulation,
    VersionSpec,
)


class ToolOffer(Document):
    """A tool on offer: a function of the workspace's owner that job code may call by name."""

    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None  # JSON Schema of its arguments
    timeout: Seconds = 30.0
    offered_by: str | None = None  # in words, such as "notebook (process 4711)"


class ToolCall(Document):
    """A call of a tool, on its way from a run to the client that offers the tool."""

    id: str
    name: str
    arguments: dict[str, Any]
    user_id: str | None = None
    job_name: str | None = None
    execution_id: str | None = None


class Finding(Document):
    """One thing ``luajobs doctor`` looked at."""

    topic: Literal["sandbox", "store", "engine", "platform"]
    name: str
    holds: bool
    says: str


class Port(ABC):
    """What can be asked of a workspace's engine."""

    # The engine itself

    @abstractmethod
    async def status(self) -> EngineStatus:
        """Return what the engine says of itself."""

    @abstractmethod
    async def doctor(self) -> list[Finding]:
        """Return what holds here: each wall of the sandbox, and what recovery had to do."""

    @abstractmethod
    async def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """Merge ``changes`` into the workspace's settings and return them all.

        A value of None removes a setting. With another ``agent_id`` the jobs there are belong to
        that agent. ``http_hosts+`` and ``http_hosts-`` add and take away
        items of a list, ``env.NAME`` sets one name of ``env`` (None: removes it). Raises
        ``InvalidInput`` for a name or value that no setting has; then nothing is changed.
        """

    @abstractmethod
    async def export_workspace(self, file: str | None = None) -> dict[str, Any]:
        """Return definitions, watermarks, data and products as one JSON value; it may hold secrets.

        With ``file``, the absolute path of a new ``.zip`` file, the engine writes all of it
        there, with the history, and the answer is how many there are of each kind.
        """

    @abstractmethod
    async def import_workspace(
        self, exported: dict[str, Any] | None = None, file: str | None = None
    ) -> dict[str, int]:
        """Take over what ``export_workspace`` returned or wrote; return how many of each kind.

        ``file`` is the absolute path of what it wrote (its name ends in ``.zip``), or of a
        file with the JSON value. What is here under the same id is replaced, but for data,
        history and watermarks further on. Nothing of the past runs because of it: where a
        job here is replaced by one with another version, another switch or another arming, its
        schedule counts from now, and a once-schedule whose time has passed is inactive.
        Raises ``InvalidInput`` for anything but such an export, and for an active job that could not
        fire on this machine (its zone is not known), ``Conflict`` where a job here has the same
        owner and name; then nothing is imported.
        """

    # Jobs

    @abstractmethod
    async def create_job(self, spec: JobSpec, *, key: str | None = None) -> Job:
        """Create a job of the acting user, or bring the one of that name up to date.

        The answer's ``change`` says which: ``created``; ``unchanged`` (the same declaration, nothing
        else was done); ``updated`` (a next version was made and published: the fire moved, unless only the
        description or metadata changed, and what waited of the version before is cancelled, as by
        ``publish_version``); ``rearmed`` (a once-job written relative to now fires anew, once its run
        has begun or its time has passed while it was off). It is on disk when this returns.

        ``spec.activate`` switches the job on or off, whatever the change. Where it is None, a new
        job is on, one that is there stays as it is, and one that was deleted begins afresh, on.

        Raises ``InvalidInput`` or one of its subclasses for anything wrong with the
        spec, ``Conflict`` when the name belongs to a job of another kind or
        ``if_exists`` is ``error``. Then nothing is stored.
        """

    @abstractmethod
    async def deploy_jobs(self, specs: list[JobSpec], *, dry_run: bool = False) -> Deployment:
        """Make these the agent's pre-defined jobs; return what is done to each job, and why.

        New ones are created, changed ones get the next version, and those that are not among them
        are deactivated, until a deployment has them again. What somebody switched off stays
        off. All of it is done or nothing; with ``dry_run`` nothing is, and the answer, or the error,
        is that of the real one.

        Raises as ``create_job``.
        """

    @abstractmethod
    async def get_job(self, job_id: str) -> Job:
        """Return a job by id. Raises ``NotFound``."""

    @abstractmethod
    async def find_job(self, name: str) -> Job:
        """Return the job of that name or id, the acting user's first.

        Raises ``NotFound`` (with close names), or ``Conflict`` listing the jobs when
        several users have one of that name and the acting user does not.
        """

    @abstractmethod
    async def list_jobs(
        self, *, include_dynamic: bool = False, include_deleted: bool = False
    ) -> list[Job]:
        """Return the agent's jobs, oldest first; as in Lua, dynamic ones only when asked."""

    @abstractmethod
    async def activate_job(self, job_id: str) -> Job:
        """Let the job run on schedule, counting from now.

        Raises ``NotFound``, and ``Conflict`` for a once-job whose time has passed and for a
        schedule that this machine cannot work out, such as one in a zone it does not know.
        """

    @abstractmethod
    async def deactivate_job(self, job_id: str) -> Job:
        """Keep the job from running: nothing of it begins any more.

        What waits is cancelled: retries, fires caught up, queued or delayed by jitter, and
        runs asked for by hand. The answer's ``cancelled_runs`` says how many. An attempt under way
        goes on, and is not tried again while the job is inactive. What is triggered from now on
        runs, with its retries. An inactive job is left as it is. Raises ``NotFound``.
        """

    @abstractmethod
    async def cancel_job(self, job_id: str) -> Cancellation:
        """Cancel every run of the job that is not finished; return how many ran and waited.

        Its schedule goes on: the next fire comes. Raises ``NotFound``.
        """

    @abstractmethod
    async def delete_job(self, job_id: str, *, force: bool = False) -> Deletion:
        """Delete the job; with more than one version, deactivate and hide it instead.

        ``force`` deletes in any case. A running attempt finishes, waiting retries are
        cancelled, history stays. Raises ``NotFound``.
        """

    @abstractmethod
    async def trigger_job(
        self,
        job_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        """Run the job now and return at once, with the execution as claimed.

        Works on an inactive job, ignores overlap, never changes the schedule.
        ``version_id`` may be an id or a version's number. ``metadata`` is laid over the job's for
        this run alone, and kept with it. Raises ``NotFound``, ``InvalidInput`` for ``metadata``
        that a job could not have, and ``NotAllowed`` when a job triggers itself beyond its bound.
        """

    @abstractmethod
    async def rerun_execution(
        self,
        execution_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        """Run again what a finished execution ran, and return at once.

        It has the version of that execution, or ``version_id``; what that one was given beyond its
        job's metadata, with ``metadata`` on top; and names it as ``rerun_of``. Raises as
        ``trigger_job``, and ``Conflict`` for an execution that is not finished.
        """

    @abstractmethod
    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        """Merge ``changes`` into the job's metadata, shallowly.

        Raises ``NotFound``, and ``InvalidInput`` naming the path that is not JSON.
        """

    @abstractmethod
    async def push_version(
        self, job_id: str, spec: VersionSpec, *, key: str | None = None
    ) -> JobVersion:
        """Add a version without publishing it; what ``spec`` does not give is as in the active one.

        Raises as ``create_job``; ``Conflict`` for a taken number.
        """

    @abstractmethod
    async def publish_version(self, job_id: str, version: str) -> Job:
        """Make a version (its id or number) the active one; its schedule counts from now.

        Where only the description or metadata differ, the fires stay as they were. No fire of the past runs because of it. What waits of the version before, for its turn or
        a retry, is cancelled, and the answer's ``cancelled_runs`` says how many; runs by hand go
        on, and so does an attempt under way, which is not tried again. The active version
        is left as it is. Raises ``NotFound``, and ``Conflict`` where an active job would get a
        once-schedule whose time has passed, or one that this machine cannot work out.
        """

    @abstractmethod
    async def next_runs(self, job_id: str, count: int = 5) -> list[Instant]:
        """Return the job's next fires, in UTC; none while it is not active, or cannot fire.

        ``preview`` asks a schedule.
        """

    @abstractmethod
    async def preview(
        self, schedule: Schedule, count: int = 5, start: datetime | None = None
    ) -> list[datetime]:
        """Return the fires strictly after ``start`` (default: now), in the schedule's zone."""

    @abstractmethod
    async def simulate(
        self,
        until: datetime,
        *,
        job_id: str | None = None,
        seed: int = 0,
        responses: dict[str, Any] | None = None,
        max_fires: int = 1_000,
    ) -> Simulation:
        """Run every fire from now to ``until`` in virtual time, on a copy in memory.

        Job code sees virtual time, sleeping takes none, and the same seed gives the same
        answer. ``job_id`` leaves only that job's schedule active. What would leave the
        workspace is refused unless ``responses`` has an answer for it, by text or pattern:
        ``{"GET https://api.example/*": {"status": 200, "body": "…"}, "tools.weather": {…}}``.

        Raises ``NotFound`` for the job, ``InvalidInput`` for an ``until`` that is not ahead
        or more than 366 days, a ``seed`` that is no whole number, or a ``max_fires`` outside 1 to 10,000,
        and ``LuaJobsError`` when the engine ends meanwhile.
        """

    # Executions

    @abstractmethod
    async def list_executions(
        self,
        job_id: str | None = None,
        *,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExecutionPage:
        """Return executions, newest first.

        Of large ones as many as are answered at once (32 MB): the page's ``limit`` is then theirs.
        """

    @abstractmethod
    async def get_execution(self, execution_id: str) -> Execution:
        """Return an execution. Raises ``NotFound``."""

    @abstractmethod
    async def wait_execution(self, execution_id: str, timeout: float = 30.0) -> Execution:  # noqa: ASYNC109 - the bound of one answer, over HTTP too
        """Return the execution once it is finished, or as it is after ``timeout`` seconds.

        Raises ``NotFound``, and ``InvalidInput`` for a ``timeout`` that is no finite number.
        """

    @abstractmethod
    async def cancel_execution(self, execution_id: str) -> Execution:
        """Kill the running attempt or drop the waiting one; a finished execution is left alone."""

    # Logs and events

    @abstractmethod
    async def logs(self, query: LogQuery) -> LogPage:
        """Return log lines, newest first in pages; oldest first after a cursor."""

    @abstractmethod
    async def write_log(self, line: LogLine) -> LogLine:
        """Keep a line written outside a job (a tool's, with source ``skill``)."""

    @abstractmethod
    def events(self, after: str | None = None) -> AsyncIterator[Event]:
        """Follow what happens, from now on, or from just after the event with that id.

        A cursor of another epoch, or one too old, is answered by ``Resync`` first.
        The stream ends when the engine does.
        """

    # What job code, tools and notebooks ask of the platform

    @abstractmethod
    async def call(self, verb: str, arguments: dict[str, Any], *, key: str | None = None) -> Any:
        """Ask the platform as the acting user: ``user.*``, ``data.*``, ``products.*``.

        The same verbs and JSON that job code uses. Raises ``InvalidInput`` for an
        unknown verb or argument, and what the verb raises.
        """

    # Tools

    @abstractmethod
    def offer(self, tools: list[ToolOffer]) -> AsyncIterator[ToolCall]:
        """Offer tools to job code for as long as the iterator is held; yields each call."""

    @abstractmethod
    async def tools(self) -> list[ToolOffer]:
        """Return what is offered now, by name; of several offers of a name the newest."""

    @abstractmethod
    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call an offered tool as the acting user, and return its answer.

        Raises ``ToolUnavailable`` when nobody offers it or it takes longer than it may,
        ``InvalidInput`` for its arguments, ``ToolError`` with what it raised.
        """

    @abstractmethod
    async def take(self, call_id: str) -> None:
        """Say that a ``ToolCall`` has arrived and its tool works on it. Raises ``NotFound``."""

    @abstractmethod
    async def answer(
        self, call_id: str, value: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        """Answer a ``ToolCall``; ``error`` is ``{"type", "message"}``."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the engine (a client), or end it (an engine in this process)."""
