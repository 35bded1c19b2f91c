"""The attempt: what job code is given for one, and how the execution shows that it began and ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from luajobs_kit.engine.jobs.view import show
from luajobs_kit.engine.requests.requests import Requests
from luajobs_kit.engine.runs.active import Run
from luajobs_kit.engine.runs.outcome import End
from luajobs_kit.engine.runs.runner import Serve
from luajobs_kit.engine.state import State
from luajobs_kit.model import Attempt, Execution, JobVersion
from luajobs_kit.timing import jittered


class AttemptInputs:
    """What a run's next attempt is given: its context, and who answers its requests."""

    def __init__(self, state: State, requests: Requests) -> None:
        self._state = state
        self._requests = requests

    def context(self, run: Run) -> dict[str, Any]:
        """Return what job code knows when it begins, as JSON."""
        return context_of(self._state, run.execution, run.version)

    def serve(self, run: Run) -> Serve:
        """Return the function that answers its requests."""
        return self._requests.serve(run.execution, run.version)


def begin_attempt(execution: Execution, version: JobVersion, now: datetime) -> Execution:
    """Return the execution as its next attempt begins."""
    due = execution.fire_time
    if due is not None:  # by its jitter it is to begin later
        due = jittered(due, version.jitter, execution.job_id)
    late = now - due if due is not None else timedelta()
    attempt = Attempt(number=len(execution.attempts) + 1, status="running", started_at=now)
    return execution.evolve(
        status="running",
        started_at=execution.started_at or now,
        lateness=late.total_seconds()
        if not execution.attempts and late > timedelta(seconds=1)
        else execution.lateness,
        attempts=[*execution.attempts, attempt],
        next_attempt_at=None,
        progress=None,
    )


def end_attempt(execution: Execution, end: End, now: datetime) -> Execution:
    """Return the execution with its attempt ended, where one was under way."""
    if execution.attempts and execution.attempts[-1].status == "running":
        ended = execution.attempts[-1].evolve(
            status=end.status,
            completed_at=now,
            duration=end.duration,
            result=end.result,
            error=end.error,
        )
        execution = execution.evolve(attempts=[*execution.attempts[:-1], ended])
    return execution.evolve(result=end.result, error=end.error, duration=end.duration)


def context_of(state: State, execution: Execution, version: JobVersion) -> dict[str, Any]:
    """Return the context of the attempt that ``execution`` is about to make."""
    record = state.store.definitions.job(execution.job_id)
    settings = state.settings
    given = settings.given(version.env)
    job: dict[str, Any] = {"id": execution.job_id, "name": execution.job_name, "metadata": {}}
    if record is not None:
        shown = show(state, record)
        # The sources of all versions can be a lot; job.versions() asks for them.
        known = shown.evolve(
            active_version=version,
            versions=[],
            last_execution=None,
            metadata=shown.metadata | (execution.metadata or {}),
        )
        job = known.to_json(nones=True)
        del job["lastExecution"]  # which may be large; job.executions() has it
    return {
        "job": job,
        "execution": {
            **execution.evolve(attempts=[]).to_json(nones=True),
            "attempt": len(execution.attempts),
        },
        "user": execution.user_id,
        "predefined": record is not None and not record.dynamic,
        "agent": settings.values.agent_id,
        "env": given,
        "env_given": version.env,  # None: all
        "secrets": sorted(set(given.values())),
        "clock": None,
    }
