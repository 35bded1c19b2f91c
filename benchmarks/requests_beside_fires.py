"""Requests of runs to the engine, beside a job that fires each second: fires skipped, how late ``status`` is.

    python benchmarks/requests_beside_fires.py [--seconds 6] [--runs 8] [KIND …]

Each kind is a job whose runs, so many at once, ask for the same thing 64 times at once, over
and over, with the worst arguments there are. Beside them as many runs that only compute are timed:
the machine is shared, so the ratio to them is what to trust. ``status`` is asked at fixed
times, and its answer counts from then. The goals: no fire is skipped, and its 99th percentile is at most
three times that beside runs that compute. All kinds together make every request that costs
something. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

from luajobs_kit.acting_user import acting_as
from luajobs_kit.engine import Engine
from luajobs_kit.engine.requests.costs import COSTS, Cost
from luajobs_kit.engine.requests.requests import RunRequests
from luajobs_kit.model import Bundle, CronSchedule, IntervalSchedule, JobSpec
from luajobs_kit.port import ToolOffer

AT_ONCE = 64  # calls of one run
RATIO = 3.0  # of the 99th percentiles, at most
BEAT = 0.010  # seconds between two questions
LEAST = 2.0  # milliseconds: less than that is no lateness that anybody sees
USER = "user_bench"
LARGE = 250_000  # characters
MISSED: list[str] = []
ASKED: set[str] = set()  # the requests that were made

HONEST = "spinning"
LARGE_VALUES = 'large = {"n": ["x" * 10] * 19_900}\n'  # as JSON, 260 kB in 19,900 values
KINDS: dict[str, tuple[str, str]] = {  # what is made ready in a run, and what it asks for
    "http to a host not allowed": (
        "from luajobs_kit import http\n",
        'http.get("http://not-allowed.example/")',
    ),
    "http to a host not allowed, 900 kB": (
        'from luajobs_kit import http\nbody = "x" * 900_000\n',
        'http.post("http://not-allowed.example/", data=body)',
    ),
    "http, an address of 900 kB": (
        'from luajobs_kit import http\nlong = "http://not-allowed.example/" + "x" * 900_000\n',
        "http.get(long)",
    ),
    "http, 50,000 headers": (
        'from luajobs_kit import http\nheaders = {f"h{n}": "x" for n in range(50_000)}\n',
        'http.get("http://not-allowed.example/", headers=headers)',
    ),
    "all jobs, 250 kB of metadata each": ("", "Jobs.get_all(include_dynamic=True)"),
    "one job, 250 kB of metadata": ("", 'Jobs.get_job(job.metadata["large"])'),
    "a job of 50 large versions": ("", 'Jobs.get_job(job.metadata["versions"])'),
    "own versions": ("", "job.versions()"),
    "own executions of 900 kB": ("", "job.executions(limit=4)"),
    "own executions, too many": ("", "job.executions(limit=1000)"),
    "own log lines": ("", "job.logs(limit=1000)"),
    "own log lines, long ones": (
        'for n in range(15): print(str(n) + "x" * 64_000)\n',
        "job.logs(limit=15)",
    ),
    "next runs of a rare cron": ("", "job.next_runs(1000)"),
    "update_metadata, 240 kB": (LARGE_VALUES, "job.update_metadata(large)"),
    "update_metadata, too large": (
        'large = {"n": ["x" * 9] * 80_000}\n',
        "job.update_metadata(large)",
    ),
    "update_metadata, 300,000 empty lists": (
        "large = {'n': [[]] * 300_000}\n",
        "job.update_metadata(large)",
    ),
    "user.update, 240 kB": (
        LARGE_VALUES + "user = await job.user()\n",
        "user.update(large)",
    ),
    "User.get, 250 kB": ("", f'User.get("{USER}")'),
    "User.list, ten of 250 kB": ("", "User.list()"),
    "user.send, 250 kB": (
        f'user = await job.user()\ntext = "x" * {LARGE}\n',
        "user.send(text)",
    ),
    "user.send, 4,000 parts": (
        'user = await job.user()\nparts = [{"type": "text", "text": "x" * 20}] * 4_000\n',
        "user.send(parts)",
    ),
    "user.history, 4 MB": ("user = await job.user()\n", "user.get_chat_history(limit=15)"),
    "Data.create, 900 kB": ('large = {"n": ["x" * 9] * 75_000}\n', 'Data.create("made", large)'),
    "Data.get, 4 MB": ("", 'Data.get("large", limit=16)'),
    "Data.get, filtered": ("", 'Data.get("large", {"n": {"$in": ["y"]}}, limit=1000)'),
    "Data.get, 100,000 conditions": (
        'many = {"$or": [{"a": n} for n in range(70_000)]}\n',
        'Data.get("small", many)',
    ),
    "Data.search": ("", 'Data.search("large", "x", limit=1000)'),
    "Data.search, long": ('words = "é1 " * 1_300\n', 'Data.search("large", words, limit=1000)'),
    "Data.update, 240 kB": (
        LARGE_VALUES,
        'Data.update("large", job.metadata["entry"], large)',
    ),
    "Products.get, 4 MB": ("", "Products.get(limit=16)"),
    "Products.create, 240 kB": (LARGE_VALUES, "Products.create(large)"),
    "a tool given 240 kB that gives it back": (LARGE_VALUES, "tools.echo(value=large)"),
    "the smaller requests of data": (
        "entry = await Data.create('small', {'a': 1})\n",
        "each_of_data(job, entry.id)",
    ),
    "the smaller requests of products": (
        "product = await Products.create({'name': 'x'})\n",
        "each_of_products(product.id)",
    ),
    "the smaller requests of users": (LARGE_VALUES, "each_of_users(job, large)"),
    "schedules that are refused": ("", "each_schedule()"),
    "progress": ("", 'job.progress(1, 2, "x" * 200_000)'),
    "delete": (
        'made = await Jobs.create(name="made", schedule=every(hours=9), source="async def execute(job): await job.delete()")\n',
        "made.trigger()",
    ),
    "a tool that nobody offers": ("from luajobs_kit import tools\n", "tools.nobody()"),
    "trigger": ("", "job.trigger()"),
    "activate": ("", "job.activate()"),
    "deactivate and activate another": (
        "other = await Jobs.get_job(job.metadata['other'])\n",
        "switch(other)",
    ),
    "create, 240 kB of metadata": (
        LARGE_VALUES + 'text = "async def execute(job): pass\\n" + "# x\\n" * 60_000\n',
        'Jobs.create(name="made", schedule=every(hours=9), source=text, metadata=large)',
    ),
    "create, an odd schedule": (
        "",
        'Jobs.create(name="made", schedule=cron("0 0 30 2 *"), source="async def execute(job): pass")',
    ),
    "a verb there is not": ("", 'Jobs.get_job("x" * 900_000)'),
    "printing": ("", 'told("x" * 1_000)'),
}  # fmt: skip

SOURCE = """\
import asyncio
import time
from luajobs_kit import Data, Products, cron, every, once, tools

