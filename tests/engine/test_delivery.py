"""Messages go to the inbox, and from there to whatever channels there are."""

import asyncio

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogQuery


class Recording:
    name = "recording"

    def __init__(self):
        self.got = asyncio.Queue()

    async def deliver(self, message, user):
        await self.got.put((message.text, user.id))


class Broken:
    name = "broken"

    async def deliver(self, message, user):
        raise OSError("no network")


async def test_a_broken_channel_disturbs_neither_the_run_nor_the_others(spec):
    recording = Recording()
    async with await Engine.open(None, channels=[Broken(), recording]) as engine:
        job = await engine.create_job(spec("await (await job.user()).send('hi')"))
        run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
        assert run.status == "completed"
        assert await recording.got.get() == ("hi", job.user_id)
        [line] = (await engine.logs(LogQuery(source="channel"))).logs
        assert "no network" in line.message
        assert len(await engine.call("user.history", {})) == 1


async def test_a_channel_that_never_returns_does_not_keep_the_engine_from_ending(spec, monkeypatch):
    class Stuck(Recording):
        async def deliver(self, message, user):
            await super().deliver(message, user)
            await asyncio.Event().wait()

    monkeypatch.setattr("luajobs_kit.engine.lifecycle.LAST_DELIVERIES", 0.1)
    engine = await Engine.open(None, channels=[stuck := Stuck()])
    await engine.call("user.send", {"messages": "hi"})
    await stuck.got.get()
    async with asyncio.timeout(10):
        await engine.aclose()


@pytest.mark.parametrize("limit", [-1, 0, 1_001, 10**30])
async def test_messages_are_asked_for_a_thousand_at_most(spec, limit):
    async with await Engine.open(None) as engine:
        with pytest.raises(InvalidInput, match="limit"):
            await engine.call("user.history", {"limit": limit})
