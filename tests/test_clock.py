"""Virtual time moves only when told to, and in order; system time looks at the wall clock again."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from luajobs_kit import clock as clocks
from luajobs_kit.clock import SystemClock, VirtualClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


async def test_sleepers_wake_in_the_order_of_their_instants_and_see_exactly_that_time():
    clock = VirtualClock(START)
    woken = []

    async def sleep(name, seconds):
        await clock.sleep_until(at(seconds))
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("c", 30), ("a", 10), ("b", 20), ("b2", 20), ("past", -5)):
            group.create_task(sleep(name, seconds))
        await clock.advance(seconds=25)
        assert woken == [("past", START), ("a", at(10)), ("b", at(20)), ("b2", at(20))]
        assert clock.now() == at(25)
        await clock.advance(until=at(30))
    assert woken[-1] == ("c", at(30))


async def test_who_sleeps_again_after_waking_is_woken_again_within_one_advance():
    clock = VirtualClock(START)
    ticks = []

    async def tick():
        while True:
            await clock.sleep_until(clock.now() + timedelta(minutes=1))
            ticks.append(clock.now())

    task = asyncio.create_task(tick())
    await clock.advance(hours=1)
    assert ticks == [START + timedelta(minutes=number) for number in range(1, 61)]
    task.cancel()


async def test_time_waits_for_participants_to_finish_what_an_instant_started():
    clock = VirtualClock(START)
    finished = []
    working = set()

    async def work():
        for _ in range(20):  # real time passes; virtual time does not
            await asyncio.sleep(0)
        finished.append(clock.now())

    async def start_work():
        for seconds in (10, 20):
            await clock.sleep_until(at(seconds))
            working.add(asyncio.create_task(work()))

    async def settle():
        while working:
            await working.pop()

    leave = clock.join(settle)
    starter = asyncio.create_task(start_work())
    await clock.advance(minutes=1)
    assert finished == [at(10), at(20)]
    await starter
    leave()
    working.add(asyncio.create_task(work()))
    await clock.advance(minutes=1)
    assert working, "nobody is waited for who has left"
    await working.pop()


async def test_a_cancelled_sleeper_does_not_hold_time_up():
    clock = VirtualClock(START)
    task = asyncio.create_task(clock.sleep_until(at(10)))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(minutes=1)
    assert clock.now() == at(60)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_jump_forward_wakes_all_it_passed_at_the_new_time_and_one_back_wakes_nobody():
    clock = VirtualClock(START)
    woken = []

    async def sleep(seconds):
        await clock.sleep_until(at(seconds))
        woken.append((seconds, clock.now()))

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (20, 10, 7200)]
    await asyncio.sleep(0)
    await clock.jump(at(3600))
    assert woken == [(10, at(3600)), (20, at(3600))]
    await clock.jump(START)
    assert clock.now() == START
    assert len(woken) == 2
    await clock.advance(hours=2)
    assert woken[-1] == (7200, at(7200))
    await asyncio.gather(*tasks)


async def test_lengths_add_up_and_until_may_be_in_any_zone():
    clock = VirtualClock(START.astimezone(timezone(timedelta(hours=5))))
    assert clock.now().tzinfo is UTC
    await clock.advance(timedelta(seconds=1), seconds=1, minutes=1, hours=1, days=1)
    assert clock.now() == START + timedelta(days=1, hours=1, minutes=1, seconds=2)
    await clock.advance(until=at(200_000).astimezone(timezone(-timedelta(hours=3))))
    assert clock.now() == at(200_000)


async def test_time_does_not_advance_backwards_and_naive_times_are_refused():
    clock = VirtualClock(START)
    with pytest.raises(ValueError, match=r"time cannot go back .* use jump\(\) for that"):
        await clock.advance(seconds=-1)
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="needs an aware datetime"):
        await clock.advance(until=naive)
    with pytest.raises(ValueError, match="needs an aware datetime"):
        await clock.jump(naive)
    with pytest.raises(ValueError, match="needs an aware datetime"):
        VirtualClock(naive)


async def test_the_system_clock_does_not_return_early():
    clock = SystemClock()
    when = clock.now() + timedelta(milliseconds=20)
    await clock.sleep_until(when)
    assert clock.now() >= when
    await clock.sleep_until(when)  # past: at once


class _SetClock(SystemClock):
    """The machine's time, set by hand while somebody waits."""

    def __init__(self):
        self.step = timedelta(0)
        self.looked = asyncio.Event()

    def now(self):
        self.looked.set()
        return super().now() + self.step


async def test_a_system_clock_put_forward_is_noticed_within_seconds(monkeypatch):
    assert clocks.LONGEST_WAIT == 5.0
    monkeypatch.setattr(clocks, "LONGEST_WAIT", 0.01)  # as it is, in less of the test's time
    clock = _SetClock()
    waiting = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(hours=1)))
    await asyncio.sleep(0)
    clock.step = timedelta(hours=2)
    await asyncio.wait_for(waiting, 5)


async def test_a_system_clock_put_back_is_waited_for_again(monkeypatch):
    monkeypatch.setattr(clocks, "LONGEST_WAIT", 0.01)
    clock = _SetClock()
    waiting = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(milliseconds=30)))
    await asyncio.sleep(0)
    clock.step = -timedelta(hours=1)
    for _ in range(6):  # past the instant it would have returned at
        clock.looked.clear()
        await clock.looked.wait()
    assert not waiting.done()
    waiting.cancel()


async def test_whoever_asked_is_told_by_how_much_a_system_clock_was_put_back(monkeypatch):
    monkeypatch.setattr(clocks, "LONGEST_WAIT", 0.01)
    clock, told = _SetClock(), asyncio.Queue()
    end = clock.when_put_back(told.put_nowait)
    waiting = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(days=1)))
    await asyncio.sleep(0)
    clock.step = timedelta(hours=2)
    clock.looked.clear()
    await clock.looked.wait()
    clock.step = timedelta(hours=1)
    back = await asyncio.wait_for(told.get(), 5)
    assert abs(back - timedelta(hours=1)) < timedelta(seconds=1)
    end()
    clock.step = timedelta(0)
    clock.looked.clear()
    await clock.looked.wait()
    assert told.empty()
    waiting.cancel()


async def test_whoever_asked_is_told_that_virtual_time_was_put_back():
    clock, told = VirtualClock(START), []
    end = clock.when_put_back(told.append)
    await clock.jump(at(60))
    await clock.jump(at(-30))
    end()
    await clock.jump(at(-60))
    assert told == [timedelta(seconds=90)]
