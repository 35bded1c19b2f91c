"""Virtual runs: what differs for runs in virtual time, and for those of a simulation."""

from __future__ import annotations

import asyncio
import fnmatch
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from luajobs_kit.engine.requests.requests import Requests, RunRequests
from luajobs_kit.engine.runs.active import Phase, Run
from luajobs_kit.engine.runs.activity import Activity
from luajobs_kit.engine.runs.attempt import AttemptInputs
from luajobs_kit.engine.runs.runner import Runner, Serve
from luajobs_kit.engine.runs.runs import Runs
from luajobs_kit.engine.runs.stop_reason import StopReason
from luajobs_kit.engine.state import State
from luajobs_kit.errors import InvalidInput, NotAllowed
from luajobs_kit.model import Execution, JobVersion
from luajobs_kit.store import FireState


@dataclass
class Simulated:
    """The seed, the answers given for what would leave the workspace, and what was refused."""

    seed: int
    responses: dict[str, Any]
    max_fires: int = 0
    fires: int = 0  # claimed, or being claimed
    refused: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether its bound is reached."""
        return self.fires >= self.max_fires

    def respond(self, request: str) -> Any:
        """Return the answer given for a request: by its exact text first, then by pattern.

        Raises ``NotAllowed`` when there is none.
        """
        if request in self.responses:
            return self.responses[request]
        for pattern, response in self.responses.items():
            if fnmatch.fnmatchcase(request, pattern):
                return response
        self.refused.append(request)
        raise NotAllowed(
            f"A simulation does not leave the workspace: give it responses={{{request!r}: …}}."
        )


class SimulatedRuns(Runs):
    """The runs of a simulation: no more than its bound are claimed, however many are due at once."""

    def __init__(
        self,
        state: State,
        runner: Runner,
        inputs: AttemptInputs,
        activity: Activity,
        concluded: Callable[[], None],
        *,
        simulated: Simulated,
    ) -> None:
        super().__init__(state, runner, inputs, activity, concluded, simulated=True)
        self._bound = simulated

    async def claim(
        self,
        execution: Execution,
        version: JobVersion,
        *,
        fire: FireState | None = None,
        key: str | None = None,
    ) -> Execution:
        """Claim it as an engine does. Raises ``NotAllowed`` once the bound is reached."""
        if self._bound.full:
            raise NotAllowed(
                f"The simulation ends here, after {self._bound.max_fires} fires (max_fires)."
            )
        self._bound.fires += 1  # before anything is waited for: others are claimed meanwhile
        kept = await super().claim(execution, version, fire=fire, key=key)
        if kept.id != execution.id:  # the same request came twice
            self._bound.fires -= 1
        return kept


class VirtualRequests(RunRequests):
    """The requests of one attempt in virtual time: sleeping is one of them."""

    def __init__(self, requests: Requests, run: Run, activity: Activity) -> None:
        super().__init__(requests, run.execution, run.version)
        self._run = run
        self._activity = activity
        self._began = requests.state.clock.now()

    async def answer(self, verb: str, arguments: dict[str, Any]) -> Any:
        if verb == "clock.sleep":
            return await self._sleep(arguments.get("elapsed"))
        return await super().answer(verb, arguments)

    async def _sleep(self, elapsed: Any) -> None:
        """Let the simulated world get as far as the run: ``elapsed`` seconds after its start."""
        if not isinstance(elapsed, int | float) or not 0 <= elapsed <= sys.float_info.max:
            raise InvalidInput(f"A run cannot sleep until {elapsed!r:.60}.")
        limit = self._version.timeout
        until = self._began + timedelta(seconds=min(elapsed, limit))
        async with self._activity.asleep():
            await self._requests.state.clock.sleep_until(until)
        if elapsed > limit:
            if self._run.phase is not Phase.ENDING:  # the sandbox kills real ones
                self._run.stop(StopReason.TIMEOUT)
            await asyncio.Event().wait()  # until the run is killed


class SimulatedRequests(VirtualRequests):
    """The requests of one simulated attempt: what would leave the workspace does not."""

    def __init__(
        self, requests: Requests, run: Run, activity: Activity, simulated: Simulated
    ) -> None:
        super().__init__(requests, run, activity)
        self._simulated = simulated

    async def answer(self, verb: str, arguments: dict[str, Any]) -> Any:
        match verb:
            case "http.request":
                request = f"{str(arguments.get('method', 'GET')).upper()} {arguments.get('url')}"
                return self._simulated.respond(request)
            case "tool.call":
                return self._simulated.respond(f"tools.{arguments.get('name')}")
        return await super().answer(verb, arguments)


class VirtualInputs(AttemptInputs):
    """What an attempt in virtual time is given: its clock, a seed of its own, and answers in that time."""

    def __init__(
        self, state: State, requests: Requests, activity: Activity, simulated: Simulated | None
    ) -> None:
        super().__init__(state, requests)
        self._activity = activity
        self._simulated = simulated

    def context(self, run: Run) -> dict[str, Any]:
        execution = run.execution
        # A run that was triggered has no fire time, and in a simulation ids follow from the seed, too.
        which = execution.fire_time.isoformat() if execution.fire_time else execution.id
        seed = self._simulated.seed if self._simulated else 0
        name = f"{seed} {execution.job_name} {execution.user_id} {which} {len(execution.attempts)}"
        drawn = random.Random(name).getrandbits(63)  # noqa: S311 - repeatable on purpose
        clock = {"now": self._state.clock.now().isoformat(), "seed": drawn, "shared": True}
        return super().context(run) | {"clock": clock}

    def serve(self, run: Run) -> Serve:
        if self._simulated is None:
            return VirtualRequests(self._requests, run, self._activity).serve
        return SimulatedRequests(self._requests, run, self._activity, self._simulated).serve
