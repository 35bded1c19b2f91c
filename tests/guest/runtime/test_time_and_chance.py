"""Time and chance inside: virtual in a simulation, fresh otherwise."""

from __future__ import annotations

import time
from typing import Any

import pytest
from guest_run import CONTEXT, RecordingChannel, run_here

from luajobs_kit.sandbox import Limits, Program, Sandbox

CLOCK = {"now": "2026-03-01T12:00:00+00:00", "seed": 7}


def simulated(body: str, **clock: Any) -> Any:
    source = (
        "import asyncio, time, random, uuid, secrets\n"
        "from datetime import datetime, date, timedelta, UTC\n"
        "async def main(job):\n" + "\n".join("    " + line for line in body.splitlines())
    )
    return run_here(source, context={"clock": {**CLOCK, **clock}})


def test_every_clock_shows_the_simulated_time() -> None:
    assert simulated(
        "return [datetime.now(UTC).isoformat(), time.time(), time.gmtime().tm_hour,\n"
        "  datetime.utcnow().isoformat(), isinstance(datetime.now(), datetime),\n"
        "  date.today() == datetime.now().date(), time.time_ns() // 10**9]"
    ) == [
        "2026-03-01T12:00:00+00:00",
        1772366400.0,
        12,
        "2026-03-01T12:00:00",
        True,
        True,
        1772366400,
    ]


def test_sleeping_takes_no_time_and_moves_the_clock() -> None:
    begun = time.monotonic()
    shown = simulated(
        "a = time.monotonic()\n"
        "await asyncio.sleep(3600)\n"
        "time.sleep(60)\n"
        "await asyncio.gather(asyncio.sleep(30), asyncio.sleep(20))\n"
        "return [time.monotonic() - a, datetime.now(UTC).isoformat()]"
    )
    assert shown == [3690.0, "2026-03-01T13:01:30+00:00"]
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "line",
    [
        "await asyncio.sleep(nan)",
        "time.sleep(nan)",
        "await asyncio.wait_for(asyncio.sleep(1), nan)",
        "await asyncio.wait([asyncio.create_task(asyncio.sleep(1))], timeout=nan)",
        "async with asyncio.timeout(nan): pass",
    ],
)
def test_nan_is_no_time_to_sleep(line) -> None:
    told = "nan = float('nan')\ntry:\n    %s\nexcept ValueError as error:\n    return str(error)"
    assert "NaN" in simulated(told % line)


def test_timeouts_run_on_the_simulated_clock() -> None:
    assert (
        simulated(
            "try:\n    await asyncio.wait_for(asyncio.sleep(900), 300)\n"
            "except TimeoutError:\n    return time.monotonic()"
        )
        == 300.0
    )


def test_sleepers_wake_in_order() -> None:
    assert simulated(
        "log = []\n"
        "async def at(s):\n    await asyncio.sleep(s)\n    log.append(s)\n"
        "await asyncio.gather(*[at(s) for s in (5, 1, 3, 2)])\n"
        "return log"
    ) == [1, 2, 3, 5]


def test_a_simulation_repeats_its_chances() -> None:
    draws = (
        "return [random.random(), random.randint(1, 10**9), str(uuid.uuid4()),\n"
        "  secrets.token_hex(8), secrets.randbelow(10**9), random.SystemRandom().random()]"
    )
    first = simulated(draws)
    assert simulated(draws) == first
    other = simulated(draws, seed=8)
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_real_runs_do_not_repeat() -> None:
    source = (
        "import random, uuid, secrets\n"
        "def main(job): return [random.random(), str(uuid.uuid4()), secrets.token_hex(8)]"
    )
    first, second = run_here(source), run_here(source)
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_times_parsed_and_computed_keep_working_in_a_simulation() -> None:
    assert simulated(
        'd = datetime.fromisoformat("2026-01-31T10:00:00+00:00") + timedelta(days=1)\n'
        "return [d.isoformat(), isinstance(d, datetime), (datetime.now(UTC) - d).days,\n"
        '  datetime.strptime("2026-02-03", "%Y-%m-%d").isoformat(), isinstance(d, date)]'
    ) == ["2026-02-01T10:00:00+00:00", True, 28, "2026-02-03T00:00:00", True]


def test_waiting_for_what_never_comes_is_an_error_not_a_hang() -> None:
    with pytest.raises(RuntimeError, match="nothing will ever set"):
        simulated("await asyncio.Event().wait()")


def test_a_task_left_behind_is_cancelled_and_cleans_up() -> None:
    channel = RecordingChannel()
    source = (
        "import asyncio\n"
        "async def main(job):\n"
        "    async def later():\n"
        "        try: await asyncio.sleep(1000)\n"
        '        finally: print("cleaned up")\n'
        "    asyncio.create_task(later())\n"
        "    await asyncio.sleep(0)\n"
        "    return 1\n"
    )
    assert run_here(source, channel=channel) == 1
    assert channel.lines == [("info", "cleaned up")]


def test_a_task_that_fails_unseen_is_told_in_the_log() -> None:
    channel = RecordingChannel()
    source = (
        "import asyncio\n"
        "async def main(job):\n"
        "    async def bad(): raise ValueError('lost')\n"
        "    asyncio.create_task(bad(), name='bad one')\n"
        "    await asyncio.sleep(0)\n"
        "    await asyncio.sleep(0)\n"
    )
    run_here(source, channel=channel)
    assert channel.lines == [("warn", "bad one failed and nobody awaited it: ValueError('lost')")]


async def test_a_forgotten_await_is_told_in_the_log() -> None:
    program = Program("async def main(job):\n    User.get()\n    return 1\n", "main")

    async def serve(verb: str, arguments: dict[str, Any]) -> Any:
        return None

    async with Sandbox() as sandbox:
        outcome = await sandbox.run(program, context=CONTEXT, limits=Limits(), serve=serve)
    assert outcome.result == 1
    assert [(line.level, line.message) for line in outcome.logs] == [
        (
            "warn",
            (
                "RuntimeWarning: coroutine 'User.get' was never awaited: "
                "put await in front of the call"
            ),
        )
    ]
