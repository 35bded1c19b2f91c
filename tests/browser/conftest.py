"""A real JupyterLab in a real Chromium, with folders of its own.

Playwright's synchronous session disturbs asyncio tests of the same process, so these run
apart: ``make test-browser``.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from luajobs_kit.client.discover import stop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 150  # seconds; cores may be shared


@pytest.fixture(scope="session")
def lab(tmp_path_factory, notebooks):
    """The address of a JupyterLab whose settings, kernels and files are its own."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    root = tmp_path_factory.mktemp("lab")
    token = secrets.token_hex(8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        name: str(root / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    own["JUPYTERLAB_SETTINGS_DIR"] = str(root / "settings")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(root / "workspaces")
    files = root / "files"
    files.mkdir()
    news = root / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with (root / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                f"--port={port}",
                f"--ServerApp.root_dir={files}",
                f"--IdentityProvider.token={token}",
                "--ServerApp.port_retries=0",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            stdout=log,
            stderr=log,
            env={**os.environ, **own, "LUAJOBS_HOME": str(root / ".luajobs")},
            cwd=files,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/api?token={token}", server, root / "lab.log")
        yield Lab(address, token, files, notebooks)
    finally:
        server.terminate()
        server.wait(30)
        if (root / ".luajobs").is_dir():
            stop(root / ".luajobs")


def _wait_for(url, server, log):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                json.load(answer)
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)  # another process starts; there is nothing to await
        else:
            return


class Lab:
    def __init__(self, address: str, token: str, files: Path, notebooks):
        self.address, self.token, self.files = address, token, files
        self._notebooks = notebooks

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook and return its address."""
        book = self._notebooks.new(*cells)
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        self._notebooks.write(book, self.files / name)
        return f"{self.address}/lab/tree/{name}?token={self.token}&reset"


@pytest.fixture(scope="session")
def chromium(lab):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1180, "height": 1500})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE * 1000)
    yield opened
    context.close()


@pytest.fixture
def open_and_run(lab, page):
    """Open a notebook of these cells, run them all and return the page."""

    def opened(name, *cells):
        page.goto(lab.notebook(name, *cells))
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        page.wait_for_function("window.jupyterapp !== undefined")
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        # Not waited for: the command is done when the last cell is.
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        return page

    return opened
