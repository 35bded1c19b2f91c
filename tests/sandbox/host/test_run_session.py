"""The host's side of the protocol against children that lie, flood and break off."""

import asyncio
import contextlib
import json
import math
import socket
import threading
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from time import monotonic
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.sandbox import Program, Sandbox, frames
from luajobs_kit.sandbox.child.channel import Channel
from luajobs_kit.sandbox.child.json_encoding import plain
from luajobs_kit.sandbox.frames import (
    HEADER,
    MAX_FRAME,
    BrokenFrame,
    Splitter,
    count_values,
    pack,
    parse,
)
from luajobs_kit.sandbox.host import run_session
from luajobs_kit.sandbox.host.child_handle import Exit
from luajobs_kit.sandbox.host.frame_inspection import inspect, inspect_compiled
from luajobs_kit.sandbox.host.run_session import RunSession

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NEAR_FRAMES = st.one_of(
    st.fixed_dictionaries({"result": JSON}),
    st.fixed_dictionaries({"log": st.lists(st.lists(JSON, max_size=4), max_size=3) | JSON}),
    st.fixed_dictionaries(
        {"call": st.integers(0, 3) | JSON},
        optional={"verb": st.sampled_from(["user.get", "x", ""]) | JSON, "arguments": JSON},
    ),
    st.fixed_dictionaries(
        {"error": st.dictionaries(st.sampled_from(["type", "message", "line", "trace"]), JSON)}
    ),
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)


def loose(value) -> bytes:
    """Pack without the care an honest child takes (NaN, surrogates, any shape)."""
    body = json.dumps(value).encode()
    return HEADER.pack(len(body)) + body


STREAMS = st.one_of(
    st.binary(max_size=200),
    st.lists(NEAR_FRAMES.map(loose) | st.binary(max_size=20), max_size=5).map(b"".join),
    st.lists(st.binary(min_size=1, max_size=50).map(lambda body: HEADER.pack(len(body)) + body))
    .map(b"".join),
)  # fmt: skip


class SocketChild:
    """Stands in for a child's handle: a socket, and an exit that the test decides."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        if not self.exited.done():
            self.exited.set_result(Exit("signal", 9, "end"))


async def session_result(stream: bytes, serve=None, logs=None):
    """Return a session's result for ``stream``, sent in two pieces and broken off."""
    host, child = socket.socketpair()
    host.setblocking(False)
    child.setblocking(False)
    loop = asyncio.get_running_loop()
    collected = [] if logs is None else logs

    async def answer(verb, arguments):
        assert type(verb) is str
        assert type(arguments) is dict

    async def send() -> None:
        half = len(stream) // 2
        with contextlib.suppress(OSError):
            await loop.sock_sendall(child, stream[:half])
            await loop.sock_sendall(child, stream[half:])
            child.shutdown(socket.SHUT_WR)

    sending = asyncio.create_task(send())
    try:
        return await RunSession(SocketChild(host), serve or answer, collected.append).run(b"")
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        host.close()
        child.close()


def is_plain(value) -> bool:
    if type(value) is dict:
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(is_plain(item) for item in value)
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is str:
        value.encode("utf-8")
    return value is None or type(value) in (bool, int, str)


@settings(suppress_health_check=list(HealthCheck))
@given(STREAMS)
def test_whatever_bytes_a_child_sends_the_host_reads_plain_data_or_a_broken_frame(stream):
    logs = []
    try:
        word = asyncio.run(session_result(stream, logs=logs))
    except BrokenFrame:
        word = None
    assert word is None or is_plain(word)
    for line in logs:
        assert line.level in {"debug", "info", "warn", "error"}
        assert is_plain(line.message)
        assert math.isfinite(line.at)


