"""The script that tests with other Pythons: which it takes, and where Debian comes from."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("pythons", Path(__file__).with_name("pythons.py"))


@pytest.fixture
def pythons(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    module = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(module)
    return module


def test_a_shim_of_a_version_that_is_not_set_is_passed_over(pythons, tmp_path, monkeypatch):
    version = "{}.{}".format(*sys.version_info)
    shims, real = tmp_path / "shims", tmp_path / "real"
    for folder, program in (
        (shims, "#!/bin/sh\nexit 127\n"),
        (real, f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
    ):
        folder.mkdir()
        (folder / f"python{version}").write_text(program)
        (folder / f"python{version}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:{real}")
    assert dict(pythons.on_path()) == {version: [str(real / f"python{version}")]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources.list", "deb [signed-by=/x] http://one.test/debian bookworm main\n"),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: http://one.test/debian/\nSuites: sid\n",
        ),
    ],
)
def test_the_root_comes_from_where_this_machine_takes_debian(pythons, tmp_path, name, text):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(f"# a comment\n{text}")
    assert pythons.mirror(tmp_path).rstrip("/") == "http://one.test/debian"


def test_a_machine_without_debian_is_told_so(pythons, tmp_path):
    with pytest.raises(LookupError, match="no Debian mirror"):
        pythons.mirror(tmp_path)


def test_a_machine_without_another_python_is_told_so_and_fails_nothing(
    pythons, monkeypatch, capsys
):
    monkeypatch.setattr(pythons, "on_path", lambda: [("{}.{}".format(*sys.version_info), ["it"])])
    monkeypatch.setattr(pythons, "in_root", dict)
    monkeypatch.delenv("PYTHONS", raising=False)
    monkeypatch.setattr(sys, "argv", ["pythons.py"])
    assert pythons.main() == 0
    assert "no other Python here" in capsys.readouterr().out


def test_a_root_that_cannot_be_made_is_said_and_leaves_nothing(
    pythons, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(pythons.os, "geteuid", lambda: 0)
    monkeypatch.setattr(pythons.shutil, "which", lambda name: sys.executable)
    monkeypatch.setattr(pythons, "mirror", lambda apt: "http://one.test/debian")
    monkeypatch.setattr(pythons, "DEBIAN", tmp_path / "cache" / "root")
    monkeypatch.setenv("PATH", str(tmp_path))  # no debootstrap is found there
    assert pythons.in_root() == {}
    assert "No Debian root can be made here" in capsys.readouterr().out
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_newest_gets_every_test_and_the_others_the_corpora(pythons, monkeypatch):
    found = {version: [f"python{version}"] for version in ("3.11", "3.12", "3.13", "3.14", "3.15")}
    del found["{}.{}".format(*sys.version_info)]
    monkeypatch.setattr(pythons, "on_path", found.items)
    monkeypatch.setattr(pythons, "in_root", dict)
    monkeypatch.delenv("PYTHONS", raising=False)
    monkeypatch.setattr(sys, "argv", ["pythons.py"])
    asked = []

    def run(command, check):
        asked.append((command[0].removeprefix("python"), "--corpora" in command))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(pythons.subprocess, "run", run)
    assert pythons.main() == 0
    newest, *others = sorted(found, reverse=True)
    assert asked == [(newest, False), *((version, True) for version in others)]
