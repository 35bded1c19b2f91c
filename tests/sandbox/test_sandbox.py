"""A run as a caller of the sandbox sees it: its outcome, its log, its limits."""

import asyncio
import time

import pytest

from luajobs_kit.errors import InvalidInput, NotFound, PolicyViolation
from luajobs_kit.sandbox import Limits, Program, Sandbox


async def test_a_run_returns_what_its_function_returns(sandbox, run_in):
    outcome = await run_in(sandbox, "def f(job): return job['a'] + 1", context={"a": 1})
    assert (outcome.status, outcome.result, outcome.error) == ("completed", 2, None)
    assert 0 < outcome.duration < 20_000


async def test_an_error_carries_the_authors_own_line(sandbox):
    source = "def f(job):\n    return helper()\n\ndef helper():\n    return 1 / 0\n"
    program = Program(source, "f", first_line=40, file="<cell 3>")
    outcome = await sandbox.run(program, context={}, limits=Limits(), serve=_nothing)
    assert outcome.status == "failed"
    assert outcome.error.type == "ZeroDivisionError"
    assert (outcome.error.line, outcome.error.text) == (44, "return 1 / 0")
    assert outcome.error.trace == ("<cell 3>:41 in f", "<cell 3>:44 in helper")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise type('Mine', (BaseException,), {})('x')", "Mine"),
        ("def again(): again()\n  again()", "RecursionError"),
        ("raise type('Mute', (Exception,), {'__str__': lambda s: 1 / 0})()", "Mute"),
        ("return object()", "TypeError"),
        ("return float('nan')", "ValueError"),
        ("return 'x' * 2_000_000", "ValueError"),
        ("x = []; x.append(x); return x", "ValueError"),
        ("return call('user.get', x=object())", "TypeError"),
    ],
)
async def test_whatever_a_job_raises_is_a_failed_run(sandbox, run_in, body, kind):
    outcome = await run_in(sandbox, f"def f(job):\n  {body}")
    assert (outcome.status, outcome.error.type) == ("failed", kind)


async def test_an_error_whose_own_text_raises_still_has_its_line(sandbox, run_in):
    outcome = await run_in(
        sandbox,
        "class Mute(BaseException):\n  def __str__(self): return 1 / 0\ndef f(job):\n  raise Mute",
    )
    assert (outcome.error.type, outcome.error.message) == ("Mute", "(it has no text)")
    assert outcome.error.text == "raise Mute"
    assert outcome.error.line is not None


async def test_out_of_memory_is_reported_whatever_its_error_is_made_to_do(sandbox, run_in):
    outcome = await run_in(
        sandbox,
        "class Mine(MemoryError):\n  def __setattr__(self, name, value): return 1 / 0\n"
        "def f(job):\n  raise Mine",
    )
    assert (outcome.status, "MB of memory" in outcome.error.message) == ("killed", True)


async def test_a_result_just_under_the_cap_arrives(sandbox, run_in):
    outcome = await run_in(sandbox, "def f(job): return 'é' * 500_000")
    assert outcome.result == "é" * 500_000


async def test_a_refused_program_is_a_failed_run_and_check_raises(sandbox, run_in):
    outcome = await run_in(sandbox, "refuse_me = 1")
    assert (outcome.status, outcome.error.type, outcome.error.line) == (
        "failed", "PolicyViolation", 1,
    )  # fmt: skip
    with pytest.raises(PolicyViolation, match="Leave it out") as caught:
        await sandbox.check(Program("\n\nrefuse_me", "f", first_line=7))
    assert caught.value.details["violations"][0]["line"] == 7


async def test_a_syntax_error_names_the_authors_line(sandbox):
    with pytest.raises(InvalidInput, match="line 12") as caught:
        await sandbox.check(Program("def f(job):\n    return (", "f", first_line=11))
    assert caught.value.details["text"] == "return ("


async def test_a_compiler_that_dies_is_reported_as_such(sandbox):
    source = "# exec_while_compiling\nimport os; os._exit(1)"
    with pytest.raises(InvalidInput, match="cannot be compiled"):
        await sandbox.check(Program(source, "f"))


async def test_programs_are_checked_while_every_place_is_taken(plain_sandbox, run_in):
    async with plain_sandbox(max_children=1) as sandbox:
        started = asyncio.Event()
        source = "def f(job):\n  while True: pass"
        busy = asyncio.create_task(run_in(sandbox, source, on_start=started.set))
        await started.wait()
        await sandbox.check(Program("x = 1", "f"))
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy


async def test_calls_are_served_at_once_and_answered_by_id(sandbox, run_in):
    both = asyncio.Event()
    waiting = []

    async def serve(verb, arguments):
        waiting.append(verb)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return arguments["x"] * 10

    source = """
def f(job):
    first = channel.send_call('a.a', {'x': 1})
    second = channel.send_call('b.b', {'x': 2})
    replies = {channel.wait()[0]: 1, channel.wait()[0]: 1}
    return sorted(replies) == [first, second] and channel.wait(0.0)
"""
    outcome = await run_in(sandbox, source, serve=serve)
    assert (outcome.status, outcome.result, waiting) == ("completed", None, ["a.a", "b.b"])


async def test_errors_of_a_call_cross_with_code_message_and_details(sandbox, run_in):
    async def serve(verb, arguments):
        if verb == "a.known":
            raise NotFound("No user u.", id="u")
        raise RuntimeError("inside")

    source = """
def f(job):
    channel.send_call('a.known', {}); known = channel.wait()[2]
    channel.send_call('a.other', {}); return [known, channel.wait()[2]]
"""
    outcome = await run_in(sandbox, source, serve=serve)
    assert outcome.result == [
        {"code": "not_found", "message": "No user u.", "details": {"id": "u"}},
        {"code": "error", "message": "a.other failed in the engine: RuntimeError: inside",
         "details": {}},
    ]  # fmt: skip


