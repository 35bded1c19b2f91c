"""A workspace has one owner, and folders that cannot keep one are refused with advice."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import WorkspaceError, WorkspaceLocked
from luajobs_kit.ids import Ids
from luajobs_kit.store import Set, Store
from luajobs_kit.store.workspace_folder import mount_of, prepare
from luajobs_kit.store.workspace_lock import WorkspaceLock

RIVAL = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from luajobs_kit.errors import WorkspaceLocked
from luajobs_kit.store.workspace_folder import prepare
from luajobs_kit.store.workspace_lock import WorkspaceLock
print("ready", flush=True)
held = None
for line in sys.stdin:
    if line.strip() == "release":
        if held: held.release()
        held = None
        print("released", flush=True)
        continue
    try:
        prepare(Path(line.strip()))
        held = WorkspaceLock.take(Path(line.strip()), datetime.now(UTC))
        print("owner", flush=True)
    except WorkspaceLocked as error:
        print("refused", error.details["pid"], flush=True)
"""


class Rival:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", RIVAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.answer() == "ready"

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def rivals():
    pair = [Rival(), Rival()]
    yield pair
    for rival in pair:
        rival.end()


async def store(folder):
    return await Store.open(folder, clock=SystemClock(), ids=Ids())


def race(rivals, place, rounds):
    for number in range(rounds):
        folder = place / f"new{number % 5}"  # folders that are made in the race, and old ones
        for rival in rivals:
            rival.ask(folder)
        answers = [rival.answer() for rival in rivals]
        winner = next(r for r, answer in zip(rivals, answers, strict=True) if answer == "owner")
        assert sorted(answer.split()[0] for answer in answers) == ["owner", "refused"]
        # The loser is told the winner, or whom it saw before the winner had signed.
        for rival in rivals:
            rival.ask(folder if rival is not winner else "release")
            if rival is not winner:
                told = rival.answer()
                assert told in (f"refused {winner.process.pid}", "owner")
                rival.ask("release")
            assert rival.answer() == "released"


def test_of_two_owners_at_once_one_is_refused_twenty_times(rivals, tmp_path):
    race(rivals, tmp_path, 20)


@pytest.mark.soak
def test_of_two_owners_at_once_one_is_refused_two_hundred_times(rivals, tmp_path):
    race(rivals, tmp_path, 200)


def test_the_lock_of_a_killed_owner_is_free(rivals, tmp_path):
    rivals[0].ask(tmp_path)
    assert rivals[0].answer() == "owner"
    owner = f"process {rivals[0].process.pid}, .* `luajobs stop`"
    with pytest.raises(WorkspaceLocked, match=owner):
        WorkspaceLock.take(tmp_path, datetime.now(UTC))
    rivals[0].process.kill()
    rivals[0].process.wait()
    WorkspaceLock.take(tmp_path, datetime.now(UTC)).release()


async def test_the_second_owner_in_a_process_is_told_so_and_what_to_do(tmp_path):
    first = await store(tmp_path)
    with pytest.raises(WorkspaceLocked, match="open in this process already") as raised:
        await store(tmp_path)
    assert raised.value.details["pid"] == os.getpid()
    assert datetime.fromisoformat(raised.value.details["started_at"]).tzinfo is not None
    await first.aclose()
    await (await store(tmp_path)).aclose()


async def test_a_store_that_could_not_open_lets_go_of_the_lock(tmp_path):
    (tmp_path / "definitions.json").write_text('{"format": "luajobs-definitions", "version": 9}')
    for _ in range(2):
        with pytest.raises(WorkspaceError, match="newer"):
            await store(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
async def test_folder_and_files_are_their_owners_alone(tmp_path):
    folder = tmp_path / "sub" / ".luajobs"
    opened = await store(folder)
    await opened.definitions.commit(Set("a", 1))
    opened.definitions.tinydb.storage.compact()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    await opened.aclose()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="is a file"):
        prepare(tmp_path / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
@pytest.mark.parametrize("name", [".", "made"])
def test_a_read_only_folder_is_refused_with_advice(name):
    code = """
import os, sys
from pathlib import Path
from luajobs_kit.store.workspace_folder import prepare
if os.getuid() == 0:
    os.setuid(65534)  # root may write everywhere
prepare(Path(sys.argv[1]))
"""
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            os.chown(folder, 65534, -1)
        Path(folder).chmod(0o500)
        done = subprocess.run(
            [sys.executable, "-c", code, f"{folder}/{name}"],
            capture_output=True,
            text=True,
            check=False,
        )
        Path(folder).chmod(0o700)
    assert "cannot be written" in done.stderr, done.stderr
    assert "LUAJOBS_HOME" in done.stderr


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="needs root to chown")
def test_a_folder_of_another_user_is_refused(tmp_path):
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(WorkspaceError, match="belongs to another user"):
        prepare(tmp_path)
    os.chown(tmp_path, 0, -1)


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
50 22 0:40 / /home rw,relatime - nfs4 server:/home rw,vers=4.2,local_lock=none
51 22 0:41 / /mnt/old rw - nfs server:/old rw,vers=3,nolock,local_lock=all
52 22 0:42 / /mnt/win rw - cifs //server/share rw,nobrl
53 22 0:43 / /mnt/my\\040cloud rw - fuse.sshfs me@server: rw
"""


@pytest.mark.parametrize(
    ("folder", "refused"),
    [
        ("/srv/x", None),
        ("/home/me/.luajobs", None),
        ("/homeless", None),
        ("/mnt/old/.luajobs", "nolock"),
        ("/mnt/win/a/.luajobs", "nobrl"),
        ("/mnt/my cloud/.luajobs", "sshfs"),
    ],
)
def test_network_file_systems_without_working_locks_are_refused(tmp_path, folder, refused):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    mount = mount_of(Path(folder), tmp_path / "mountinfo")
    if refused is None:
        mount.refuse_without_locks(Path(folder))
    else:
        with pytest.raises(WorkspaceError, match=f"(?s){refused}.*local disk"):
            mount.refuse_without_locks(Path(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
def test_a_file_system_that_grants_the_lock_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("luajobs_kit.store.workspace_lock._lock", lambda descriptor: None)
    with pytest.raises(WorkspaceError, match="two owners"):
        WorkspaceLock.take(tmp_path, datetime.now(UTC))


def test_the_lock_file_says_who_took_it_last(tmp_path):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    lock = WorkspaceLock.take(tmp_path, now)
    lock.release()
    owner = json.loads((tmp_path / "lock").read_text())
    told = {"pid": os.getpid(), "startedAt": now.isoformat(), "id": lock.id, "writes": 0}
    told["acknowledged"] = [0, 0, 0, 0]
    assert owner == told
