"""The script that tests with every Python: which it takes, and where Debian comes from."""

import importlib.util
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