async def test_thousands_of_calls_with_large_answers_do_not_lock_up(sandbox, run_in):
    async def serve(verb, arguments):
        return "x" * 100_000

    source = """
def f(job):
    for _ in range(1500): channel.send_call('a.b', {'text': 'y' * 1000})
    return sum(len(channel.wait()[1]) for _ in range(1500))
"""
    outcome = await run_in(sandbox, source, serve=serve)
    assert outcome.result == 150_000_000


async def test_log_lines_come_live_in_order_and_stamped(sandbox, run_in):
    seen = []
    before = time.time()
    source = "def f(job):\n  log('one'); log('two', 'error'); log('drei \\ud800 ü')"
    outcome = await run_in(sandbox, source, on_log=seen.append)
    assert outcome.logs == ()
    assert [(line.level, line.message) for line in seen] == [
        ("info", "one"), ("error", "two"), ("info", "drei ? ü"),
    ]  # fmt: skip
    assert all(before - 1 <= line.at <= time.time() + 1 for line in seen)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("for n in range(30_000): log(str(n))", 10_000),
        ("for n in range(100): log('x' * 50_000)", 20),
        ("for n in range(100): log('\"' * 50_000)", 10),  # two characters each, as JSON
        ("for n in range(100): log('x' * 100_000)", 15),  # cut to a line's longest, 64 KB
    ],
)
async def test_a_flooded_log_is_cut_and_the_cut_is_marked(sandbox, run_in, source, kept):
    outcome = await run_in(sandbox, f"def f(job):\n  {source}\n  return 'done'")
    assert outcome.result == "done"
    assert len(outcome.logs) == kept + 1
    assert outcome.logs[-1].level == "warn"
    assert "cut here" in outcome.logs[-1].message


@pytest.mark.parametrize(
    "stubborn",
    [
        "while True: pass",
        "while True:\n    try:\n      while True: pass\n    except BaseException: pass",
        "try: 1 / 0\n  finally:\n    while True: pass",
        "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
        "import signal\n  for n in (2, 14, 15): signal.signal(n, signal.SIG_IGN)\n  while True: pass",
        "channel.wait()",
    ],
)
async def test_a_time_limit_holds_whatever_the_code_does(sandbox, run_in, stubborn):
    begun = time.monotonic()
    outcome = await run_in(sandbox, f"def f(job):\n  log('kept')\n  {stubborn}", timeout=0.3)
    assert time.monotonic() - begun < 5
    assert (outcome.status, outcome.error.type) == ("timeout", "Timeout")
    assert [line.message for line in outcome.logs] == ["kept"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("keep = bytearray(2 * 10**9)", "MB of memory"),
        ("keep = []\n  while True: keep.append('x' * 1_000_000 + str(len(keep)))", "MB of memory"),
        ("import os; os._exit(3)", "status 3"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import os; os.write(0, bytes([0, 0, 0, 99]) + b'half')\n  os._exit(0)", "gave no result"),
    ],
)
async def test_a_child_that_dies_is_killed_with_the_reason_and_its_log(
    sandbox, run_in, source, reason
):
    outcome = await run_in(sandbox, f"def f(job):\n  log('kept')\n  {source}")
    assert (outcome.status, outcome.error.type) == ("killed", "Killed")
    assert reason in outcome.error.message
    assert [line.message for line in outcome.logs] == ["kept"]


async def test_a_runs_own_memory_limit_is_lower_than_the_workspaces(sandbox, run_in):
    source = "def f(job): return len(bytearray(150 * 2**20))"
    assert (await run_in(sandbox, source)).status == "completed"
    outcome = await run_in(sandbox, source, memory=100 * 2**20)
    assert (outcome.status, outcome.error.message) == (
        "killed", "The run was stopped: it needed more than its 100 MB of memory.",
    )  # fmt: skip


async def test_processor_time_is_limited_too(sandbox, run_in):
    outcome = await run_in(sandbox, "def f(job):\n  while True: pass", cpu=1, timeout=15)
    assert outcome.status == "killed"
    assert "1 s of processor time" in outcome.error.message


async def test_every_child_has_randomness_of_its_own(sandbox, run_in):
    source = "import random, os, uuid\ndef f(job): return [random.random(), str(uuid.uuid4())]"
    seen = [tuple((await run_in(sandbox, source)).result) for _ in range(8)]
    assert len({value for pair in seen for value in pair}) == 16


async def test_a_seeded_sandbox_orders_sets_the_same_way_each_time(plain_sandbox, run_in):
    source = "def f(job): return [hash('a'), hash('b')]"
    results = []
    for seed in (7, 7, 8):
        async with plain_sandbox(hash_seed=seed) as sandbox:
            results.append((await run_in(sandbox, source)).result)
    assert results[0] == results[1] != results[2]


def test_an_endless_loop_meets_its_time_limit_before_one_of_processor_time():
    for limits in (Limits(timeout=1), Limits(timeout=1).within(Limits(timeout=1))):
        assert limits.cpu_seconds > limits.timeout
    assert Limits(timeout=5, cpu=1).within(Limits()).cpu_seconds == 1


def test_limits_with_which_no_run_could_work_are_refused():
    for wrong in ({"timeout": 0}, {"timeout": float("nan")}, {"memory": 10}, {"cpu": -1}):
        with pytest.raises(InvalidInput):
            Limits(**wrong)
    with pytest.raises(InvalidInput):
        Sandbox(max_children=0)


async def _nothing(verb, arguments):
    return None
