"""The output of ``luajobs simulate``, run in this process."""

from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit import InvalidInput, Jobs, Workspace, every, once
from luajobs_kit.cli.formatting import clock
from luajobs_kit.cli.simulate import simulate
from luajobs_kit.clock import VirtualClock

WEEK = timedelta(days=7)


async def take_long(job):
    import asyncio

    await asyncio.sleep(250)


async def tell(job):
    from luajobs_kit import Data

    user = await job.user()
    for _ in range(15):
        await user.send("tick\n\x1b[2J" + "x" * 200)
        await Data.create("ticks", {"at": job.execution.fire_time.isoformat()})


@pytest.fixture
def time():
    return VirtualClock(datetime(2030, 1, 7, 8, tzinfo=UTC))


@pytest.fixture
async def ask(time):
    async with Workspace.in_process(clock=time) as ws:
        await Jobs.create(name="tell", schedule=every(hours=1), execute=tell)

        async def ask(**given):
            left_out = dict.fromkeys(["days", "until", "name", "responses"])
            flags = {"every": False, "as_json": False, "seed": 0, "max_fires": 1_000}
            await simulate.callback.__wrapped__(await ws.port(), **left_out | flags | given)

        yield ask


async def test_it_prints_who_gets_what_and_what_data_changes_up_to_so_many(ask, capsys):
    await ask(until="2030-01-07T11:30Z")
    printed = capsys.readouterr().out
    assert printed.count("  tell  tick ␛[2Jxxx") == 40
    assert "x" * 70 not in printed
    assert printed.count('added  at: "2030-01-07T') == 40
    assert printed.count("… and 5 more (--all)") == 2
    assert "0 fires not run, 45 messages, 45 entries changed" in printed


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"days": float("nan")}, "days=nan"),
        ({"days": 1e9}, "days=1000000000.0"),
        ({"until": "tomorrow"}, "write a time such as"),
        ({"until": "2030-01-08", "days": 1}, "not both"),
    ],
)
async def test_a_time_that_is_none_is_refused_in_words(ask, asked, said):
    with pytest.raises(InvalidInput, match=said):
        await ask(**asked)


async def test_what_is_running_now_is_said_to_be_left_out(ask, time, capsys):
    await Jobs.create(name="long", schedule=once(minutes=1), execute=take_long)
    await time.advance(minutes=1)
    said = "left out: 1 execution that was running (long), its retries and what it overlaps\n"
    await ask(days=1)
    assert said in capsys.readouterr().out
    await ask(name="long")
    assert capsys.readouterr().out == f"Nothing fires until {clock(time.now() + WEEK)}.\n{said}"
