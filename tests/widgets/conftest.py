"""A panel's feed over a real engine in memory; whoever waits, waits for what the feed tells."""

import asyncio

import pytest

from luajobs_kit.bundle import capture
from luajobs_kit.engine import Engine
from luajobs_kit.model import JobSpec
from luajobs_kit.timing import every
from luajobs_kit.widgets.panel_connections import ForeignLoop
from luajobs_kit.widgets.panel_feed import PanelFeed

GREET = """
async def greet(job):
    print("hello")
    user = await job.user()
    await user.send("good day")
    return 1
"""


@pytest.fixture
async def engine():
    async with await Engine.open(None) as opened:
        yield opened


class Watched:
    """A feed, and everything it told; ``until`` waits in the test's own loop."""

    def __init__(self, feed):
        self.feed, self.state, self.told = feed, feed.state, []
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        feed.listen(self._heard)
        feed.start()

    def _heard(self, changed):
        self.told.append(changed)
        self._loop.call_soon_threadsafe(self._news.set)

    async def until(self, holds):
        async with asyncio.timeout(12):
            while not holds(self.state):
                await self._news.wait()
                self._news.clear()

    async def do(self, work):
        return await asyncio.wrap_future(self.feed.post(work))

    async def close(self):
        await asyncio.to_thread(self.feed.close)


@pytest.fixture
async def watch(engine):
    """Begin a feed on the engine, which lives in this loop and not in the feed's."""
    loop, watched = asyncio.get_running_loop(), []

    def begin(**options):
        watched.append(Watched(PanelFeed(ForeignLoop(engine, loop), **options)))
        return watched[-1]

    yield begin
    for one in watched:
        await one.close()


@pytest.fixture
def make(engine):
    async def made(name, source=GREET, **spec):
        spec.setdefault("schedule", every(hours=1))
        return await engine.create_job(JobSpec(name=name, bundle=capture(source), **spec))

    return made
