"""One attempt of a run: recorded as running, then made in the sandbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from luajobs_kit.engine.jobs.versions import program_of
from luajobs_kit.engine.jobs.view import show
from luajobs_kit.engine.requests.requests import LONG_LOOKS
from luajobs_kit.engine.runs.active import Awake, Run
from luajobs_kit.engine.runs.concurrency import Places
from luajobs_kit.engine.runs.outcome import why_dropped
from luajobs_kit.engine.runs.recorder import Ledger
from luajobs_kit.engine.state import State
from luajobs_kit.errors import SandboxError
from luajobs_kit.model import Attempt, Execution, ExecutionStarted, JobVersion
from luajobs_kit.sandbox import Failure, Limits, Outcome
from luajobs_kit.timing import jittered

_log = logging.getLogger(__name__)

Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Attempts:
    """Makes them, so many at once. ``serve`` and ``context`` say what job code is given."""

    def __init__(self, state: State, ledger: Ledger, awake: Awake) -> None:
        self._state = state
        self._ledger = ledger
        self._awake = awake
        self.places = Places(lambda: state.settings.values.max_concurrent, awake)
        self.serve: Callable[[Execution, JobVersion], Serve]
        self.context: Callable[[Execution, JobVersion], dict[str, Any]]

    async def make(self, run: Run) -> Outcome:
        """Wait for a place, and make the run's next attempt; nothing but being cancelled raises."""
        try:
            async with self.places.place(), self._awake.turn():
                if not why_dropped(self._state, run.execution):
                    return await self._make(run)
            # Its job was switched off while it waited for its place: whoever did that cancels it.
            return await asyncio.Future()
        except SandboxError as problem:
            return _abandoned("SandboxError", problem.message)
        except Exception as problem:  # noqa: BLE001 - it must end all the same, or its job waits for ever
            _log.exception("%s failed in the engine", run.execution.id)
            return _abandoned(type(problem).__name__, f"In the engine: {problem}")

    async def _make(self, run: Run) -> Outcome:
        await self._start(run)
        return await self._state.sandbox.run(
            program_of(run.version),
            context=self.context(run.execution, run.version),
            limits=Limits(
                timeout=run.version.timeout, memory=self._state.settings.values.memory_limit
            ),
            serve=self.serve(run.execution, run.version),
            alone=LONG_LOOKS,
            on_log=lambda record: self._ledger.log_output(run.execution, record),
        )

    async def _start(self, run: Run) -> None:
        began = self._state.clock.now()
        execution = run.execution
        attempt = Attempt(number=len(execution.attempts) + 1, status="running", started_at=began)
        due = execution.fire_time
        if due is not None:  # by its jitter it is to begin later
            due = jittered(due, run.version.jitter, execution.job_id)
        late = began - due if due is not None else timedelta()
        run.execution = execution.evolve(
            status="running",
            started_at=execution.started_at or began,
            lateness=late.total_seconds()
            if not execution.attempts and late > timedelta(seconds=1)
            else execution.lateness,
            attempts=[*execution.attempts, attempt],
            next_attempt_at=None,
        )
        await self._ledger.record(run.execution)
        self._ledger.remember(run.execution)
        self._state.events.publish(ExecutionStarted(at=began, execution=run.execution))


def _abandoned(kind: str, message: str) -> Outcome:
    return Outcome(status="abandoned", error=Failure(type=kind, message=message))


def context_of(state: State, execution: Execution, version: JobVersion) -> dict[str, Any]:
    """Return the context of the attempt that ``execution`` is about to make."""
    record = state.store.definitions.job(execution.job_id)
    settings = state.settings
    given = settings.given(version.env)
    job: dict[str, Any] = {"id": execution.job_id, "name": execution.job_name, "metadata": {}}
    if record is not None:
        shown = show(state, record)
        # The sources of all versions can be a lot; job.versions() asks for them.
        job = shown.evolve(active_version=version, versions=[], last_execution=None).to_json()
    return {
        "job": job,
        "execution": {
            **execution.evolve(attempts=[]).to_json(),
            "attempt": len(execution.attempts),
        },
        "user": execution.user_id,
        "predefined": record is not None and not record.dynamic,
        "agent": settings.values.agent_id,
        "env": given,
        "env_given": version.env,  # None: all
        "secrets": [secret for secret in settings.secrets if secret in given.values()],
        "clock": None,
    }
