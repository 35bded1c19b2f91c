"""Cells run by a real kernel, on a workspace of their own that is ended afterwards."""

import pytest

from luajobs_kit.client.discover import stop


@pytest.fixture
def run_book(notebooks, tmp_path, monkeypatch):
    """Run a notebook; what its widgets' state is afterwards is left in ``book.widgets``."""
    home = tmp_path / ".luajobs"
    monkeypatch.setenv("LUAJOBS_HOME", str(home))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def ran(book, **options):
        return notebooks.run(book, tmp_path, **options)

    yield ran
    if home.is_dir():
        stop(home)


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
