"""What is no file of a workspace is refused before anybody opens it, and could wait for ever."""

import os
import socket

import pytest

from luajobs_kit.client import find_workspace
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import WorkspaceError
from luajobs_kit.lock_file import Owner
from luajobs_kit.state_files import _NAMES, refuse_foreign
from luajobs_kit.store.workspace_folder import prepare

SPARSE = 8 * 2**30  # bytes


def a_pipe(path):
    os.mkfifo(path)


def a_folder(path):
    path.mkdir()


def a_device(path):
    path.symlink_to("/dev/zero")


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


@pytest.mark.parametrize("make", [a_pipe, a_folder, a_device])
@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("look", [find_workspace.find, prepare])
def test_what_is_no_file_is_refused_by_whoever_opens_the_folder(tmp_path, look, name, make):
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    make(folder / name)
    kind = make.__name__.replace("_", " ")
    with pytest.raises(WorkspaceError, match=rf"{name} is {kind}, .* Move it away and ask again"):
        look(folder)


def test_a_socket_is_no_file_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name has 107 characters at most
    a_socket("lock")
    with pytest.raises(WorkspaceError, match="lock is a socket"):
        refuse_foreign(tmp_path)


@pytest.mark.parametrize("name", [name for name, most in _NAMES.items() if most is not None])
def test_a_file_larger_than_it_can_be_is_refused_without_reading_it(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(SPARSE)
    with pytest.raises(WorkspaceError, match=rf"{name} has 8,589,934,592 bytes"):
        refuse_foreign(tmp_path)


def test_a_pipe_of_such_a_name_in_any_folder_holds_up_no_search(tmp_path, monkeypatch):
    for name in ("lock", "engine.json", "definitions.json", "history.db"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("LUAJOBS_HOME", raising=False)
    assert find_workspace.where() == tmp_path / "project" / ".luajobs"
    assert Address.read(tmp_path) is None
    assert Owner.read(tmp_path) is None
