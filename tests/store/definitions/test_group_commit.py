"""Commits are synced where it costs least, and a slow disk does not stop the event loop."""

import asyncio
import threading
import time

import pytest
from faulty_disk import FaultyDisk

from luajobs_kit.store import Definitions, Set
from luajobs_kit.store.definitions.group_commit import QUICK

HERE = threading.main_thread()


class WatchedDisk(FaultyDisk):
    """Notes the thread of each sync; lasts longer than what is quick while ``slow``, else no time."""

    def __init__(self):
        super().__init__()
        self.threads = []
        self.slow = False
        self.held = None  # an event that syncs wait for

    def sync(self, descriptor):
        self.threads.append(threading.current_thread())
        until = time.perf_counter() + 2 * QUICK
        while self.slow and time.perf_counter() < until:
            pass
        if self.held is not None:
            self.held.wait(10)


@pytest.fixture
async def watched(tmp_path):
    disk = WatchedDisk()
    definitions = Definitions(tmp_path, disk=disk)
    yield definitions, disk
    await definitions.aclose()


async def test_a_quick_disk_is_synced_without_a_hand_over_and_a_slow_one_beside_the_loop(watched):
    definitions, disk = watched
    del disk.threads[:]  # opening syncs what it makes
    for count in range(200):
        await definitions.commit(Set("quick", count))
    assert disk.threads[0] is not HERE  # nothing is known of the disk yet
    assert HERE in disk.threads  # if not all: a busy machine makes any disk slow at times
    disk.slow = True
    del disk.threads[:]
    for count in range(10):
        await definitions.commit(Set("slow", count))
    assert HERE not in disk.threads[1:]
    assert definitions.settings() == {"quick": 199, "slow": 9}


@pytest.mark.parametrize("slow", [False, True])
async def test_writers_at_the_same_time_share_syncs_on_any_disk(watched, slow):
    definitions, disk = watched
    disk.slow = slow
    for turn in range(5):
        before = len(disk.threads)
        await asyncio.gather(*(definitions.commit(Set(f"s{n}", turn)) for n in range(64)))
        assert len(disk.threads) - before <= 4
        assert definitions.settings() == {f"s{n}": turn for n in range(64)}


async def test_the_loop_goes_on_while_a_disk_hangs(watched):
    definitions, disk = watched
    disk.held = threading.Event()
    commits = [asyncio.create_task(definitions.commit(Set(f"s{n}", n))) for n in range(3)]
    while not disk.threads:  # noqa: ASYNC110 - of another thread
        await asyncio.sleep(0)
    late = asyncio.create_task(definitions.commit(Set("late", 1)))
    await asyncio.sleep(0)
    assert definitions.settings() == {}
    disk.held.set()
    await asyncio.gather(*commits, late)
    assert definitions.settings() == {"s0": 0, "s1": 1, "s2": 2, "late": 1}


async def test_the_loop_goes_on_while_a_compaction_syncs(watched):
    definitions, disk = watched
    for count in range(200):  # by now syncs are expected to be quick
        await definitions.commit(Set("a", count))
    disk.held = threading.Event()
    before = len(disk.threads)
    compaction = asyncio.create_task(asyncio.to_thread(definitions.tinydb.storage.compact))
    while len(disk.threads) == before:  # noqa: ASYNC110 - of another thread
        await asyncio.sleep(0)
    commit = asyncio.create_task(definitions.commit(Set("b", 1)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not commit.done()
    disk.held.set()
    await asyncio.gather(commit, compaction)
    assert definitions.settings() == {"a": 199, "b": 1}
