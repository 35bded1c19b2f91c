"""Requests of runs: what job code asks of the engine, answered as the run's own user."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from pydantic import ValidationError

from luajobs_kit.acting_user import acting_as, reaching
from luajobs_kit.bundle import inner_bundles
from luajobs_kit.engine.jobs.lookup import JobLookup
from luajobs_kit.engine.requests.costs import COSTS, Cost
from luajobs_kit.engine.requests.loop_turns import Turns
from luajobs_kit.engine.requests.quotas import Quotas, RunQuotas
from luajobs_kit.engine.requests.tools import ToolBroker
from luajobs_kit.engine.state import State
from luajobs_kit.errors import InvalidInput, LuaJobsError, NotAllowed
from luajobs_kit.json_walk import map_texts
from luajobs_kit.model import (
    Bundle,
    Execution,
    Job,
    JobRecord,
    JobSpec,
    JobVersion,
    LogQuery,
    Reach,
    invalid,
    no_retry,
)
from luajobs_kit.page_bounds import MOST_PAGES, check_count
from luajobs_kit.platform import Answer, Caller, Platform, is_heavy, pieces
from luajobs_kit.port import Port
from luajobs_kit.sandbox import MAX_REPLY, Json
from luajobs_kit.timing import parse_schedule
from luajobs_kit.timing.requested import requested

MOST_OUTSIDE: Final = 16  # requests to the outside, under way at a time for one run
EXECUTIONS_READ: Final = 8  # at a time; each may hold a result of 1 MB


Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Requests:
    """Answers the requests of runs (``call`` frames). A notebook's requests use the same verbs."""

    def __init__(
        self, state: State, port: Port, lookup: JobLookup, platform: Platform, tools: ToolBroker
    ) -> None:
        self.state = state
        self.port = port
        self.lookup = lookup
        self.platform = platform
        self.tools = tools
        self.quotas = Quotas(state.clock)
        self.turns = Turns()
        # Each is held by one run at a time. What notebooks and routes ask does not wait for them.
        self.long_reads, self.heavy_writes = asyncio.Lock(), asyncio.Lock()

    def serve(self, execution: Execution, version: JobVersion) -> Serve:
        """Return the function that answers one attempt's requests."""
        return RunRequests(self, execution, version).serve


