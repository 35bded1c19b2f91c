"""What an attempt is told at its start: a snapshot, all JSON."""

from __future__ import annotations

from typing import Any

from luajobs_kit.engine.jobs.view import show
from luajobs_kit.engine.state import State
from luajobs_kit.model import Execution, JobVersion


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