async def switch(other):
    await other.deactivate()
    await other.activate()

async def told(text):
    print(text)

async def each_of_data(job, id):
    await Data.collections()
    await Data.get_entry("large", job.metadata["entry"])
    await Data.patch("small", id, {{"b": ["x"] * 5_000}}, unset=["a"])
    entry = await Data.create("made", {{"a": "x" * 50_000}})
    entry.data["a"] = 1
    await entry.save()
    await Data.delete("made", entry.id)

async def each_of_products(id):
    await Products.get_by_id(id)
    await Products.search("x")
    await Products.update(id, {{"text": "x" * 50_000}})
    product = await Products.create({{"name": "x" * 50_000}})
    product.name = "y"
    await product.save()
    await product.delete()

async def each_of_users(job, large):
    user = await job.user()
    await user.update({{"a": 1}})
    await user.patch({{"b": 2}})
    await user.unset("a")
    await user.clear()
    user.data = large
    await user.save()

async def each_schedule():
    for wrong in ("0 0 30 2 *", "* * * * * *", "x" * 100_000):
        try:
            cron(wrong)
        except Exception as error:
            pass
    every(hours=9), once(minutes=10)

async def execute(job):
{begin}
    while time.time() < job.metadata["until"]:
        try:
            await asyncio.gather(*[{ask} for _ in range({at_once})], return_exceptions=True)
        except Exception as error:
            pass
