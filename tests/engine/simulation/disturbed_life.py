"""A workspace that lives through whatever is drawn by a seed, and what must hold of that.

Between two disturbances (an edit, a version published, a job switched, a killed engine, an export, an
import) the simulation equals what then happens in virtual time. In the end no fire has run twice, and
each one that was due has run or is counted as skipped.

``make replay SEED=17`` lives the life of one seed again, and tells it.
"""

import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    Declaration,
    IntervalSchedule,
    JobSpec,
    OnceSchedule,
    Retry,
    VersionSpec,
)
from luajobs_kit.sandbox import Sandbox
from luajobs_kit.timing import fires_after

START = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)  # in ten minutes Berlin's clocks are put forward
MOST_FIRES = 300
BODIES = [
    "return 1",
    "import asyncio; await asyncio.sleep(70)",
    "raise ValueError",
    "if job.execution.attempt < 2: raise ValueError",
    "if job.execution.fire_time and job.execution.fire_time.minute % 7 == 0: await job.trigger()",
]
CRONS = ["*/2 * * * *", "*/5 3 * * *", "0-59/3 * * * *"]


class DisturbedLife:
    """One life. ``live`` it; it raises ``AssertionError`` where something does not hold.

    ``all_compared``: a simulation for each interval, not for one of them; each costs as much as ten runs.
    """

    def __init__(self, seed, sandbox, tell=lambda _: None, *, all_compared=True):
        self.chance = random.Random(seed)
        self.sandbox = sandbox
        self.tell = tell
        self.all_compared = all_compared
        self.clock = VirtualClock(START)
        self.declared = {}
        self.spans = {}
        self.exported = None
        self.compared = 0

    async def live(self):
        """Live it in a folder of its own; return how many fires there were, and intervals compared."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder) / "0"
            self.engine = await self.open()
            try:
                await self.engine.settings({"max_concurrent": self.chance.choice([1, 2, 8])})
                for number in range(self.chance.choice([1, 1, 2, 3])):
                    await self.declare(f"job {number}")
                disturbances = self.chance.choice([1, 1, 2, 5])
                which = self.chance.randint(0, disturbances)
                for number in range(disturbances):
                    await self.undisturbed(compare=self.all_compared or number == which)
                    await self.disturb()
                await self.undisturbed(compare=self.all_compared or disturbances == which)
                return await self.judge(), self.compared
            finally:
                await self.engine.aclose()

    async def open(self):
        ids = Ids(self.clock, self.chance.randbytes)  # jitter follows from a job's id
        return await Engine.open(
            self.folder, clock=self.clock, ids=ids, sandbox=self.sandbox, virtual_runs=True
        )

    # Between two disturbances

    async def undisturbed(self, *, compare):
        """Compare what a simulation tells of the next minutes with what then happens."""
        await self.clock.advance()
        for _ in range(6):  # of a run that is under way a simulation cannot tell
            if not (await self.engine.status()).running:
                break
            await self.clock.advance(seconds=13)
        self.look()
        until = self.clock.now() + timedelta(minutes=self.chance.choice([2, 3, 5]))
        if not compare or (await self.engine.status()).running:
            await self.clock.advance(until=until)
            return
        over = {run.id for run in await self.runs() if run.finished}
        skipped = await self.skipped()
        told = await self.engine.simulate(until, max_fires=MOST_FIRES)
        await self.clock.advance(until=until)
        came = [run for run in await self.runs() if run.id not in over]
        assert told.stopped is None
        assert sorted(map(told_of, told.executions)) == sorted(map(told_of, came))
        foretold = Counter(dict.fromkeys(skipped, 0))
        for event in told.skipped:
            foretold[event.job_id] += event.count
        assert foretold == {
            job_id: count - skipped[job_id] for job_id, count in (await self.skipped()).items()
        }
        self.compared += 1

    async def runs(self):
        runs, page = [], None
        while page is None or page.executions:
            page = await self.engine.list_executions(limit=1000, offset=len(runs))
            runs += page.executions
        return runs

    async def skipped(self):
        jobs = await self.engine.list_jobs(include_dynamic=True)
        return {job.id: job.skipped_fires for job in jobs}

    # Disturbances

    async def disturb(self):
        """Do one thing that nobody foresaw."""
        job = self.chance.choice(await self.engine.list_jobs(include_dynamic=True))
        done = self.chance.choice(
            [
                self.edit,
                self.edit_words,
                self.again,
                self.publish,
                self.switch,
                self.trigger,
                self.kill,
                self.export,
                self.import_,
            ]
        )
        try:
            said = await done(job)
        except (Conflict, InvalidInput) as refused:  # a once-job whose time has passed, say
            said = f"refused: {refused.message}"
        self.tell(f"{self.clock.now():%H:%M:%S} {done.__name__.strip('_')} {job.name}: {said}")
        self.look()

    async def declare(self, name, **same):
        given = self.declared[name] = {**self.drawn(), **same}
        made = await self.engine.create_job(self.spec(name, **given))
        self.look()
        return made.change

    def drawn(self):
        chance = self.chance
        overlap = chance.choice(["skip", "queue", "allow"])
        cron = CronSchedule(expression=chance.choice(CRONS), timezone="Europe/Berlin")
        return {
            "schedule": chance.choice(
                [
                    lambda _: IntervalSchedule(seconds=45),
                    lambda _: IntervalSchedule(seconds=61, start=START),
                    lambda now: OnceSchedule(execute_at=now + timedelta(seconds=100), after=100),
                    lambda _: cron,
                ]
            ),
            "body": chance.choice(BODIES),
            "overlap": overlap,
            "catch_up": chance.choice(["once", "all", "none"]),
            "jitter": chance.choice([0, 0, 30, 45 if overlap == "skip" else 100]),
            "retry": Retry(
                max_attempts=chance.choice([0, 1]), backoff_seconds=chance.choice([20, 400])
            ),
            "max_concurrent": chance.choice([None, None, 1]),
        }

    def spec(self, name, *, schedule, body, **given):
        bundle = Bundle(source=f"async def execute(job):\n    {body}\n", entry="execute")
        return JobSpec(name=name, schedule=schedule(self.clock.now()), bundle=bundle, **given)

    async def edit(self, job):
        return await self.declare(job.name)

    async def edit_words(self, job):
        words = str(self.chance.random())
        return await self.declare(job.name, **{**self.declared[job.name], "description": words})

    async def again(self, job):
        return await self.declare(job.name, **self.declared[job.name])

    async def publish(self, job):
        spec = self.spec(job.name, **self.drawn())
        fields = {name: getattr(spec, name) for name in Declaration.model_fields}
        pushed = await self.engine.push_version(job.id, VersionSpec(**fields))
        version = self.chance.choice([*job.versions, pushed])
        await self.engine.publish_version(job.id, version.id)
        return version.version

    async def switch(self, job):
        off = job.active
        await (self.engine.deactivate_job if off else self.engine.activate_job)(job.id)
        return "off" if off else "on"

    async def trigger(self, job):
        return (await self.engine.trigger_job(job.id)).id

    async def kill(self, _):
        """Go on with what is on disk now; the engine that wrote it writes elsewhere from now on."""
        await self.clock.advance()
        killed, left = self.engine, self.folder.with_name(str(int(self.folder.name) + 1))
        shutil.copytree(self.folder, left)
        pause = self.chance.choice([0, 10, 45, 200])
        self.folder, self.clock = left, VirtualClock(self.clock.now() + timedelta(seconds=pause))
        await killed.aclose()
        self.engine = await self.open()
        return f"{pause} s without an engine"

    async def export(self, _):
        self.exported = await self.engine.export_workspace()

    async def import_(self, _):
        if self.exported is not None:
            await self.engine.import_workspace(self.exported)

    # What must hold

    def look(self):
        """Note from when to when each job counted by which schedule."""
        now, definitions = self.clock.now(), self.engine._core.state.store.definitions
        for record in definitions.jobs():
            schedule = definitions.version(record.active_version_id).schedule
            key = (record.armed_at, schedule, record.active)
            spans = self.spans.setdefault(record.id, [])
            if spans:
                spans[-1][2] = now
            if not spans or spans[-1][0] != key:
                spans.append([key, now if spans else record.armed_at, now])

    async def judge(self):
        """Assert that no fire ran twice and none is lost; return how many there were."""
        await self.clock.advance()
        self.look()
        runs, skipped, total = await self.runs(), await self.skipped(), 0
        for job_id, spans in self.spans.items():
            fired = [run for run in runs if run.job_id == job_id and run.cause != "manual"]
            times = Counter(run.fire_time for run in fired)
            assert max(times.values(), default=0) <= 1, f"ran twice: {times}"
            due = 0
            for (armed_at, schedule, active), since, until in spans:
                for fire in fires_after(schedule, None, armed_at=armed_at) if active else ():
                    if fire > until:
                        break
                    due += fire > since
            # One that was cancelled before it began is counted as skipped.
            begun = sum(run.status != "cancelled" or bool(run.attempts) for run in fired)
            assert begun + skipped[job_id] == due, (
                f"{begun} ran, {skipped[job_id]} skipped of {due}"
            )
            total += due
        return total


def told_of(run):
    """What a run did, but for its id."""
    attempts = tuple((each.status, each.started_at, each.completed_at) for each in run.attempts)
    when = (run.created_at, run.fire_time, run.next_attempt_at, run.lateness)
    return repr((run.job_name, run.cause, when, run.status, run.result, attempts))


def tell(text):
    sys.stdout.write(f"{text}\n")


async def main(seed):
    async with Sandbox() as sandbox:
        fires, compared = await DisturbedLife(seed, sandbox, tell).live()
    tell(f"seed {seed}: {fires} fires, {compared} intervals compared")
    tell("no difference, no fire twice, none lost")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
