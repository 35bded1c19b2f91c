"""Running the coming days in seconds: a copy of the workspace in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import (
    Entry,
    EntryChange,
    Event,
    ExecutionClaimed,
    FireSkipped,
    LogQuery,
    Simulation,
)
from luajobs_kit.store import FireState, Put, Set, Store

LONGEST: Final = timedelta(days=366)
MOST_FIRES: Final = 10_000
LOG_LINES: Final = 10_000  # of the report; the newest are dropped beyond it


def check_bounds(now: datetime, until: datetime, max_fires: int) -> None:
    """Raise ``InvalidInput`` for a span or bound that no simulation runs."""
    if not now < until <= now + LONGEST:
        raise InvalidInput(
            f"A simulation goes from now to at most {LONGEST.days} days ahead, not to {until}."
        )
    if not 1 <= max_fires <= MOST_FIRES:
        raise InvalidInput(f"max_fires={max_fires} is outside 1 to {MOST_FIRES}.")


async def fill(copy: Store, store: Store, fires: dict[str, FireState], *, only: str | None) -> None:
    """Fill the empty ``copy`` with what simulated jobs may see; ``only`` keeps one job active."""
    definitions = store.definitions
    settings = [Set(name, value) for name, value in definitions.settings().items()]
    await copy.definitions.commit(*settings, *map(Put, definitions.users()))
    for record in definitions.jobs():
        active = record.active and only in {None, record.id}
        versions = definitions.versions(record.id)
        await copy.definitions.commit(*map(Put, versions), Put(record.evolve(active=active)))
        if record.id in fires:
            await copy.history.set_fire(fires[record.id])
    await copy.entries.restore(await store.entries.everything())


class Recorder:
    """Collects what the simulated engine tells, and notices when its bound is reached."""

    def __init__(self, events: AsyncIterator[Event], max_fires: int) -> None:
        self.claimed: list[str] = []
        self.skipped: list[FireSkipped] = []
        self.full = asyncio.Event()
        self._events = events
        self._max_fires = max_fires

    async def run(self) -> None:
        """Follow until the engine ends."""
        async for event in self._events:
            if isinstance(event, ExecutionClaimed):
                self.claimed.append(event.execution.id)
            elif isinstance(event, FireSkipped):
                self.skipped.append(event)
            if len(self.claimed) >= self._max_fires:
                self.full.set()


async def report(
    original: Store, copy: Store, recorder: Recorder, *, start: datetime, end: datetime, seed: int
) -> Simulation:
    """Put together what the simulated engine left in its store."""
    found = [await copy.history.execution(execution_id) for execution_id in recorder.claimed]
    messages = await copy.history.messages(None, limit=LOG_LINES)
    logs = (await copy.history.logs(LogQuery(after=0, limit=LOG_LINES))).logs
    return Simulation(
        start=start,
        end=end,
        seed=seed,
        executions=[execution for execution in found if execution is not None],
        skipped=recorder.skipped,
        messages=messages[::-1],
        logs=logs,
        changes=_changes(await original.entries.everything(), await copy.entries.everything()),
        stopped=f"after {len(recorder.claimed)} fires (max_fires)"
        if recorder.full.is_set()
        else None,
    )


def _changes(before: list[Entry], after: list[Entry]) -> list[EntryChange]:
    old = {(entry.collection, entry.id): entry.data for entry in before}
    new = {(entry.collection, entry.id): entry.data for entry in after}
    return [
        EntryChange(collection=place[0], id=place[1], before=old.get(place), after=new.get(place))
        for place in {**old, **new}
        if old.get(place) != new.get(place)
    ]