@given(st.dictionaries(st.text(), JSON), st.integers(1, 30))
def test_frames_come_out_as_they_went_in_however_they_are_cut(value, piece):
    finite = json.loads(
        json.dumps(value).replace("NaN", "0").replace("-Infinity", "0").replace("Infinity", "0")
    )
    stream = pack(finite) * 2
    splitter = Splitter()
    bodies = [
        body
        for start in range(0, len(stream), piece)
        for body in splitter.feed(stream[start : start + piece])
    ]
    expected = json.loads(json.dumps(finite).encode("utf-8", "replace"))
    if is_plain_text(expected):
        assert [parse(body) for body in bodies] == [expected, expected]


def is_plain_text(value) -> bool:
    try:
        return is_plain(value)
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b"[" * 101 + b"]" * 101,
        b'{"result":' + b"[" * 66 + b"]" * 66 + b"}",
        b'{"result":' + b'[{"a":' * 33 + b"1" + b"}]" * 33 + b"}",
        b'{"result":' + b'{"a":' * 100 + b"1" + b"}" * 101,
        b'{"result": NaN}',
        b'{"result": 1e999}',
        b'{"result": -1E+400}',
        b'{"result": ' + b"9" * 5000 + b"}",
        b'{"result": "\xff"}',
        b"{\x00}",
        b"[1]",
        b'"' * 1000,
        b"]" * 200 + b"[" * 200,
        '{"result": 1}'.encode("utf-16"),
    ],
)
def test_a_hostile_body_is_a_broken_frame_and_nothing_worse(body):
    with pytest.raises(BrokenFrame):
        parse(body)


@pytest.mark.parametrize(
    "text", [b'\\"' * 900_000, b"\\\\\\" * 600_000, b'"' * 1_900_000, b"\n" * 1_900_000]
)
def test_a_text_without_an_end_does_not_hold_up_the_engine(text):
    started = monotonic()
    with pytest.raises(BrokenFrame):
        parse(b"[" * 101 + b'"' + text)
    assert monotonic() - started < 5  # seconds; looking at each quote anew took hours


def test_brackets_in_text_are_no_depth_and_lone_surrogates_are_replaced():
    assert parse(pack({"result": "[" * 1000 + '\\"' + "{" * 1000})[HEADER.size :])
    assert parse(b'{"\\ud800": "\\udfff", "a": "\\ud83d\\ude00"}') == {"?": "?", "a": "😀"}


@pytest.mark.parametrize("length", [0, MAX_FRAME + 1, 2**32 - 1])
def test_a_length_is_refused_before_a_byte_is_stored(length):
    with pytest.raises(BrokenFrame, match=str(length)):
        Splitter().feed(HEADER.pack(length))


@pytest.mark.parametrize(
    "frame",
    [
        {"call": 2, "verb": "a.b", "arguments": {}},
        {"call": True, "verb": "a.b", "arguments": {}},
        {"call": 1, "verb": "../etc", "arguments": {}},
        {"call": 1, "verb": "a" * 101, "arguments": {}},
        {"call": 1, "verb": "a.b", "arguments": []},
        {"call": 1, "verb": "a.b", "arguments": {}, "more": 1},
        {"log": [["loud", "x", 1.0]]},
        {"log": [["info", 1, 1.0]]},
        {"log": [["info", "x", "now"]]},
        {"log": "x"},
        {"result": 1, "error": None},
        {"error": {"type": "X"}},
        {"error": {"type": "X", "message": "m", "line": -1}},
        {"error": {"type": "X", "message": "m", "trace": [1]}},
        {"error": {"type": "X", "message": "m", "code": 1}},
        {"error": {"type": 1, "message": "m"}},
        {"error": {"type": "X", "message": ["m"]}},
        {"error": {"type": "X", "message": "m", "line": True}},
        {"error": "X"},
        {"log": [["info", "x", 1.0]], "call": 1},
        {"call": 1.0, "verb": "a.b", "arguments": {}},
        {"took": 1},
        {},
    ],
)
async def test_a_frame_of_the_wrong_shape_breaks_the_run(frame):
    with pytest.raises(BrokenFrame):
        await session_result(loose(frame))


