"""A simulation: the coming days run in seconds, on a copy of the workspace, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from luajobs_kit.clock import Clock, VirtualClock
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.jobs.view import as_of
from luajobs_kit.engine.lifecycle import Core
from luajobs_kit.engine.runs.runner import LocalRunner
from luajobs_kit.engine.simulation.virtual_runs import Simulated
from luajobs_kit.engine.state import State
from luajobs_kit.errors import InvalidInput
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Entry,
    EntryChange,
    Event,
    Execution,
    ExecutionClaimed,
    FireSkipped,
    LogQuery,
    Simulation,
)
from luajobs_kit.platform import MOST_CONCURRENT
from luajobs_kit.port import Port
from luajobs_kit.sandbox import Limits, Sandbox
from luajobs_kit.store import FireState, Put, Set, Store
from luajobs_kit.store.listing import MOST_LISTED
from luajobs_kit.store.transfer.merge_history import restore_executions, restore_messages

LONGEST: Final = timedelta(days=366)
MOST_FIRES: Final = 10_000
MOST_REPORTED: Final = 10_000  # log lines, and messages, of a report; later ones are left out
EVERYTHING: Final = 2**62
PAST: Final = 1_000  # executions, and messages, of the past in the copy: one page may hold so many
PAST_SIZE: Final = MOST_LISTED  # characters of JSON of either, lest the copy take gigabytes


async def simulate(
    state: State,
    assemble: Callable[[Callable[[Port], Core]], Core],
    until: datetime,
    *,
    job_id: str | None,
    seed: int,
    responses: dict[str, Any],
    max_fires: int,
) -> Simulation:
    """Run what falls due until ``until``, on a copy of what ``state`` holds. See ``Port.simulate``.

    ``assemble`` makes an engine, which answers what job code asks for, and returns its core.
    """
    start = state.clock.now()
    _check_bounds(start, until, seed, max_fires)
    clock = VirtualClock(start)
    ids = Ids(clock, random.Random(seed).randbytes)  # noqa: S311 - repeatable on purpose
    simulated = Simulated(seed, responses, max_fires)
    events = ReportedEvents(clock)
    async with (
        await Store.open(None, clock=clock, ids=ids) as copy,
        # A sandbox of its own, with the seed: it makes the order of sets repeatable.
        Sandbox(
            max_children=MOST_CONCURRENT,
            hash_seed=seed % 2**32,
            ceiling=Limits(memory=state.settings.values.memory_limit),
        ) as sandbox,
    ):
        waiting, running = await _fill(copy, state.store, state.fires, only=job_id)
        events.claimed += [execution.id for execution in waiting]
        past = await _fill_past(copy, state.store)
        runner = LocalRunner(sandbox)
        core = assemble(
            lambda port: Core(
                port, copy, runner, clock=clock, ids=ids, events=events, simulated=simulated
            )
        )
        try:
            await core.start()
            await clock.advance()  # until every task waits
            while not simulated.full and await clock.step(until):
                continue
            if not simulated.full:
                await clock.advance(until=until)
            # Before the engine ends, so that runs under way at the end are reported as running.
            report = await _report(
                state.store,
                copy,
                events,
                simulated,
                past,
                start=start,
                end=clock.now(),
                masked=state.settings.masked,
            )
            return report.evolve(left_out=running)
        finally:  # also when the caller was cancelled
            await core.aclose()


def _check_bounds(now: datetime, until: datetime, seed: int, max_fires: int) -> None:
    """Raise ``InvalidInput`` for a span, seed or bound outside those of a simulation."""
    if not now < until <= now + LONGEST:
        raise InvalidInput(
            f"A simulation goes from now to at most {LONGEST.days} days ahead, not to {until}."
        )
    if type(seed) is not int:
        raise InvalidInput(f"seed={seed!r} is no whole number.")
    if type(max_fires) is not int or not 1 <= max_fires <= MOST_FIRES:
        raise InvalidInput(f"max_fires={max_fires!r} is no whole number from 1 to {MOST_FIRES}.")


async def _fill(
    copy: Store, store: Store, fires: dict[str, FireState], *, only: str | None
) -> tuple[list[Execution], list[Execution]]:
    """Fill the empty ``copy`` with what simulated jobs may read; ``only`` keeps one job active.

    Returns two lists. Executions that wait, for a retry or in a queue, go on in the copy. Those
    that run are left out, because how far a run has come cannot be copied.
    """
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
    waiting: list[Execution] = []
    running: list[Execution] = []
    for execution in await store.history.unfinished():
        if only in {None, execution.job_id}:
            (waiting if execution.status == "pending" else running).append(execution)
    for execution in waiting:
        await copy.history.claim(execution, None)
    return waiting, running


async def _fill_past(copy: Store, store: Store) -> set[str]:
    """Copy the newest finished executions and messages; return the ids of the messages."""
    history = store.history
    runs = (await history.executions(limit=PAST, most=PAST_SIZE)).executions
    messages = await history.messages(None, limit=PAST, most=PAST_SIZE, cut=True)
    finished = [execution for execution in reversed(runs) if execution.finished]
    write = copy.database.write
    await write(partial(restore_executions, executions=finished))
    await write(partial(restore_messages, messages=messages[::-1]))
    return {message.id for message in messages}


class ReportedEvents(Events):
    """The events of a simulated engine: those that a report needs are collected; none is followed."""

    announces_jobs = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.claimed: list[str] = []
        self.skipped: list[FireSkipped] = []

    def publish(self, event: Event) -> None:
        """Collect the event if the report needs it."""
        if isinstance(event, ExecutionClaimed):
            self.claimed.append(event.execution.id)
        elif isinstance(event, FireSkipped):
            self.skipped.append(event)


async def _report(
    original: Store,
    copy: Store,
    events: ReportedEvents,
    simulated: Simulated,
    past: set[str],
    *,
    start: datetime,
    end: datetime,
    masked: Callable[[str], str],
) -> Simulation:
    """Return the report of what the simulated engine stored, without messages of the ``past``."""
    found = [await copy.history.execution(execution_id) for execution_id in events.claimed]
    messages = await copy.history.messages(None, limit=EVERYTHING, most=EVERYTHING)
    sent = [message for message in reversed(messages) if message.id not in past]
    logs = (await copy.history.logs(LogQuery(after=0, limit=MOST_REPORTED))).logs
    return Simulation(
        start=start,
        end=end,
        seed=simulated.seed,
        executions=[as_of(execution, end) for execution in found if execution is not None],
        skipped=events.skipped,
        messages=sent[:MOST_REPORTED],
        logs=logs,
        changes=_changes(await original.entries.everything(), await copy.entries.everything()),
        refused=[masked(request) for request in simulated.refused],
        stopped=f"after {simulated.fires} fires (max_fires)" if simulated.full else None,
    )


def _changes(before: list[Entry], after: list[Entry]) -> list[EntryChange]:
    old = {(entry.collection, entry.id): entry.data for entry in before}
    new = {(entry.collection, entry.id): entry.data for entry in after}
    return [
        EntryChange(collection=key[0], id=key[1], before=old.get(key), after=new.get(key))
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
