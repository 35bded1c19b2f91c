"""``job``, the instance a run is given, and ``Jobs``."""

from __future__ import annotations

from datetime import datetime
from types import FunctionType
from typing import Any, Final

from luajobs_kit.errors import InvalidInput, NotAllowed
from luajobs_kit.guest.api.json_objects import to_object
from luajobs_kit.guest.api.records import (
    ReadOnlyMetadata,
    ReadOnlyRecord,
    Record,
    wrap,
)
from luajobs_kit.guest.api.spoken import spoken_as
from luajobs_kit.guest.api.tracker import Tracker, report_progress
from luajobs_kit.guest.api.unkept_changes import CopyKind, DocumentKey
from luajobs_kit.guest.api.users import User, UserInstance
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current, taking_no_argument
from luajobs_kit.guest.stdlib.logging import Logger, getLogger
from luajobs_kit.record import update_metadata_call

_DEFAULT_TIMEOUT: Final = 300.0  # seconds; Lua's documented default


class LogLine(Record):
    """One line of a log."""

    __slots__ = ()

    @property
    def id(self) -> str:
        return f"log_{self['seq']}"

    @property
    def level(self) -> str:
        """``debug``, ``info``, ``warn`` or ``error``: Lua's ``subType``."""
        return str(self["subType"])


