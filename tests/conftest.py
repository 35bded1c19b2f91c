"""Rules and fixtures of every test: none touches a workspace that is somebody's own."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from warm_fork_server import WarmForkServer

from luajobs_kit.client.discover import stop
from luajobs_kit.sandbox.host import spawn

# A property is tried the same few times in `make test`, and at random many times in `make soak`.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def _no_workspace_of_ones_own(tmp_path_factory):
    """Have what is asked without a workspace land in a folder of this test run."""
    before = os.environ.get("LUAJOBS_HOME")
    home = tmp_path_factory.mktemp("home") / ".luajobs"
    os.environ["LUAJOBS_HOME"] = str(home)
    yield
    if home.is_dir():
        stop(home)
    os.environ.pop("LUAJOBS_HOME")
    if before is not None:
        os.environ["LUAJOBS_HOME"] = before


@pytest.fixture(scope="session")
def warm_fork_server():
    server = WarmForkServer()
    yield server
    server.close()


# Whose subject is the process itself: how it starts, what it holds, how it grows.
STARTED_BY_ITSELF = {"tests/sandbox/host", "tests/sandbox/server", "tests/sandbox/walls"}


@pytest.fixture(autouse=True)
def _fork_servers(request, monkeypatch, warm_fork_server):
    """Have the fork servers that a test starts in its own process forked from a warm one."""
    folder = request.path.parent.relative_to(Path(__file__).parents[1]).as_posix()
    if hasattr(os, "pidfd_open") and folder not in STARTED_BY_ITSELF:
        monkeypatch.setattr(spawn, "start", warm_fork_server.start)


@pytest.fixture(scope="session")
def notebooks():
    """Notebooks to make, read and run in a real kernel; importing what does it takes seconds."""
    return Notebooks()


class Notebooks:
    def __init__(self):
        with pytest.MonkeyPatch.context() as patch:
            # jsonschema would compile 39 grammars with it, for addresses no notebook has.
            patch.setitem(sys.modules, "rfc3987_syntax", None)
            import nbclient
            import nbformat

        self._format, self._client = nbformat, nbclient.NotebookClient

    def new(self, *cells):
        code = [self._format.v4.new_code_cell(cell.strip()) for cell in cells]
        return self._format.v4.new_notebook(cells=code)

    def read(self, path):
        return self._format.read(path, as_version=4)

    def write(self, book, path):
        self._format.write(book, path)

    def run(self, book, folder, **options):
        """Run every cell with ``folder`` as the current one; return the client that did it."""
        options.setdefault("timeout", 90)
        resources = {"metadata": {"path": str(folder)}}
        client = self._client(book, kernel_name="python3", resources=resources, **options)
        client.execute()
        return client
