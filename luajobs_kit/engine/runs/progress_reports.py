"""Progress that a run reports: shown by its execution at once, told to faces ten times a second at most."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from pydantic import ValidationError

from luajobs_kit.engine.runs.active import Run
from luajobs_kit.engine.runs.runner import Serve
from luajobs_kit.engine.state import State
from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import Progress, ProgressReported

PAUSE: Final = 0.1  # seconds between two events of one attempt
LONGEST_TEXT: Final = 200  # characters


class ProgressReports:
    """The reports of one attempt. ``aclose`` it before the attempt's end is recorded.

    The first report is told at once, and so is what the last one said when the attempt ends. Of
    those between, what was said last is told when ``PAUSE`` seconds have passed. They are counted
    by the machine's clock even where the engine lives in virtual time: there no time passes while
    a run works, so nothing but the first and the last would ever be told.
    """

    def __init__(self, state: State, run: Run) -> None:
        self._state = state
        self._run = run
        self._telling: asyncio.Task[None] | None = None
        self._untold = False

    def taken_from(self, serve: Serve) -> Serve:
        """Return ``serve`` with reports taken here, and all other requests passed on."""

        async def answer(verb: str, arguments: dict[str, Any]) -> Any:
            if verb == "job.progress":
                return await self.take(arguments)
            return await serve(verb, arguments)

        return answer

    async def take(self, given: dict[str, Any]) -> None:
        """Take over what a run says: ``done``, ``total`` and ``text``. Raises ``InvalidInput``."""
        progress = self._checked(given)
        execution = self._run.execution
        self._run.update(execution.evolve(progress=progress))
        self._untold = True
        if self._telling is None:
            self._tell()
            self._telling = asyncio.create_task(self._keep_telling())

    async def aclose(self) -> None:
        """Tell what was not told yet."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        if self._untold:
            self._tell()

    def _checked(self, given: dict[str, Any]) -> Progress:
        done, total, text = given.get("done"), given.get("total"), given.get("text")
        if text is not None:
            if not isinstance(text, str):
                raise InvalidInput(
                    f"The text of job.progress must be text, not {type(text).__name__}: "
                    'await job.progress(3, 10, "pages read").',
                    field="text",
                )
            text = self._state.settings.masked(text)
            text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
        for name, value in (("done", done), ("total", total)):
            if not _is_amount(value) and not (name == "total" and value is None):
                raise InvalidInput(
                    f"job.progress was given {name}={shortened(value)}, which is not a number of 0 or more: "
                    "await job.progress(3, 10) says that 3 of 10 are done.",
                    field=name,
                )
        try:
            progress = Progress(done=done, total=total, text=text, at=self._state.clock.now())
        except ValidationError as problem:
            raise InvalidInput(f"job.progress: {problem.errors()[0]['msg']}") from None
        if progress.total is not None and progress.done > progress.total:
            raise InvalidInput(
                f"job.progress({progress.done}, {progress.total}) is beyond its total: give the larger "
                "total, or None where nobody knows how much there is.",
                field="done",
            )
        return progress

    async def _keep_telling(self) -> None:
        while True:
            # Kept unsynced, so that it is there where the engine is killed; a full disk loses it.
            with contextlib.suppress(LuaJobsError):
                await self._state.store.history.record(self._run.execution)
            await asyncio.sleep(PAUSE)
            if not self._untold:
                break
            self._tell()
        self._telling = None

    def _tell(self) -> None:
        self._untold = False
        execution = self._run.execution
        if execution.progress is not None:
            self._state.events.publish(
                ProgressReported(
                    at=self._state.clock.now(),
                    execution_id=execution.id,
                    job_id=execution.job_id,
                    job_name=execution.job_name,
                    progress=execution.progress,
                )
            )


def _is_amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")
