"""One workspace, however it is named and whichever face looks for it."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luajobs_kit import Workspace, WorkspaceError
from luajobs_kit.client import find_workspace
from luajobs_kit.clock import SystemClock
from luajobs_kit.engine import Engine
from luajobs_kit.ids import Ids
from luajobs_kit.store import Set, Store
from luajobs_kit.store.workspace_folder import prepare
from luajobs_kit.store.workspace_lock import WorkspaceLock


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch):
    """Have ``~`` be a folder of this test, and nothing be named by the environment."""
    monkeypatch.delenv("LUAJOBS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")


def made(folder):
    """Make a workspace of the folder itself, as an engine does first of all."""
    prepare(folder)
    WorkspaceLock.take(folder, datetime.now(UTC)).release()
    return folder


NAMES = ["jobs", "my jobs", " ", "x.luajobs", "luajobs", ".luajobs", "jobs.db", "ü", "lock"]


def spellings(folder):
    """Return what may be written for a folder."""
    link = folder.parent / "a link"
    link.symlink_to(folder, target_is_directory=True)
    near = os.path.relpath(folder)
    return [str(folder), f"{folder}/", near, f"./{near}", str(link), f"{folder}/../{folder.name}"]


def by_argument(spelling, _):
    return find_workspace.find(spelling)


def by_environment(spelling, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("LUAJOBS_HOME", spelling)
        return find_workspace.find()


def by_walking_up(spelling, monkeypatch):
    Path(spelling, "deep", "down").mkdir(parents=True, exist_ok=True)
    with monkeypatch.context() as patch:
        patch.chdir(Path(spelling, "deep", "down"))
        return find_workspace.find()


def by_python(spelling, _):
    return Workspace(spelling).path


WAYS = [by_argument, by_environment, by_walking_up, by_python]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holds", ["itself", "inside"])
def test_every_way_to_name_a_folder_finds_its_one_workspace(
    tmp_path, monkeypatch, name, holds, way
):
    folder = tmp_path / "place" / name
    folder.mkdir(parents=True)
    itself = holds == "itself" or name == ".luajobs"
    right = made(folder if itself else folder / ".luajobs")
    for spelling in spellings(folder):
        found = way(spelling, monkeypatch)
        assert found == right
        assert find_workspace.find(found) == right
    assert way(str(right), monkeypatch) == right


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", [by_argument, by_environment, by_python])
def test_a_new_workspace_is_made_in_the_folder_that_is_named(tmp_path, monkeypatch, name, way):
    folder = tmp_path / name
    found = way(str(folder), monkeypatch)
    assert found == (folder if name == ".luajobs" else folder / ".luajobs")
    assert way(str(found), monkeypatch) == found
    assert find_workspace.where(found) == found


@pytest.mark.parametrize("name", ["~", "~/sub", "~/.luajobs"])
def test_the_home_folder_may_be_written_short(tmp_path, monkeypatch, name):
    right = {"~": "home/.luajobs", "~/sub": "home/sub/.luajobs", "~/.luajobs": "home/.luajobs"}
    assert by_argument(name, None) == by_environment(name, monkeypatch) == tmp_path / right[name]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_where_folder_and_luajobs_both_hold_one_it_is_refused_with_both(tmp_path, monkeypatch, way):
    folder = made(tmp_path / "jobs")
    made(folder / ".luajobs")
    with pytest.raises(WorkspaceError) as refused:
        way(str(folder), monkeypatch)
    assert f"Both {folder} and {folder / '.luajobs'} hold a workspace" in refused.value.message
    assert find_workspace.find(folder / ".luajobs") == folder / ".luajobs"
    shutil.rmtree(folder / ".luajobs")
    assert way(str(folder), monkeypatch) == folder


def test_an_empty_luajobs_in_a_workspace_is_no_second_one(tmp_path):
    folder = made(tmp_path / "jobs")
    (folder / ".luajobs").mkdir()
    assert find_workspace.find(folder) == folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("definitions.json", '{"definitions": {"type": "object"}}'),
        ("definitions.json", '{"format": "luajobs-export", "version": 1}'),
        ("history.db", "SQLite format 3\0" + "\0" * 200),
        ("lock", ""),
        ("lock", "4711\n"),
        ("engine.json", '{"engine": "v8"}'),
    ],
)
def test_files_of_something_else_by_these_names_make_no_workspace(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert find_workspace.find(tmp_path) == tmp_path / ".luajobs"


@pytest.mark.parametrize("left", ["definitions.json", "definitions.journal", "history.db", "lock"])
async def test_a_workspace_is_known_by_any_of_its_files(tmp_path, left):
    folder = tmp_path / "jobs"
    store = await Store.open(folder, clock=SystemClock(), ids=Ids())
    await store.definitions.commit(Set("a", 1))
    for file in folder.iterdir():
        if file.name != left:
            file.unlink()
    assert find_workspace.find(folder) == folder
    await store.aclose()


def test_a_workspace_of_an_older_kit_is_known(tmp_path):
    old = {"pid": 4711, "startedAt": "2026-03-02T08:00:00+00:00"}
    (tmp_path / "lock").write_text(json.dumps(old) + "\n")
    assert find_workspace.find(tmp_path) == tmp_path


@pytest.mark.parametrize("full", [False, True])
def test_a_luajobs_that_is_a_link_is_the_folder_behind_it(tmp_path, full):
    real, project = tmp_path / "disk" / "jobs", tmp_path / "project"
    real.mkdir(parents=True)
    project.mkdir()
    if full:
        made(real)
    (project / ".luajobs").symlink_to(real, target_is_directory=True)
    found = find_workspace.find(project)
    assert found == real
    assert find_workspace.find(found) == find_workspace.find(project / ".luajobs") == real
    made(found)
    assert find_workspace.find(project) == real


def test_a_link_that_leads_in_a_circle_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(WorkspaceError, match=r"names no folder|cannot be used"):
        find_workspace.find(tmp_path / "a")


@pytest.mark.parametrize("name", ["~nobody-of-that-name", "a\0b"])
def test_what_names_no_folder_is_refused(name):
    with pytest.raises(WorkspaceError, match="names no folder"):
        find_workspace.find(name)


PYTHON = """
import asyncio
from luajobs_kit import Workspace
async def main():
    ws = Workspace()
    print(ws.path, (await ws.status()).workspace, (await ws.status()).pid, sep="\\n")
asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["named", pytest.param("itself", marks=pytest.mark.soak)])
def test_command_and_python_use_one_engine_where_the_environment_names_a_folder(tmp_path, kind):
    folder = tmp_path / "my jobs"
    if kind == "itself":
        made(folder)
    right = folder if kind == "itself" else folder / ".luajobs"
    env = os.environ | {"LUAJOBS_HOME": str(folder)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        path, served, pid = run("-c", PYTHON).splitlines()
        told = json.loads(run("-m", "luajobs_kit.cli", "status", "--json"))
        assert (told["workspace"], told["pid"]) == (str(right), int(pid))
        assert path == served == str(right)
        by_option = run("-m", "luajobs_kit.cli", "-w", f"{folder}/", "status", "--json")
        assert json.loads(by_option)["pid"] == int(pid)
    finally:
        run("-m", "luajobs_kit.cli", "stop")


async def test_a_folder_whose_name_is_no_text_can_be_a_workspace(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9") / ".luajobs"
    async with await Engine.open(folder) as engine:
        shown = (await engine.status()).to_json()["workspace"]
    assert shown == f"{tmp_path}/caf\N{REPLACEMENT CHARACTER}/.luajobs"