"""
SPINNING = """\
import time
async def execute(job):
    while time.time() < job.metadata["until"]:
        for _ in range(100_000): pass
"""
TICK = "async def execute(job):\n    return 1\n"


@dataclass
class Seen:
    """What was seen while a kind's runs went on."""

    fired: int = 0
    skipped: int = 0
    answers: list[float] = field(default_factory=list)  # milliseconds until status was there
    work: float = (
        0.0  # most milliseconds of processor time of the loop's thread between two of them
    )

    @property
    def p99(self) -> float:
        ordered = sorted(self.answers)
        return max(LEAST, ordered[len(ordered) * 99 // 100])

    def __str__(self) -> str:
        return (
            f"{self.fired:3} fires, {self.skipped:3} skipped, status p99 {self.p99:6.1f} ms, "
            f"longest {max(self.answers):6.1f} ms, work {self.work:6.1f} ms"
        )


async def ask_status(engine: Engine, seen: Seen) -> None:
    due, worked = time.perf_counter(), time.thread_time()
    while True:
        due = max(due + BEAT, time.perf_counter() - 1)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await engine.status()
        seen.answers.append((time.perf_counter() - due) * 1000)
        busy = time.thread_time()
        seen.work, worked = max(seen.work, (busy - worked) * 1000), busy


def note_requests() -> None:
    """Have every request that a run makes noted in ``ASKED``."""
    serve = RunRequests.serve

    def noted(self: RunRequests, verb: str, arguments: dict[str, object]) -> object:
        ASKED.add(verb)
        return serve(self, verb, arguments)

    RunRequests.serve = noted  # type: ignore[method-assign,assignment]


def job(name: str, source: str, seconds: float = 99_999, **given: object) -> JobSpec:
    bundle = Bundle(source=source, entry="execute", file="bench.py")
    return JobSpec(name=name, schedule=IntervalSchedule(seconds=seconds), bundle=bundle, **given)


async def offer_echo(engine: Engine) -> None:
    async for call in engine.offer([ToolOffer(name="echo", description="", parameters={})]):
        with contextlib.suppress(Exception):
            await engine.answer(call.id, call.arguments)


async def make_ready(engine: Engine) -> dict[str, str]:
    """Fill the workspace with what is worst to be asked for; return the ids that runs are given."""
    await engine.settings({"max_concurrent": 32, "data_bytes": 2**33})
    large = {"n": ["x" * 10] * 19_900}
    metadata = {"text": "x" * LARGE}
    made = [await engine.create_job(job(f"large {n}", TICK, metadata=metadata)) for n in range(9)]
    made.append(await engine.create_job(job("large 9", TICK, metadata=large)))
    many = await engine.create_job(job("versions", TICK, metadata=metadata))
    for n in range(40):
        await engine.create_job(job("versions", TICK + f"# {n}\n", metadata=metadata | {"n": n}))
    other = await engine.create_job(job("other", TICK, metadata=metadata))
    for n in range(10):
        await engine.call("user.add", {"id": f"user_{n}", "data": {"text": "x" * LARGE}})
    await engine.call("user.replace", {"data": large})
    for _ in range(15):
        await engine.call("user.send", {"messages": "x" * LARGE})
    entry = {}
    for _ in range(16):
        entry = await engine.call("data.create", {"collection": "large", "data": large})
        await engine.call("products.create", {"product": large})
    for n in range(100):
        await engine.call("data.create", {"collection": "small", "data": {"a": n}})
    return {"large": made[-1].id, "versions": many.id, "other": other.id, "entry": entry["id"]}


def source_of(kind: str) -> str:
    if kind == HONEST:
        return SPINNING
    begin, ask = KINDS[kind]
    return SOURCE.format(begin=indent(begin, "    "), ask=ask, at_once=AT_ONCE)


async def beside_fires(engine: Engine, kind: str, given: dict[str, str], runs: int, seconds: float) -> Seen:  # fmt: skip
    spec = job(kind, source_of(kind), metadata=given | {"until": 0})
    if kind.startswith("own executions"):
        first = spec.evolve(bundle=Bundle(source='async def execute(job):\n    return ["x" * 9] * 75_000\n', entry="execute"))  # fmt: skip
        made = await engine.create_job(first)
        for _ in range(6):
            await engine.wait_execution((await engine.trigger_job(made.id)).id)
    if kind == "next runs of a rare cron":
        spec = spec.evolve(schedule=CronSchedule(expression="3 3 29 2 1", timezone="America/New_York"))  # fmt: skip
    made = await engine.create_job(spec)
    if kind == "own versions":
        for n in range(40):
            await engine.create_job(spec.evolve(metadata=given | {"text": "x" * LARGE, "k": n}))
    await engine.update_metadata(made.id, {"until": time.time() + 2 + seconds})
    seen = Seen()
    tick = await engine.create_job(job(f"tick {kind}", TICK, seconds=1))
    news = engine.events()
    asking = asyncio.create_task(ask_status(engine, seen))
    begun = [await engine.trigger_job(made.id) for _ in range(runs)]
    ends = time.perf_counter() + 2 + seconds
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(ends - time.perf_counter()):
                event = await anext(news)
            if event.type == "ExecutionClaimed" and event.execution.job_id == tick.id:
                seen.fired += 1
            elif event.type == "FireSkipped" and event.job_id == tick.id:
                seen.skipped += event.count
    asking.cancel()
    await engine.deactivate_job(tick.id)
    await engine.deactivate_job(made.id)
    for execution in begun:
        ended = await engine.cancel_execution(execution.id)
        if ended.status != "cancelled":
            print(f"    {kind}: a run {ended.status}: {ended.error and ended.error.message}")
    await engine.delete_job(tick.id, force=True)
    await engine.delete_job(made.id, force=True)
    return seen


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="words of a kind's name")
    parser.add_argument("--seconds", type=float, default=6.0, help="beside each kind")
    parser.add_argument("--runs", type=int, default=8)
    asked = parser.parse_args()
    kinds = [kind for kind in KINDS if not asked.kinds or any(each in kind for each in asked.kinds)]
    note_requests()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, acting_as(USER):
        async with await Engine.open(Path(folder) / ".luajobs") as engine:
            echo = asyncio.create_task(offer_echo(engine))
            given = await make_ready(engine)
            for kind in kinds:
                honest = await beside_fires(engine, HONEST, given, asked.runs, asked.seconds / 2)
                seen = await beside_fires(engine, kind, given, asked.runs, asked.seconds)
                ratio = seen.p99 / honest.p99
                met = not seen.skipped and ratio <= RATIO
                if not met:
                    MISSED.append(kind)
                print(f"{kind:42} {seen}; {ratio:5.1f}x {HONEST} ({honest.p99:.1f} ms) {'ok' if met else 'MISSED'}", flush=True)  # fmt: skip
            echo.cancel()
    if len(kinds) == len(KINDS):
        # Progress is taken before requests are; virtual time has no engine of its own here.
        left_out = COSTS.keys() - ASKED - {"clock.sleep", "job.progress"}
        left_out -= {verb for verb, cost in COSTS.items() if cost is Cost.OWNERS}
        if left_out:
            print(f"never asked: {', '.join(sorted(left_out))}")
            return 1
    return 1 if MISSED else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
