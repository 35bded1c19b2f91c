"""What is different for runs in virtual time, and for those of a simulation."""

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
from luajobs_kit.engine.runs.attempt import Serve, context_of
from luajobs_kit.engine.runs.runs import Runs
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

    def context(self, state: State, execution: Execution, version: JobVersion) -> dict[str, Any]:
        """Return an attempt's context, with virtual time and a seed of its own."""
        # A run that was triggered has no fire time, and in a simulation ids follow from the seed, too.
        which = execution.fire_time.isoformat() if execution.fire_time else execution.id
        attempt = len(execution.attempts)
        name = f"{self.seed} {execution.job_name} {execution.user_id} {which} {attempt}"
        seed = random.Random(name).getrandbits(63)  # noqa: S311 - repeatable on purpose
        clock = {"now": state.clock.now().isoformat(), "seed": seed, "shared": True}
        return context_of(state, execution, version) | {"clock": clock}

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

    def __init__(self, state: State, simulated: Simulated) -> None:
        super().__init__(state, one_at_a_time=True)
        self._simulated = simulated

    async def claim(
        self,
        execution: Execution,
        version: JobVersion,
        *,
        fire: FireState | None = None,
        key: str | None = None,
    ) -> Execution:
        """Claim it as an engine does. Raises ``NotAllowed`` once the bound is reached."""
        if self._simulated.full:
            raise NotAllowed(
                f"The simulation ends here, after {self._simulated.max_fires} fires (max_fires)."
            )
        self._simulated.fires += 1  # before anything is waited for: others are claimed meanwhile
        kept = await super().claim(execution, version, fire=fire, key=key)
        if kept.id != execution.id:  # the same request came twice
            self._simulated.fires -= 1
        return kept


class VirtualRequests(RunRequests):
    """The requests of one attempt in virtual time: sleeping is one of them."""

    def __init__(
        self, requests: Requests, execution: Execution, version: JobVersion, *, runs: Runs
    ) -> None:
        super().__init__(requests, execution, version)
        self._runs = runs
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
        async with self._runs.awake.asleep():
            await self._requests.state.clock.sleep_until(until)
        if elapsed > limit:
            self._runs.time_out(self._execution.id)
            await asyncio.Event().wait()  # until the run is killed


class SimulatedRequests(VirtualRequests):
    """The requests of one simulated attempt: what would leave the workspace does not."""

    def __init__(
        self,
        requests: Requests,
        execution: Execution,
        version: JobVersion,
        *,
        runs: Runs,
        simulated: Simulated,
    ) -> None:
        super().__init__(requests, execution, version, runs=runs)
        self._simulated = simulated

    async def answer(self, verb: str, arguments: dict[str, Any]) -> Any:
        match verb:
            case "http.request":
                request = f"{str(arguments.get('method', 'GET')).upper()} {arguments.get('url')}"
                return self._simulated.respond(request)
            case "tool.call":
                return self._simulated.respond(f"tools.{arguments.get('name')}")
        return await super().answer(verb, arguments)


def serving(
    requests: Requests, runs: Runs, simulated: Simulated | None
) -> Callable[[Execution, JobVersion], Serve]:
    """Return the function that answers each attempt; without ``simulated`` only its time is virtual."""

    def serve(execution: Execution, version: JobVersion) -> Serve:
        if simulated is None:
            return VirtualRequests(requests, execution, version, runs=runs).serve
        return SimulatedRequests(requests, execution, version, runs=runs, simulated=simulated).serve

    return serve