async def test_what_comes_after_the_final_frame_is_not_read():
    assert await session_result(loose({"result": 1}) + loose({"result": 2})) == {"result": 1}


async def test_an_invented_time_is_replaced_by_the_hosts():
    logs = []
    await session_result(loose({"log": [["info", "x", 1e300], ["info", "y", -5]]}), logs=logs)
    assert len(logs) == 2
    assert all(abs(line.at - logs[0].at) < 60 for line in logs)
    assert logs[0].at > 1_600_000_000


async def test_half_a_frame_is_no_final_frame():
    assert await session_result(loose({"result": 1})[:-1]) is None


async def test_a_call_cut_off_by_the_end_does_not_keep_the_host():
    served = asyncio.Event()

    async def serve(verb, arguments):
        served.set()
        await asyncio.Event().wait()

    stream = loose({"call": 1, "verb": "a.b", "arguments": {}})
    assert await asyncio.wait_for(session_result(stream, serve), 10) is None
    assert served.is_set()


class Colour(Enum):
    RED = "red"


class Sly(dict):
    def items(self):
        raise AssertionError("ran while it was written")

    __iter__ = keys = items


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, [2]), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("b"), ["b"]),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=1), 60.0),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (
            {2: "a", None: "b", True: "c", 1.5: "d"},
            {"2": "a", "null": "b", "true": "c", "1.5": "d"},
        ),
        (Sly(a=1), {"a": 1}),
        ({date(2026, 1, 2): 1}, {"2026-01-02": 1}),
    ],
)
def test_values_leave_in_their_documented_form(value, written):
    assert plain(value, "the result") == written


def test_a_refused_value_says_where_it_stands():
    with pytest.raises(TypeError, match=r"the result\['a'\]\[1\] is a complex"):
        plain({"a": [1, 2j]}, "the result")
    with pytest.raises(ValueError, match="4,200 digits"):
        plain(10**5000, "the result")
    deep: list = []
    deep.append(deep)
    with pytest.raises(ValueError, match=r"^the result[\[0\]]{29}… is nested deeper"):
        plain(deep, "the result")


def test_a_number_of_many_digits_and_a_small_exponent_is_not_infinite() -> None:
    with pytest.raises(BrokenFrame, match="too large"):
        parse(b'{"result": 1' + b"0" * 250 + b"e99}")


async def test_source_that_compiles_to_far_too_much_is_refused() -> None:
    lines = [f"a = '{number:04x}' * 1024" for number in range(10_000)]
    source = "\n".join([*lines, "def main(job): return 1"])
    async with Sandbox(max_children=1) as sandbox:
        with pytest.raises(InvalidInput, match="cannot be compiled"):
            await sandbox.check(Program(source, "main", 1, "job.py"))


def test_a_run_may_wait_for_longer_than_the_system_counts():
    host_end, guest_end = socket.socketpair()
    guest_end.setblocking(False)
    with host_end, guest_end:
        host_end.sendall(pack({"reply": 1, "value": "here"}))
        assert Channel(guest_end.fileno()).wait(math.inf) == (1, "here", None)


# -- values in a frame -----------------------------------------------------------------

