"""Jobs and their versions: what people declare, what is kept, and what is shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from luajobs_kit.acting_user import Reach
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.model._document import Document, Instant, Written
from luajobs_kit.model.bundle import Bundle
from luajobs_kit.model.execution import Execution
from luajobs_kit.model.schedule import Schedule

DEFAULT_TIMEOUT = 300.0  # seconds; Lua's documented default
DEFAULT_AGENT = "agent_local"

JobStatus = Literal["active", "paused", "inactive", "failed"]
Change = Literal["created", "unchanged", "updated", "rearmed"]
Backoff = Literal["fixed", "linear", "exponential"]
"""How the wait before each retry grows."""
Overlap = Literal["skip", "queue", "allow"]
"""What becomes of a fire that comes while a run of its job is unfinished."""
CatchUp = Literal["once", "all", "none"]
"""How many of the fires that were missed while no engine ran are run."""
IfExists = Literal["update", "error"]
"""What creating a job does when its user has one of that name."""


class Retry(Written):
    """``max_attempts`` counts the retries after the first try, as in Lua."""

    max_attempts: int = 0
    backoff_seconds: float = 0
    backoff: Backoff = "fixed"


def no_retry(given: Any) -> InvalidInput:
    """Return the refusal of what is no retry at all."""
    return InvalidInput(
        'retry takes {"maxAttempts": 3, "backoffSeconds": 60}, '
        f"not {type(given).__name__} ({shortened(given)}).",
        field="retry",
    )


class Declaration(Document):
    """What a version declares: the code, and how it is run. Compared when a job is created again."""

    schedule: Schedule
    bundle: Bundle
    metadata: dict[str, Any] = Field(default_factory=dict)
    description: str | None = None
    timeout: float | None = None
    """Seconds of real time. None where it is asked for: ``DEFAULT_TIMEOUT``, or the workspace's
    ``timeout_ceiling`` where that is less. A version has the number."""
    retry: Retry = Field(default_factory=Retry)
    overlap: Overlap = "skip"
    catch_up: CatchUp = "once"
    jitter: float = 0  # seconds, at most, added to a fire
    pause_after_failures: int | None = None
    max_concurrent: int | None = None
    tools: list[str] | None = None  # names of tools that its runs may call; None: all
    env: list[str] | None = None  # names of settings that env() answers; None: all


class JobSpec(Declaration, Written):
    """A request to create a job."""

    name: str
    dynamic: bool = True
    activate: bool | None = None  # None: a new job is on, another one stays as it is
    if_exists: IfExists = "update"


class VersionSpec(Written):
    """A request to add a version to a job: what is to differ from the version that is active then.

    A field that is None is as there; ``version`` None means the next patch number.
    """

    version: str | None = None
    schedule: Schedule | None = None
    bundle: Bundle | None = None
    metadata: dict[str, Any] | None = None
    description: str | None = None
    timeout: float | None = None
    retry: Retry | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    jitter: float | None = None
    pause_after_failures: int | None = None
    max_concurrent: int | None = None
    tools: list[str] | None = None
    env: list[str] | None = None

    def declared(self, active: Declaration | None) -> Declaration:
        """Return the whole declaration; ``active`` is None where that version was lost by damage.

        Raises ``ValueError`` where nothing says with what schedule, or which code.
        """
        fields = dict.fromkeys(Declaration.model_fields)
        kept = {name: getattr(active, name) for name in fields} if active is not None else {}
        given = {name: value for name in fields if (value := getattr(self, name)) is not None}
        return Declaration(**(kept | given))


class JobVersion(Declaration):
    """One version of a job, as kept. The first is ``1.0.0``."""

    id: str
    job_id: str
    name: str  # the job's
    version: str
    timeout: float = DEFAULT_TIMEOUT
    active: bool = False
    created_at: Instant
    updated_at: Instant
    key: str | None = None
    """The idempotency key of the request that made it, committed with it."""

    @model_validator(mode="before")
    @classmethod
    def _read_powers(cls, stored: Any) -> Any:
        """Read ``powers`` as ``tools``: definitions and exports were once written with that key.

        Its names had the prefix ``tools.``.
        """
        if not isinstance(stored, dict) or stored.get("powers") is None or "tools" in stored:
            return stored
        names = stored["powers"]
        if isinstance(names, list):
            names = [str(name).removeprefix("tools.") for name in names]
        return {**stored, "tools": names}


class JobRecord(Document):
    """A job as kept among the definitions; what its runs did to it is in history."""

    id: str
    name: str
    agent_id: str = DEFAULT_AGENT
    user_id: str | None = None  # None: a pre-defined LuaJob
    dynamic: bool = True
    users_reach: Reach | None = None
    """Which users its runs reach, by who made it: its own, or any.

    None in records that older versions wrote: any where it is the default user's, else its own.
    """
    public: bool = False
    active: bool = True
    deleted: bool = False  # hidden from lists, revived by creating it again
    left_out: bool = False
    """Whether nobody switched it off, but a deployment that had it no more, or an import after its
    time: declared again, it comes on."""
    description: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    active_version_id: str | None = None
    armed_at: Instant | None = None
    """Since when the schedule counts; fires at or before it belong to an earlier arming."""
    deactivated_at: Instant | None = None
    """When the job was last switched off; each time it is, that is later than the time before."""
    created_at: Instant
    updated_at: Instant


def cancelled_in_words(count: int | None) -> str:
    """Return how many waiting runs were cancelled, to end a sentence with; nothing for none."""
    if not count:
        return ""
    return f"; {count} {'run' if count == 1 else 'runs'} that waited {'was' if count == 1 else 'were'} cancelled"


class Job(JobRecord):
    """A job as shown: the record with its versions and what history knows of it."""

    status: JobStatus
    active_version: JobVersion | None = None
    versions: list[JobVersion] = Field(default_factory=list)
    last_run_at: Instant | None = None
    next_run_at: Instant | None = None
    last_execution: Execution | None = None
    note: str | None = None  # why it is paused or failed, in words
    skipped_fires: int = 0
    change: Change | None = None  # only in the answer to create
    cancelled_runs: int | None = None
    """How many waiting runs the change cancelled; only in the answer to deactivate, publish and create."""

    @property
    def cancelled_in_words(self) -> str:
        """How many waiting runs the change cancelled, to end a sentence with; nothing for none."""
        return cancelled_in_words(self.cancelled_runs)


class Cancellation(Document):
    """The answer to cancelling a job's runs: how many ended so."""

    running: int  # attempts that were killed
    waiting: int  # runs that waited for their turn, their time or their next attempt

    @property
    def total(self) -> int:
        """All of them."""
        return self.running + self.waiting


class Deletion(Document):
    """The answer to a delete: Lua's three fields, and how many waiting runs were cancelled."""

    deleted: bool
    deactivated: bool
    message: str
    cancelled_runs: int = 0

    @property
    def cancelled_in_words(self) -> str:
        """How many waiting runs were cancelled, to end a sentence with; nothing for none."""
        return cancelled_in_words(self.cancelled_runs)
