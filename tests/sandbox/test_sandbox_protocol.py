"""The host's side of the protocol against children that lie, flood and break off."""

import asyncio
import base64
import contextlib
import json
import math
import socket
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from time import monotonic
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.sandbox import Program, Sandbox
from luajobs_kit.sandbox.channel import Channel
from luajobs_kit.sandbox.conversation import Conversation
from luajobs_kit.sandbox.encoding import plain
from luajobs_kit.sandbox.frames import HEADER, MAX_FRAME, BrokenFrame, Splitter, pack, parse
from luajobs_kit.sandbox.taken import Exit

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


class Said:
    """Stands where a taken child does: a socket, and an end that is known."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.gone: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        if not self.gone.done():
            self.gone.set_result(Exit("signal", 9, "end"))


async def hear(stream: bytes, serve=None, logs=None):
    """Return what a conversation makes of ``stream``, sent in two pieces and broken off."""
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
        return await Conversation(Said(host), serve or answer, collected.append).hold(b"")
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


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(STREAMS)
def test_whatever_bytes_a_child_sends_the_host_answers_with_plain_data_or_a_break(stream):
    logs = []
    try:
        word = asyncio.run(hear(stream, logs=logs))
    except BrokenFrame:
        word = None
    assert word is None or is_plain(word)
    for line in logs:
        assert line.level in {"debug", "info", "warn", "error"}
        assert is_plain(line.message)
        assert math.isfinite(line.at)


@settings(max_examples=100, deadline=None)
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
def test_a_length_is_refused_before_a_byte_is_kept(length):
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
        {"took": 1},
        {},
    ],
)
async def test_a_frame_of_the_wrong_shape_breaks_the_run(frame):
    with pytest.raises(BrokenFrame):
        await hear(loose(frame))


async def test_what_comes_after_the_last_word_is_not_heard():
    assert await hear(loose({"result": 1}) + loose({"result": 2})) == {"result": 1}


async def test_an_invented_time_is_replaced_by_the_hosts():
    logs = []
    await hear(loose({"log": [["info", "x", 1e300], ["info", "y", -5]]}), logs=logs)
    assert len(logs) == 2
    assert all(abs(line.at - logs[0].at) < 60 for line in logs)
    assert logs[0].at > 1_600_000_000


async def test_half_a_frame_is_no_word():
    assert await hear(loose({"result": 1})[:-1]) is None


async def test_a_call_cut_off_by_the_end_does_not_keep_the_host():
    served = asyncio.Event()

    async def serve(verb, arguments):
        served.set()
        await asyncio.Event().wait()

    stream = loose({"call": 1, "verb": "a.b", "arguments": {}})
    assert await asyncio.wait_for(hear(stream, serve), 10) is None
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
        (b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
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
