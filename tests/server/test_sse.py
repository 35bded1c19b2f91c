"""One follower's answer: kept alive while it is quiet, cut when its client does not read."""

import asyncio

from starlette.applications import Starlette

from luajobs_kit import http_protocol
from luajobs_kit.server import kit_routes
from luajobs_kit.server.responses import HttpRefusal, failure
from luajobs_kit.server.sse import HEARTBEAT, EventStream

SCOPE = {"type": "http"}


async def stays() -> dict:
    return await asyncio.get_running_loop().create_future()


async def never():
    await asyncio.get_running_loop().create_future()
    yield b""


async def some(*parts: bytes):
    for part in parts:
        yield part


async def test_a_client_that_does_not_read_is_cut_and_its_answer_left_unfinished():
    sent = []

    async def send(message):
        sent.append(message)
        if message.get("body") == b"two":
            await asyncio.get_running_loop().create_future()  # its buffers are full

    async with asyncio.timeout(5):
        await EventStream(some(b"one", b"two", b"three"), slow=0.02)(SCOPE, stays, send)
    bodies = [message.get("body") for message in sent[1:]]
    assert bodies == [HEARTBEAT, b"one", b"two"]
    assert all(message["more_body"] for message in sent[1:])


async def test_a_quiet_stream_is_kept_alive():
    beats = asyncio.Semaphore(0)

    async def send(message):
        if message.get("body") == HEARTBEAT:
            beats.release()

    answering = asyncio.create_task(EventStream(never(), slow=0.01)(SCOPE, stays, send))
    async with asyncio.timeout(5):
        for _ in range(3):
            await beats.acquire()
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)


async def test_a_stream_that_ends_is_finished():
    sent = []

    async def send(message):
        sent.append(message)

    await EventStream(some(b"one"))(SCOPE, stays, send)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_a_client_that_leaves_ends_its_stream():
    async def left() -> dict:
        return {"type": "http.disconnect"}

    async def send(_):
        pass

    async with asyncio.timeout(5):
        await EventStream(never())(SCOPE, left, send)


class Simulates:
    """An engine whose simulation goes on until it is given up."""

    def __init__(self):
        self.begun, self.given_up = asyncio.Event(), asyncio.Event()

    async def simulate(self, until, **_):
        self.begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.given_up.set()


async def test_a_simulation_ends_when_whoever_asked_for_it_leaves():
    engine = Simulates()
    body = [b'{"until": "2030-01-07T08:00:00Z"}']

    async def receive():
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        await engine.begun.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        assert message.get("status", 400) == 400

    app = Starlette(
        routes=kit_routes.routes(engine, None), exception_handlers={HttpRefusal: _refused}
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{http_protocol.PREFIX}/simulate",
        "headers": [],
    }
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert engine.given_up.is_set()


async def _refused(_, error):
    return failure(error)
