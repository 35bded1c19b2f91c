"""I/O errors: the caller is told, nothing acknowledged is lost, service resumes."""

import asyncio
import errno
import itertools
from contextlib import suppress

import pytest
from faulty_disk import FaultyDisk

from luajobs_kit.errors import StorageFull, WorkspaceError
from luajobs_kit.store import Definitions, Set


def failing(name, fate, *, first=0, count=1):
    """Plan that gives ``fate`` to ``count`` operations called ``name``, from the ``first``."""
    seen = itertools.count()

    def plan(number, operation):
        if operation != name:
            return None
        return fate if first <= next(seen) < first + count else None

    return plan


async def reopened(folder):
    definitions = Definitions(folder)
    found = definitions.settings(), definitions.findings
    await definitions.aclose()
    return found


@pytest.mark.parametrize("fate", [errno.ENOSPC, errno.EDQUOT, errno.EIO, "half"])
async def test_a_write_that_fails_is_told_and_the_next_one_works(tmp_path, fate):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    await definitions.commit(Set("a", 1))
    disk.plan = failing("write", fate)
    error = WorkspaceError if fate == errno.EIO else StorageFull
    with pytest.raises(error, match=r"definitions\.journal") as raised:
        await definitions.commit(Set("a", 2), Set("b", 2))
    assert type(raised.value) is error
    assert definitions.settings() == {"a": 1}
    await definitions.commit(Set("c", 3))
    assert definitions.settings() == {"a": 1, "c": 3}
    await definitions.aclose()
    assert await reopened(tmp_path) == ({"a": 1, "c": 3}, [])


async def test_short_writes_are_completed(tmp_path):
    disk = FaultyDisk(lambda number, name: "short" if name == "write" else None)
    definitions = Definitions(tmp_path, disk=disk)
    for value in range(20):
        await definitions.commit(Set("a", value))
    await definitions.aclose()
    assert await reopened(tmp_path) == ({"a": 19}, [])


async def test_a_failed_sync_fails_all_who_waited_for_it_and_the_file_is_not_trusted_again(
    tmp_path,
):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    await definitions.commit(Set("kept", 1))
    disk.plan = failing("sync", errno.EIO, count=100)
    told = await asyncio.gather(
        *(definitions.commit(Set(f"lost{n}", n)) for n in range(5)), return_exceptions=True
    )
    assert {type(error) for error in told} == {WorkspaceError}
    with pytest.raises(WorkspaceError):  # a new file cannot be synced either
        await definitions.commit(Set("still", 1))
    assert definitions.settings() == {"kept": 1}
    disk.plan = lambda number, name: None
    await definitions.commit(Set("again", 1))
    assert definitions.settings() == {"kept": 1, "again": 1}
    await definitions.aclose()
    assert await reopened(tmp_path) == ({"kept": 1, "again": 1}, [])


async def test_a_line_that_cannot_be_cut_off_again_is_left_with_its_file(tmp_path):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    await definitions.commit(Set("kept", 1))
    half = failing("write", "half")
    disk.plan = lambda number, name: errno.EIO if name == "truncate" else half(number, name)
    with pytest.raises(StorageFull):
        await definitions.commit(Set("lost", 1))
    await definitions.commit(Set("again", 1))
    await definitions.aclose()
    assert await reopened(tmp_path) == ({"kept": 1, "again": 1}, [])


async def test_a_disk_that_is_full_for_a_while_loses_nothing_acknowledged(tmp_path):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    kept = {}
    for value in range(60):
        full = 20 <= value < 40
        disk.plan = lambda number, name, full=full: (
            errno.ENOSPC if full and name == "write" else None
        )
        try:
            await definitions.commit(Set(f"s{value}", value))
            kept[f"s{value}"] = value
        except StorageFull:
            assert full
    assert len(kept) == 40
    await definitions.aclose()
    assert await reopened(tmp_path) == (kept, [])


@pytest.mark.parametrize("fate", [errno.ENOSPC, errno.EIO])
async def test_whatever_operation_fails_what_was_acknowledged_is_there(tmp_path, fate):
    """Every operation of a life with commits and a compaction fails once, one life each."""
    for victim in range(200):
        folder = tmp_path / str(victim)
        folder.mkdir()
        disk = FaultyDisk(lambda number, name, victim=victim: fate if number == victim else None)
        try:
            definitions = Definitions(folder, disk=disk)
        except WorkspaceError:
            continue
        kept = {}
        for value in range(4):
            try:
                await definitions.commit(Set("a", value), Set(f"s{value}", value))
                kept |= {"a": value, f"s{value}": value}
            except WorkspaceError:
                assert definitions.settings() == kept
            if value in (0, 2):
                with suppress(OSError):
                    definitions.tinydb.storage.compact()
        assert definitions.settings() == kept
        await definitions.aclose()
        assert await reopened(folder) == (kept, [])
        if len(disk.operations) < victim:
            return
    raise AssertionError("a life has fewer than 200 operations")


async def test_a_compaction_that_fails_costs_nothing_and_is_made_up_for(tmp_path):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    storage = definitions.tinydb.storage
    await definitions.commit(Set("a", 1))
    for operation in ("replace", "sync", "sync_folder"):
        disk.plan = failing(operation, errno.ENOSPC, first=1)
        with pytest.raises(OSError, match="space"):
            storage.compact()
        disk.plan = lambda number, name: None
        await definitions.commit(Set(operation, 1))
        storage.compact()
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "definitions.journal",
            "definitions.json",
        ]
    await definitions.aclose()
    assert await reopened(tmp_path) == ({"a": 1, "replace": 1, "sync": 1, "sync_folder": 1}, [])
