"""An engine whose process was stopped (SIGSTOP, Ctrl-Z) is called frozen by whoever asks it."""

import asyncio
import os
import signal

import pytest
from click.testing import CliRunner

from luajobs_kit.cli.root import root
from luajobs_kit.client import HttpPort, discover, session
from luajobs_kit.errors import EngineFrozen
from luajobs_kit.live import event_feed
from luajobs_kit.live.engine_link import SameLoop
from luajobs_kit.live.live_state import LiveState

FROZEN = r"The engine \(pid {pid}\) is frozen: .* `kill -CONT {pid}` lets it go on"


@pytest.fixture
async def frozen(folder, monkeypatch):
    """Yield a port to an engine that is frozen, and its pid; it goes on afterwards."""
    monkeypatch.setattr(session, "NOTICE", 0.02)  # seconds
    async with await HttpPort.connect(folder) as port:
        pid = (await port.status()).pid
        os.kill(pid, signal.SIGSTOP)
        while not discover._is_frozen(pid):
            pass  # the kernel is quick
        try:
            yield port, pid
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_question_under_way_and_a_new_client_say_that_it_is_frozen(frozen):
    port, pid = frozen
    with pytest.raises(EngineFrozen, match=FROZEN.format(pid=pid)) as told:
        await port.status()
    assert "What was asked of it, status, may be done when it goes on." in str(told.value)
    with pytest.raises(EngineFrozen, match=FROZEN.format(pid=pid)):
        await HttpPort.connect(port.folder)
    os.kill(pid, signal.SIGCONT)
    assert (await port.status()).pid == pid


async def test_every_command_says_so_at_once(frozen):
    port, pid = frozen
    for words in (["status"], ["jobs", "list"], ["doctor"], ["stop"], ["lua-env"]):
        done = await asyncio.to_thread(CliRunner().invoke, root, ["-w", str(port.folder), *words])
        assert done.exit_code == 1, (words, done.output)
        assert f"The engine (pid {pid}) is frozen" in done.output


async def test_a_live_face_shows_it_as_frozen_until_it_goes_on(folder, monkeypatch):
    monkeypatch.setattr(session, "NOTICE", 0.02)  # seconds
    monkeypatch.setattr(event_feed, "HEARTBEAT", 0.02)  # seconds
    state, told = LiveState(), asyncio.Event()

    async def until(link):
        while state.link != link:
            told.clear()
            await told.wait()

    async with await HttpPort.connect(folder) as port:
        following = asyncio.ensure_future(event_feed.Feed(SameLoop(port), state, told.set).run())
        await until("live")
        assert state.engine is not None
        pid = state.engine.pid
        os.kill(pid, signal.SIGSTOP)
        await until("frozen")
        assert f"kill -CONT {pid}" in (state.why or "")
        os.kill(pid, signal.SIGCONT)
        await until("live")
        assert state.why is None
        following.cancel()
