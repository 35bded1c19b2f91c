"""Cells run by a real kernel, on a workspace of their own that is ended afterwards."""

from contextlib import contextmanager

import pytest

from luajobs_kit.client.discover import stop


@contextmanager
def kernels_in(folder, notebooks):
    """Give what runs a notebook in ``folder``, on a workspace there that is ended afterwards."""
    home = folder / ".luajobs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUAJOBS_HOME", str(home))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        yield lambda book, **options: notebooks.run(book, folder, **options)
    if home.is_dir():
        stop(home)


@pytest.fixture
def run_book(notebooks, tmp_path):
    """Run a notebook; return the client that did it."""
    with kernels_in(tmp_path, notebooks) as run:
        yield run


@pytest.fixture(scope="module")
def run_book_once(notebooks, tmp_path_factory):
    """Run a notebook for all tests of a module."""
    with kernels_in(tmp_path_factory.mktemp("shared"), notebooks) as run:
        yield run


@pytest.fixture
def run_cells(notebooks, run_book):
    """Run cells, errors too; return the client, and what each cell said."""

    def ran(*cells):
        book = notebooks.new(*cells)
        client = run_book(book, allow_errors=True)
        return client, [said(cell) for cell in book.cells]

    return ran


def said(cell):
    """Everything the cell printed, showed or raised, as text."""
    return "\n".join(
        output.get("text")
        or output.get("data", {}).get("text/plain")
        or f"{output.get('ename')}: {output.get('evalue')}"
        for output in cell.get("outputs", [])
    )