@spoken_as("job")
class JobInstance(HostMade):
    """A job: its data as of now, and what can be done with it."""

    __slots__ = ("_answer", "_data", "_execution", "_is_running")

    _answer: dict[str, Any]
    """What ``_data`` was made of, and ``_execution``: unlike them it is out of job code's reach."""
    _data: ReadOnlyRecord
    _execution: ReadOnlyRecord | None
    _is_running: bool

    def __init__(self, data: dict[str, Any], execution: dict[str, Any] | None = None) -> None:
        set_field = object.__setattr__
        set_field(self, "_answer", {**data, "execution": execution})
        set_field(self, "_data", _complete(data))
        set_field(
            self, "_execution", None if execution is None else wrap(execution, ReadOnlyRecord)
        )
        set_field(self, "_is_running", execution is not None)

    def __setattr__(self, name: str, value: Any) -> None:
        raise NotAllowed(
            f"job.{name} cannot be set, and would not be kept; keep a value with "
            f"{update_metadata_call(name, value)}"
        )

    @property
    def id(self) -> str:
        return str(self._data.get("id"))

    @property
    def name(self) -> str:
        return str(self._data.get("name"))

    @property
    def metadata(self) -> ReadOnlyMetadata:
        """What the job was given and what its runs kept; ``update_metadata`` keeps more."""
        self._note_metadata()
        return self._data["metadata"]  # type: ignore[no-any-return]

    @property
    def active_version(self) -> Record | None:
        """The version that runs, with its ``schedule``, ``timeout`` and so on."""
        return self.data.get("activeVersion")

    @property
    def data(self) -> Record:
        """The whole job as JSON; ``versions()`` gives the versions that do not run, too."""
        self._note(_DATA, _noted(self._answer))
        return self._data

    @property
    def change(self) -> str | None:
        """What creating it did: ``created``, ``unchanged``, ``updated`` or ``rearmed``."""
        return self.data.get("change")

    @property
    def execution(self) -> Record:
        """This run: ``id``, ``attempt``, ``fire_time``, ``lateness``."""
        if self._execution is None:
            raise NotAllowed("only the job that runs has an execution here; see executions()")
        self._note(_EXECUTION, self._answer["execution"])
        return self._execution

    @property
    def log(self) -> Logger:
        """The run's log, as a logger: ``job.log.info("%d found", count)``."""
        return getLogger("job")

    async def user(self) -> UserInstance:
        """Return the user this job was created for."""
        run = current()
        if not self._is_running or run.context.get("predefined") or run.context.get("user") is None:
            raise NotAllowed(
                "this job belongs to the agent, not to a user: put a user's id in metadata and "
                'use await User.get(job.metadata["user_id"])'
            )
        user = await User.get()
        assert user is not None
        return user

    async def progress(
        self, done: float, total: float | None = None, text: str | None = None
    ) -> None:
        """Tell how far this run is: ``await job.progress(3, 10, "pages read")``.

        Whoever watches sees the latest, ten times a second at most; it is kept with the execution.
        ``total`` is None where nobody knows how much there is. A ``text`` longer than 200 characters
        is cut. Raises ``InvalidInput`` for what is no number of 0 or more, and beyond the total.
        """
        self._only_its_own("progress")
        await report_progress(done, total, text)

    def track(self, items: Any, total: float | None = None, text: str | None = None) -> Tracker:
        """Go through ``items`` and tell how many are done: ``async for page in job.track(pages)``.

        Also in a plain ``for``. ``items`` is anything that can be gone through, in an ``async for``
        also what gives its items asynchronously; where it does not know its length, say ``total``.
        """
        self._only_its_own("track")
        return make(Tracker, items, total, text)

    async def update_metadata(self, data: dict[str, Any]) -> ReadOnlyMetadata:
        """Merge ``data`` into the metadata, for this run and those to come; return all of it."""
        self._only_its_own("update_metadata")
        plain = to_object(data, "metadata")
        answer = await current().call("job.update_metadata", {"data": plain})
        self._show_metadata(answer, given=data)
        return self.metadata

    async def trigger(
        self, version_id: str | None = None, *, metadata: dict[str, Any] | None = None
    ) -> Record:
        """Run the job now, whatever its schedule; return the execution that was begun.

        ``metadata`` is laid over the job's for that run alone.
        """
        given = {"version_id": version_id, "metadata": metadata}
        arguments = {name: value for name, value in given.items() if value is not None}
        return wrap(await self._call("trigger", arguments))  # type: ignore[no-any-return]

    async def activate(self) -> JobInstance:
        """Let the schedule fire."""
        return self._renewed(await self._call("activate", {}))

    async def deactivate(self) -> JobInstance:
        """Switch it off: what waits is cancelled, and counted in ``job.data["cancelledRuns"]``.

        This run goes on to its end, and is not tried again after that.
        """
        return self._renewed(await self._call("deactivate", {}))

    async def delete(self) -> Record:
        """Delete the job, or deactivate it where it has a history of versions."""
        self._only_its_own("delete")
        answer = await current().call("job.delete")
        current().copies.forget(self._document(_METADATA))
        return wrap(answer)  # type: ignore[no-any-return]

    async def executions(self, limit: int = 50) -> list[Record]:
        """Return its newest executions, newest first."""
        self._only_its_own("executions")
        answer = await current().call("job.executions", {"limit": limit})
        return _items(answer, "executions")

    async def logs(self, limit: int = 20) -> list[LogLine]:
        """Return its newest log lines, in reading order: the oldest of them first."""
        self._only_its_own("logs")
        answer = await current().call("job.logs", {"limit": limit})
        lines = answer["logs"] if isinstance(answer, dict) else answer
        return [LogLine(wrap(each)) for each in reversed(lines)]

    async def versions(self, limit: int | None = None, page: int = 1) -> list[Record]:
        """Return its versions, oldest first; with ``limit`` page by page, counted from 1."""
        self._only_its_own("versions")
        return _items(await current().call("job.versions", _page(limit, page)), "versions")

    async def next_runs(self, count: int = 5) -> list[datetime]:
        """Return when it is due next."""
        self._only_its_own("next_runs")
        answer = await current().call("job.next_runs", {"count": count})
        parse = current().datetime.fromisoformat
        return [parse(each) for each in answer]

    def _only_its_own(self, method: str) -> None:
        if not self._is_running:
            raise NotAllowed(f"a job can use {method}() on itself only, not on {self.name!r}")

    async def _call(self, verb: str, arguments: dict[str, Any]) -> Any:
        if self._is_running:
            return await current().call(f"job.{verb}", arguments)
        return await current().call(f"jobs.{verb}", {"id": self.id, **arguments})

    def _renewed(self, data: dict[str, Any]) -> JobInstance:
        if isinstance(data, dict):
            metadata = self._data["metadata"]
            current().copies.saved(self._document(_DATA), {}, _noted(data), by=self)
            self._answer.update({key: value for key, value in data.items() if key != "metadata"})
            dict.update(self._data, _complete(data), metadata=metadata)
            self._show_metadata(data.get("metadata") or {}, given={})
        return self

    def _show_metadata(self, answer: dict[str, Any], *, given: Any) -> None:
        """Show the metadata as it is kept now, after ``given`` was."""
        copies = current().copies
        copies.saved(self._document(_METADATA), given, answer, by=self)
        copies.refresh(self._data["metadata"], answer, wrap)
        self._answer["metadata"] = answer
        self._note_metadata()

    def _note_metadata(self) -> None:
        kept: dict[str, Any] = self._answer.get("metadata") or {}
        # What is no list and no object cannot be changed in place: the snapshot refuses that.
        if any(type(value) is list or type(value) is dict for value in kept.values()):
            self._note(_METADATA if self._is_running else _OF_ANOTHER, kept)

    def _note(self, kind: CopyKind, before: dict[str, Any]) -> None:
        current().copies.track(self, kind, self._document(kind), before)

    def _document(self, kind: CopyKind) -> DocumentKey:
        own = current().context.get("job") or {}
        return (kind.name,) if self.id == own.get("id") else (kind.name, self.id)

    def __repr__(self) -> str:
        return f"<JobInstance {self.name} ({self.id})>"


_APART: Final = frozenset({"metadata", "execution"})
"""What is shown beside ``job.data``'s other fields."""
_METADATA: Final = CopyKind(
    "job.metadata",
    lambda job: job._data["metadata"],  # noqa: SLF001  # one role in two definitions
    lambda key: f"await job.update_metadata({{{key!r}: job.metadata[{key!r}]}}) keeps it".replace(
        "'", '"'
    ),
)
_OF_ANOTHER: Final = _METADATA._replace(
    advice=lambda _: "a run keeps metadata of its own job alone"
)
_DATA: Final = CopyKind(
    "job.data",
    lambda job: _noted(job._data),  # noqa: SLF001  # likewise
    lambda _: "it only shows the job, and nothing keeps it",
)
_EXECUTION: Final = CopyKind(
    "job.execution",
    lambda job: job._execution,  # noqa: SLF001  # likewise
    lambda _: "it only shows the run, and nothing keeps it",
)


