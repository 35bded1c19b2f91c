"""What holds for every test: none touches a workspace that is somebody's own."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_workspace_of_ones_own(tmp_path_factory):
    """Have what is asked without a workspace land in a folder of this test run."""
    before = os.environ.get("LUAJOBS_HOME")
    os.environ["LUAJOBS_HOME"] = str(tmp_path_factory.mktemp("home") / ".luajobs")
    yield
    os.environ.pop("LUAJOBS_HOME")
    if before is not None:
        os.environ["LUAJOBS_HOME"] = before