class RunRequests:
    """The requests of one attempt."""

    def __init__(self, requests: Requests, execution: Execution, version: JobVersion) -> None:
        self._requests = requests
        self._execution = execution
        self._version = version
        self._inner: dict[str, Bundle] | None = None  # of the jobs that it creates
        self._given = execution.metadata or {}  # to this run alone, on top of its job's metadata
        record = requests.state.store.definitions.job(execution.job_id)
        self._reach = reach_of(record, requests.state.settings.values.default_user)
        self._quotas = RunQuotas(requests.quotas, execution.user_id)
        self._heavy_writes = asyncio.Lock()
        self._outside = asyncio.Semaphore(MOST_OUTSIDE)

    def serve(self, verb: str, arguments: dict[str, Any]) -> Awaitable[Json]:
        """Answer one request as ``answer`` does, in turn with those of other runs, as JSON."""
        return self._requests.turns.served(self, self._serve(verb, arguments))

    async def _serve(self, verb: str, arguments: dict[str, Any]) -> Json:
        try:
            async with self._admitted(verb, arguments):
                return await _encoded(verb, await self.answer(verb, arguments))
        except LuaJobsError as error:
            # Before its text is cut: it may repeat what job code gave, such as an address with a key.
            masked = self._requests.state.settings.masked
            error.message = masked(error.message)
            error.details = map_texts(error.details, masked)
            raise

    @asynccontextmanager
    async def _admitted(self, verb: str, arguments: dict[str, Any]) -> AsyncIterator[None]:
        """Wait until one more request of this kind may be under way."""
        cost = COSTS.get(verb)
        if cost is None:
            raise InvalidInput(f"There is no request {verb!r}; there are {', '.join(COSTS)}.")
        async with AsyncExitStack() as held:
            if cost is Cost.OUTSIDE:
                await held.enter_async_context(self._outside)
            elif cost is Cost.LONG_LOOK:
                # The sandbox sends one of these at a time for each run (``alone=``), so this lock is
                # passed from run to run.
                await held.enter_async_context(self._requests.long_reads)
            elif is_heavy(arguments):
                # A large write is one transaction; a fire that falls due meanwhile is recorded after
                # it. One at a time bounds how long that takes.
                await held.enter_async_context(self._heavy_writes)
                await held.enter_async_context(self._requests.heavy_writes)
            yield

    async def answer(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Answer one request of the attempt, as the run's own user."""
        family, _, name = verb.partition(".")
        with acting_as(self._execution.user_id), reaching(self._reach):
            match family:
                case "job":
                    return await self._of_job(name, self._execution.job_id, arguments)
                case "jobs":
                    return await self._of_jobs(name, arguments)
                case "tool":
                    return await self._tool(arguments)
                case "schedule":
                    return requested(name, arguments)
                case _:
                    if verb == "user.send":
                        self._quotas.message(arguments.get("messages"))
                    return await self._requests.platform.call(verb, arguments, self._caller())

    def _caller(self) -> Caller:
        run = self._execution
        return Caller(
            user_id=run.user_id,
            job_id=run.job_id,
            job_name=run.job_name,
            execution_id=run.id,
            reach=self._requests.state.settings.values.users_reach or self._reach,
        )

    async def _of_job(self, name: str, job_id: str, arguments: dict[str, Any]) -> Any:
        port = self._requests.port
        match name:
            case "update_metadata":
                return await self._update_metadata(job_id, _dict(arguments, "data"))
            case "trigger":
                version: Any = arguments.get("version_id")
                given = arguments.get("metadata")
                metadata = None if given is None else _dict(arguments, "metadata")
                self._requests.quotas.trigger(job_id)
                run = await port.trigger_job(job_id, version, metadata=metadata)
                return run.to_json(nones=True)
            case "activate":
                return self._as_json(await port.activate_job(job_id))
            case "deactivate":
                return self._as_json(await port.deactivate_job(job_id))
            case "delete":
                return (await port.delete_job(job_id)).to_json()
            case "executions":
                return await self._executions(job_id, check_count(arguments.get("limit", 50)))
            case "logs":
                lines = await port.logs(
                    LogQuery(job_id=job_id, limit=check_count(arguments.get("limit", 20)))
                )
                return await Answer().add(lines.logs)
            case "versions":
                return await self._versions(job_id, arguments)
            case "next_runs":
                times = await port.next_runs(
                    job_id, check_count(arguments.get("count", 5), "count")
                )
                return [time.isoformat() for time in times]
        raise InvalidInput(f"A job has no request {name!r}.")

    async def _update_metadata(self, job_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Keep the changes; return the metadata as this run is to see it from now on."""
        kept = (await self._requests.port.update_metadata(job_id, changes)).metadata
        self._given = {key: value for key, value in self._given.items() if key not in changes}
        return kept | self._given

    async def _executions(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        answer = Answer()
        while (left := limit - len(answer.documents)) > 0:
            page = await self._requests.port.list_executions(
                job_id, limit=min(left, EXECUTIONS_READ), offset=len(answer.documents)
            )
            await answer.add(page.executions)
            if len(page.executions) < EXECUTIONS_READ:
                break
        return answer.documents

    async def _versions(self, job_id: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        versions = (await self._requests.port.get_job(job_id)).versions
        start, end = _page(arguments)
        answer = Answer(
            which="oldest {} versions", advice="ask page by page: job.versions(limit={}, page=1)"
        )
        return await answer.add(versions[start:end])

    async def _all_jobs(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the jobs that the run reaches, oldest first, each without its inactive versions."""
        dynamic = bool(arguments.get("includeDynamic"))
        start, end = _page(arguments)
        asks = f"Jobs.get_all(include_dynamic={dynamic}, limit={{}}, page=1)"
        answer = Answer(which="first {} jobs", advice=f"ask page by page: {asks}")
        number = 0
        async for job in self._requests.lookup.each_job(
            include_dynamic=dynamic, include_deleted=False
        ):
            if not self._reaches(job):
                continue
            number += 1
            if number > end:
                break
            if number > start:
                told = await answer.add([self._limited_view(job)])
                self._hide_runs(job, told[-1])
        return answer.documents

    async def _of_jobs(self, name: str, arguments: dict[str, Any]) -> Any:
        match name:
            case "get":
                return self._as_json(await self._reachable(arguments))
            case "get_all":
                return await self._all_jobs(arguments)
            case "create":
                return await self._create(arguments)
            case "trigger" | "activate" | "deactivate":
                job = await self._reachable(arguments)
                self._refuse_predefined(name, job)
                return await self._of_job(name, job.id, arguments)
        raise InvalidInput(f"Jobs has no request {name!r}.")

    async def _reachable(self, arguments: dict[str, Any]) -> Job:
        """Return the job asked for. Raises ``NotFound`` for another user's, as for none."""
        # Looked for among the jobs that the run reaches: the others are as good as none.
        found: Any = arguments.get("id")
        return self._requests.lookup.find(found, self._execution.user_id, self._reaches)

    def _reaches(self, job: JobRecord) -> bool:
        """Whether the run may see the job: its user's, the agent's, and from the agent's all."""
        own = self._execution.user_id
        return own is None or job.user_id in {own, None}

    @property
    def _is_a_users(self) -> bool:
        """Whether the run is of a user other than the workspace's own person."""
        own = self._requests.state.settings.values.default_user
        return self._execution.user_id not in {None, own}

    def _refuse_predefined(self, what: str, job: Job) -> None:
        """Raise ``NotAllowed`` when a user's run is to trigger or switch a job of the agent."""
        if self._is_a_users and job.user_id is None:
            raise NotAllowed(
                f"A job of {self._execution.user_id} cannot {what} {job.name!r}: it is one of the "
                "agent's pre-defined jobs, which run for every user. The agent's own jobs can, and "
                "so can the workspace's owner."
            )

    def _limited_view(self, job: Job) -> Job:
        """Return a job as the run may see it: with the active version only, as all can be large."""
        hidden = self._is_a_users and job.user_id is None
        return job.evolve(versions=[], last_execution=None if hidden else job.last_execution)

    def _hide_runs(self, job: Job, told: dict[str, Any]) -> dict[str, Any]:
        """Leave out of what a user's run sees how the runs of the agent's own jobs ended."""
        if self._is_a_users and job.user_id is None:
            del told["lastExecution"]
        return told

    def _as_json(self, job: Job) -> dict[str, Any]:
        return self._hide_runs(job, self._limited_view(job).to_json(nones=True))

    async def _create(self, arguments: dict[str, Any]) -> Any:
        given = dict(arguments)
        if self._execution.user_id is not None and given.get("dynamic", True) is not True:
            raise NotAllowed("A user's job cannot create the agent's own jobs; leave out dynamic=.")
        bundle = await self._bundle_of(given)
        retry = given.get("retry", {})
        if not isinstance(retry, dict):
            raise no_retry(retry)
        now = self._requests.state.clock.now()
        given["schedule"] = parse_schedule(given.get("schedule"), now=now, check_past=False)
        try:
            spec = JobSpec(**{**given, "bundle": bundle})
        except ValidationError as problem:
            raise invalid("Jobs.create", problem) from None
        # A job that a run creates may call no tool and read no setting that the run may not.
        spec = spec.evolve(
            tools=_limited_to(self._version.tools, spec.tools),
            env=_limited_to(self._version.env, spec.env),
        )
        self._quotas.creation()
        return self._as_json(await self._requests.port.create_job(spec))

    async def _bundle_of(self, given: dict[str, Any]) -> Bundle:
        """Return the new job's bundle, by its text or by where its function stands in this job's.

        Takes both out of ``given``.
        """
        source, entry, key = (given.pop(name, None) for name in ("source", "entry", "function"))
        if isinstance(key, str):
            if self._inner is None:  # read once for all that a run creates
                self._inner = await asyncio.to_thread(inner_bundles, self._version.bundle)
            found = self._inner.get(key)
            if found is not None:
                return found
        if not isinstance(source, str) or not isinstance(entry, str):
            raise InvalidInput(
                "Inside a job, Jobs.create takes a function that stands in the job's source, by its "
                "name in the call itself: Jobs.create(name=…, schedule=…, execute=follow_up). Or "
                "text: source='async def run(job): …', entry='run'."
            )
        file = f"<created by {self._execution.job_name}>"
        return Bundle(source=source, entry=entry, file=file)

    async def _tool(self, arguments: dict[str, Any]) -> Any:
        name = arguments.get("name")
        own = self._version.tools
        if not isinstance(name, str) or (own is not None and name not in own):
            listed = ", ".join(f"tools.{one}" for one in own or []) or "none"
            raise NotAllowed(f"This job was not given tools.{name}; its tools are: {listed}.")
        return await self._requests.tools.ask(
            name,
            _dict(arguments, "arguments"),
            user_id=self._execution.user_id,
            execution=self._execution,
        )


def _limited_to(own: list[str] | None, wanted: list[str] | None) -> list[str] | None:
    """Return the ``wanted`` names that are among a run's ``own``; None stands for all there are."""
    if own is None or wanted is None:
        return own if wanted is None else wanted
    return [name for name in wanted if name in own]


def reach_of(record: JobRecord | None, default_user: str) -> Reach:
    """Return which users a job's runs reach, and the jobs they create, when no setting decides."""
    if record is None:  # deleted since
        return "own"
    if not record.dynamic:
        return "any"
    return record.users_reach or ("any" if record.user_id == default_user else "own")


async def _encoded(verb: str, value: Any) -> Json:
    """Return a value as JSON, written in pieces. Raises ``InvalidInput`` for one that is too large."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces(value):
        if parts:
            await asyncio.sleep(0)
        part = piece.encode("utf-8", "replace")
        size += len(part)
        if size > MAX_REPLY:
            raise InvalidInput(
                f"{verb} answers more than {MAX_REPLY} bytes, which is all that fits. Ask for less, "
                "page by page."
            )
        parts.append(part)
    return Json(b"".join(parts))


def _page(arguments: dict[str, Any]) -> tuple[int, int]:
    """Return where the requested page begins and ends; without one, all."""
    if "limit" not in arguments and "page" not in arguments:
        return 0, sys.maxsize
    limit = check_count(arguments.get("limit", 10))
    page = check_count(arguments.get("page", 1), "page", MOST_PAGES)
    return (page - 1) * limit, page * limit


def _dict(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    value = arguments.get(name)
    if not isinstance(value, dict):
        raise InvalidInput(f"{name} must be a dict, not {type(value).__name__}.")
    return value