def _versions(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``versions`` as it is shown where a job's data has only the active one."""
    active = data.get("activeVersion")
    return {"versions": [active]} if active is not None and not data.get("versions") else {}


def _noted(data: dict[str, Any]) -> dict[str, Any]:
    """Return a job's data but for what is noted by itself; the active version is named once."""
    active = dict.get(data, "activeVersion")
    versions = dict.get(data, "versions", [])
    items = {key: value for key, value in dict.items(data) if key not in _APART}
    if active is not None and type(versions) is list:
        items["versions"] = [None if each is active else each for each in versions or [active]]
    return items


def _complete(data: dict[str, Any]) -> ReadOnlyRecord:
    """Make the metadata a snapshot, and let the active version be among the versions."""
    shown: ReadOnlyRecord = wrap(data, ReadOnlyRecord)
    dict.update(
        shown, _versions(shown), metadata=ReadOnlyMetadata(wrap(data.get("metadata") or {}))
    )
    return shown


def _page(limit: int | None, page: int) -> dict[str, Any]:
    return (
        {}
        if limit is None and page == 1
        else {"limit": 10 if limit is None else limit, "page": page}
    )


def _items(answer: Any, name: str) -> list[Record]:
    return wrap(answer[name] if isinstance(answer, dict) else answer)  # type: ignore[no-any-return]


def _key_of(function: Any) -> str:
    """Return by what the engine knows a function of this job's source: where it stands."""
    plain = taking_no_argument(function)
    if type(plain) is not FunctionType or plain.__globals__ is not current().globals:
        raise InvalidInput(
            "Jobs.create(execute=…) inside a job takes a function of the job's source, not "
            f"{type(function).__name__}"
        )
    code = plain.__code__
    return f"{code.co_filename}:{code.co_firstlineno}:{code.co_name}"


@spoken_as("Jobs")
class Jobs(HostMade):
    """The jobs of the agent."""

    __slots__ = ()

    @staticmethod
    async def get_job(job_id: str) -> JobInstance:
        """Return a job by id, or by name: the acting user's first.

        Raises ``NotFound`` (with close names), and ``Conflict`` listing the jobs when several
        users have one of that name and the acting user does not.
        """
        return make(JobInstance, await current().call("jobs.get", {"id": job_id}))

    @staticmethod
    async def get_all(
        *, include_dynamic: bool = False, limit: int | None = None, page: int = 1
    ) -> list[JobInstance]:
        """Return the agent's jobs, oldest first; those made by tools and cells only when asked.

        All that fit into one answer (4 MB); with ``limit`` page by page, counted from 1.
        """
        arguments = {"includeDynamic": include_dynamic, **_page(limit, page)}
        answer = await current().call("jobs.get_all", arguments)
        items = answer["jobs"] if isinstance(answer, dict) else answer
        return [make(JobInstance, each) for each in items]

    @staticmethod
    async def create(
        *,
        name: str,
        schedule: dict[str, Any],
        execute: Any = None,
        source: str | None = None,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        timeout: float = _DEFAULT_TIMEOUT,  # noqa: ASYNC109  # seconds, the job's
        retry: dict[str, Any] | None = None,
        activate: bool = True,
        if_exists: str = "update",
        overlap: str = "skip",
        catch_up: str = "once",
        jitter: float = 0,
        pause_after_failures: int | None = None,
        max_concurrent: int | None = None,
        tools: list[str] | None = None,
        env: list[str] | None = None,
        entry: str = "execute",
        dynamic: bool | None = None,
    ) -> JobInstance:
        """Create a job from a function of this job's source, or from text that defines ``entry``.

        The options are those of a notebook's ``Jobs.create``; ``dynamic`` is for the agent's own jobs.
        """
        if execute is not None and not source:
            given: dict[str, Any] = {"function": _key_of(execute)}
        elif execute is None and isinstance(source, str) and source.strip():
            given = {"source": source, "entry": entry}
        else:
            raise InvalidInput(
                "inside a job a new job is created from a function of the same source, "
                "Jobs.create(name=…, schedule=…, execute=follow_up, metadata={…}), or from text: "
                'source="async def execute(job): …"'
            )
        arguments: dict[str, Any] = {
            "name": name,
            "schedule": schedule,
            "description": description,
            "metadata": to_object(metadata or {}, "metadata"),
            "timeout": timeout,
            "retry": retry,
            "activate": activate,
            "if_exists": if_exists,
            "overlap": overlap,
            "catch_up": catch_up,
            "jitter": jitter,
            "pause_after_failures": pause_after_failures,
            "max_concurrent": max_concurrent,
            "tools": tools,
            "env": env,
            "dynamic": dynamic,
        }
        given |= {each: value for each, value in arguments.items() if value is not None}
        return make(JobInstance, await current().call("jobs.create", given))
