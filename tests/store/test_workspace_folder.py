"""A workspace is a folder, not a path: what stands at the path may be removed, moved or replaced.

Two owners, as two engines have them, against all that people do to a folder meanwhile. What
is acknowledged is in the folder at the path, and nobody writes into a folder that is not theirs.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import WorkspaceError, WorkspaceGone, WorkspaceLocked
from luajobs_kit.ids import Ids
from luajobs_kit.lock_file import Owner
from luajobs_kit.store import Definitions, Set, Store, workspace_lock


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Have the second look follow the first one: nothing moves meanwhile."""
    monkeypatch.setattr(workspace_lock, "AGAIN", 0.0)
    monkeypatch.setattr(workspace_lock, "_TRY_AFTER", 0.0)


def tree(folder):
    """Return every file of a folder and what is in it."""
    return {path.name: path.read_bytes() for path in folder.glob("*")} if folder.exists() else {}


def copy(source, target):
    """What ``cp -a SOURCE/. TARGET/`` does: files that are there are written over, in place."""
    shutil.copytree(source, target, dirs_exist_ok=True)


class World:
    """A path, what people do to the folder there, and what ought to be kept in it."""

    def __init__(self, place):
        self.path = place / ".luajobs"
        self.aside = place / "aside"
        self.backup = place / "backup"
        self.scratch = place / "scratch"
        self.owners = [None, None]
        # The names that were acknowledged, by the folder that has them.
        self.kept = {self.path: set(), self.aside: set(), self.backup: set()}
        self.mixed = False  # a database that was written over while it was open is nobody's promise
        self.count = 0

    # What engines do

    async def open(self, which):
        await self.close(which)
        with suppress(WorkspaceLocked):
            self.owners[which] = await Store.open(self.path, clock=SystemClock(), ids=Ids())

    async def create(self, which):
        store = self.owners[which]
        if store is None:
            return
        self.count += 1
        name, before = f"name{self.count}", tree(self.path)
        try:
            await store.definitions.commit(Set(name, self.count))
        except WorkspaceGone:
            assert tree(self.path) == before
        else:
            self.kept[self.path].add(name)
            assert name in self.read()
        if not self.mixed:
            await self.add(store, f"entry{self.count}")

    async def add(self, store, name):
        before = tree(self.path)
        try:
            await store.entries.create("things", {"name": name})
        except WorkspaceGone:
            assert tree(self.path) == before
        else:
            self.kept[self.path].add(name)
            assert name in self.read()

    async def look(self, which):
        if self.owners[which] is not None:
            before = tree(self.path)
            await self.owners[which].is_gone()
            assert tree(self.path) == before

    async def close(self, which):
        store, self.owners[which] = self.owners[which], None
        if store is None:
            return
        gone, before = await store.is_gone(), tree(self.path)
        await store.aclose()
        if gone:
            assert tree(self.path) == before

    # What people do

    async def remove(self, _):
        shutil.rmtree(self.path, ignore_errors=True)
        self.kept[self.path] = set()

    async def empty(self, _):
        for file in self.path.glob("*"):
            file.unlink()
        self.kept[self.path] = set()

    async def remove_lock(self, _):
        (self.path / "lock").unlink(missing_ok=True)

    async def move_away(self, _):
        self.replace(self.path, self.aside)

    async def move_back(self, _):
        self.replace(self.aside, self.path)

    async def copy_away(self, _):
        if self.path.exists():
            shutil.rmtree(self.backup, ignore_errors=True)
            copy(self.path, self.backup)
            self.kept[self.backup] = set(self.kept[self.path])

    async def restore_by_move(self, _):
        self.replace(self.backup, self.path)

    async def restore_over(self, _):
        if self.backup.exists():
            self.mixed = True
            copy(self.backup, self.path)
            self.kept[self.path] = set(self.kept[self.backup])

    def replace(self, source, target):
        if source.exists():
            shutil.rmtree(target, ignore_errors=True)
            source.rename(target)
            self.kept[target], self.kept[source] = self.kept[source], set()

    # What is kept

    def read(self):
        """Return the names in the folder at the path, as another engine would read them there."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        copy(self.path, self.scratch)
        definitions = Definitions(self.scratch)
        found = set(definitions.settings())
        definitions.tinydb.close()
        if not self.mixed:
            with closing(sqlite3.connect(self.scratch / "history.db")) as db:
                rows = db.execute("SELECT data ->> 'name' FROM entries")
                found |= {name for (name,) in rows}
        return found

    async def end(self):
        for which in (0, 1):
            await self.close(which)
        if (self.path / "definitions.json").exists():
            wanted = {
                name
                for name in self.kept[self.path]
                if not (self.mixed and name.startswith("entry"))
            }
            assert wanted <= self.read()


STEPS = [
    *("open", "create", "look", "close"),
    *("remove", "empty", "remove_lock", "move_away", "move_back"),
    *("copy_away", "restore_by_move", "restore_over"),
]
steps = st.lists(
    st.tuples(st.sampled_from(STEPS + ["create"] * 4), st.sampled_from([0, 1])), max_size=14
)


async def live(story):
    with TemporaryDirectory() as place:
        world = World(Path(place))
        try:
            await world.open(0)
            for step, which in story:
                await getattr(world, step)(which)
            await world.end()
        finally:
            for store in filter(None, world.owners):
                await store.aclose()


def story(words):
    """``create1`` is what the second owner does."""
    return [(word.rstrip("01"), int(word[-1] == "1")) for word in words.split()]


@settings(
    max_examples=settings.default.max_examples // 8,  # each opens several stores
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps)
@example(story("create0 remove open1 create1 create0 close0 create1"))
@example(story("create0 empty open1 create1 create0 close0 create1"))
@example(story("create0 remove_lock open1 create1 create0 close0 create1"))
@example(story("create0 copy_away create0 restore_by_move create0 open1 create1 close0 create1"))
@example(story("create0 copy_away create0 restore_over create0 close0 open1 create1"))
@example(story("create0 copy_away restore_by_move create0 open1 create1 close0"))
@example(story("create0 move_away open1 create1 create0 close0 create1"))
@example(story("create0 move_away move_back create0 close0 open1 create1"))
def test_what_is_acknowledged_is_in_the_folder_at_the_path_whatever_is_done_to_it(told):
    asyncio.run(live(told))


@pytest.mark.soak
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_what_is_acknowledged_is_in_the_folder_at_the_path_two_thousand_times(told):
    asyncio.run(live(told))


async def opened(folder):
    return await Store.open(folder, clock=SystemClock(), ids=Ids())


async def test_every_owner_has_an_id_of_its_own_and_the_lock_file_says_it(tmp_path):
    ids = set()
    for _ in range(3):
        store = await opened(tmp_path)
        assert Owner.read(tmp_path).id == store.lock.id
        ids.add(store.lock.id)
        await store.aclose()
    assert len(ids) == 3


async def test_a_lock_file_of_an_older_kit_is_taken_over(tmp_path):
    (tmp_path / "lock").write_text('{"pid": 1, "startedAt": "2026-01-02T00:00:00+00:00"}\n')
    store = await opened(tmp_path)
    await store.definitions.commit(Set("a", 1))
    await store.aclose()


async def test_a_folder_that_was_away_for_a_moment_is_not_gone(tmp_path, monkeypatch):
    folder = tmp_path / ".luajobs"
    store = await opened(folder)
    folder.rename(tmp_path / "away")
    monkeypatch.setattr(workspace_lock.time, "sleep", lambda _: (tmp_path / "away").rename(folder))
    await store.definitions.commit(Set("a", 1))
    assert not await store.is_gone()
    await store.aclose()


async def test_a_change_of_modes_or_times_or_a_link_to_the_files_does_not_matter(tmp_path):
    folder = tmp_path / ".luajobs"
    store = await opened(folder)
    for file in folder.iterdir():
        file.chmod(0o640)
        (tmp_path / file.name).hardlink_to(file)
        file.touch()
    await store.definitions.commit(Set("a", 1))
    await store.entries.create("things", {"name": "b"})
    await store.aclose()


async def test_a_journal_that_was_replaced_is_not_written_and_nothing_is_acknowledged(tmp_path):
    store = await opened(tmp_path)
    await store.definitions.commit(Set("a", 1))
    beside = tmp_path / "beside"
    shutil.copy(tmp_path / "definitions.journal", beside)
    await store.definitions.commit(Set("b", 1))
    beside.rename(tmp_path / "definitions.journal")
    before = tree(tmp_path)["definitions.journal"]
    with pytest.raises(WorkspaceGone, match="replaced"):
        await store.definitions.commit(Set("c", 1))
    await store.aclose()
    assert tree(tmp_path)["definitions.journal"] == before


async def test_a_snapshot_is_not_put_into_another_folder(tmp_path):
    folder = tmp_path / ".luajobs"
    store = await opened(folder)
    await store.definitions.commit(Set("a", 1))
    folder.rename(tmp_path / "away")
    other = await opened(folder)
    before = tree(folder)["definitions.json"]
    with pytest.raises(WorkspaceGone):
        store.definitions.tinydb.storage.compact()
    await store.aclose()
    assert tree(folder)["definitions.json"] == before
    await other.aclose()


async def test_who_asks_after_that_is_told_what_happened_and_what_to_do(tmp_path):
    folder = tmp_path / ".luajobs"
    store = await opened(folder)
    shutil.rmtree(folder)
    for _ in range(2):
        with pytest.raises(
            WorkspaceGone, match=f"{folder} was removed, moved away or replaced"
        ) as told:
            await store.definitions.commit(Set("a", 1))
        assert "Ask again" in told.value.message
    with pytest.raises(WorkspaceGone):
        await store.entries.create("things", {})
    await store.aclose()
    assert not folder.exists()


async def test_a_store_that_is_closed_says_so(tmp_path):
    store = await opened(tmp_path)
    await store.aclose()
    with pytest.raises(WorkspaceError, match="open it again"):
        await store.definitions.commit(Set("a", 1))