FLOODS = {
    "empty lists": b'{"result":[' + b",".join([b"[]"] * 340_000) + b"]}",
    "texts": b'{"result":[' + b",".join([b'""'] * 340_000) + b"]}",
    "numbers": b'{"result":[' + b",".join([b"1"] * 500_000) + b"]}",
    "a call's objects": b'{"call":1,"verb":"a.b","arguments":{"x":[' + b",".join([b"{}"] * 330_000)
    + b"]}}",
    "lists in lists": b'{"result":[' + b",".join([b"[[1]]"] * 170_000) + b"]}",
    "log lines": b'{"log":[' + b",".join([b'["info","",0]'] * 70_000) + b"]}",
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_frame_of_too_many_values_is_refused_before_one_is_made(flood, monkeypatch):
    monkeypatch.setattr(frames.json, "loads", None)
    assert len(flood) <= MAX_FRAME
    with pytest.raises(BrokenFrame, match="more than 150,000 values"):
        parse(flood)


def test_commas_and_brackets_in_text_are_no_values():
    table = 'a,b,[c],{d}\\"\n' * 60_000
    assert parse(pack({"result": table})[HEADER.size :]) == {"result": table}


def count(value) -> int:
    inside = value.values() if type(value) is dict else value if type(value) is list else ()
    return 1 + sum(map(count, inside))


@given(st.dictionaries(st.text(), JSON))
def test_values_are_counted_as_they_are_made(value):
    for written in (json.dumps(value), json.dumps(value, indent=1)):
        body = written.encode()
        assert count_values(body, exact_above=0) == count(json.loads(body))
        assert count_values(body) >= count(json.loads(body))


def test_a_number_of_more_digits_than_a_job_may_send_is_refused():
    assert parse(b'{"result":' + b"9" * 4214 + b"}")
    with pytest.raises(BrokenFrame, match="4,200 digits"):
        parse(b'{"result":' + b"9" * 4216 + b"}")


async def test_large_frames_are_parsed_off_the_loop_and_keep_their_order(monkeypatch):
    where = []

    def watched(body):
        where.append(threading.current_thread() is threading.main_thread())
        return inspect(body)

    monkeypatch.setattr(run_session, "inspect", watched)
    lines = []
    stream = b"".join(
        loose({"log": [["info", text * size, 0.0]]})
        for text, size in [("a", 1), ("b", 60_000), ("c", 1), ("d", 60_000)]
    )
    word = await session_result(stream + loose({"result": "x" * 500_000}), logs=lines)
    assert where == [True, False, True, False, False]
    assert "".join(line.message[0] for line in lines) == "abcd"
    assert len(word["result"]) == 500_000


# -- log lines -------------------------------------------------------------------------


async def test_lines_after_the_cut_are_not_parsed(monkeypatch):
    looked_at = []

    def watched(body):
        looked_at.append(len(body))
        return inspect(body)

    monkeypatch.setattr(run_session, "inspect", watched)
    lines = []
    many = loose({"log": [["info", "", 0.0]] * 10_001 + ["of no shape"] * 10_000})
    after = json.dumps({"log": [["info", "more", 0.0]] * 9}, separators=(",", ":")).encode()
    after = HEADER.pack(len(after)) + after
    word = await session_result(many + after * 100 + loose({"result": 1}), logs=lines)
    assert (word, len(lines), len(looked_at)) == ({"result": 1}, 10_001, 2)
    assert "cut here" in lines[-1].message


async def test_many_lines_at_once_leave_the_loop_its_turns():
    turns = 0
    done = False

    async def others():
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    watching = asyncio.create_task(others())
    seen = []
    original = seen.append
    taken: dict[int, int] = {}

    class Lines(list):
        def append(self, line):
            original(line)
            taken[turns] = taken.get(turns, 0) + 1

    await session_result(loose({"log": [["info", "x", 0.0]] * 5_000}), logs=Lines())
    done = True
    await watching
    assert len(seen) == 5_000
    assert max(taken.values()) <= 100


# -- answers that are not read ---------------------------------------------------------


class Asker:
    """A child's end that sends calls, and reads answers only when told to."""

    def __init__(self, serve, alone=()):
        self.host, self.child = socket.socketpair()
        self.host.setblocking(False)
        self.child.setblocking(False)
        self.handle = SocketChild(self.host)
        self.session = asyncio.create_task(
            RunSession(self.handle, serve, [].append, alone).run(b"")
        )

    async def ask(self, count, verb="a.b"):
        frames = [
            pack({"call": number, "verb": verb, "arguments": {}}) for number in range(1, count + 1)
        ]
        await asyncio.get_running_loop().sock_sendall(self.child, b"".join(frames))

    async def answers(self, count):
        """Read so many, and say which calls they answer."""
        splitter, found = Splitter(2**30), []
        while len(found) < count:
            data = await asyncio.get_running_loop().sock_recv(self.child, 2**20)
            found += [json.loads(body) for body in splitter.feed(data)]
        return found

    async def turns(self):
        """Let everything happen that can without the child's doing."""
        for _ in range(1_000):
            await asyncio.sleep(0)

    async def close(self):
        self.child.close()
        self.handle.kill()
        await asyncio.wait_for(self.session, 10)
        self.host.close()


LARGE = "x" * 2 * 2**20


async def test_no_call_is_served_while_earlier_answers_are_not_read():
    served = 0

    async def serve(verb, arguments):
        nonlocal served
        served += 1
        return LARGE

    asker = Asker(serve)
    await asker.ask(20)
    await asker.turns()
    assert served == 1
    found = await asyncio.wait_for(asker.answers(20), 60)
    assert (served, sorted(each["reply"] for each in found)) == (20, list(range(1, 21)))
    await asker.close()


async def test_calls_with_large_answers_are_served_one_at_a_time_until_each_is_read():
    served = 0

    async def serve(verb, arguments):
        nonlocal served
        served += 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return LARGE

    asker = Asker(serve, alone={"data.get"})
    await asker.ask(20, "data.get")
    await asker.turns()
    assert served == 1
    assert len(await asyncio.wait_for(asker.answers(20), 60)) == 20
    await asker.close()


async def test_unread_answers_of_calls_under_way_are_bounded_and_the_rest_are_errors(monkeypatch):
    monkeypatch.setattr(run_session, "MOST_UNREAD", 8 * 2**20)
    go = asyncio.Event()

    async def serve(verb, arguments):
        await go.wait()
        return LARGE

    asker = Asker(serve)
    await asker.ask(20)
    await asker.turns()
    go.set()
    await asker.turns()
    found = await asyncio.wait_for(asker.answers(20), 60)
    whole = [each for each in found if "value" in each]
    refused = [each["error"]["message"] for each in found if "error" in each]
    assert (len(whole), len(refused)) == (3, 17)  # 6 MB, and what was to be 34
    assert all("fewer of them at a time" in message for message in refused)
    await asker.close()


async def test_many_small_calls_are_served_at_the_same_time():
    served = 0
    go = asyncio.Event()

    async def serve(verb, arguments):
        nonlocal served
        served += 1
        await go.wait()

    asker = Asker(serve)
    await asker.ask(64)
    await asker.turns()
    assert served == 64
    go.set()
    assert len(await asyncio.wait_for(asker.answers(64), 60)) == 64
    await asker.close()


async def test_the_end_of_a_child_that_reads_nothing_frees_what_it_was_to_be_answered():
    async def serve(verb, arguments):
        return LARGE

    asker = Asker(serve)
    await asker.ask(20)
    await asker.turns()
    await asker.close()


# -- what a compiler answers -----------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"code": "not base 20!"},
        {"code": 1},
        {"code": "", "more": 1},
        {"refused": "x"},
        {"refused": [[1, "a", "b"]]},
        {"refused": [[1, "a", "b", "c", None]]},
        {"refused": [["1", "a", "b", "c", "file"]]},
        {"refused": [[1, "a", "b", "c", "file"]] * 51},
        {"invalid": [1]},
        {"invalid": ["1", "file", "x"]},
        {"invalid": [1, 2, "x"]},
        {"invalid": [1, "file", None]},
        {"result": 1},
    ],
)
def test_an_answer_no_compiler_gives_breaks_the_protocol(answer):
    with pytest.raises(BrokenFrame):
        inspect_compiled(json.dumps(answer).encode())
