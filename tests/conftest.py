"""What holds for every test: none touches a workspace that is somebody's own."""

import os
import sys

import pytest

from luajobs_kit.client.discover import stop


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
