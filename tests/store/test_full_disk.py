"""A real file system with no room left on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = 'mount -t tmpfs -o size=6m none "$0" && exec "$@"'
SCRIPT = Path(__file__).with_name("on_small_disk.py")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the script printed, on a disk of 6 MB that nobody else sees."""
    disk = str(tmp_path_factory.mktemp("disk"))
    try:
        subprocess.run([*ALONE, "sh", "-c", MOUNT, disk, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system of one's own can be mounted here")
    ran = subprocess.run(
        [*ALONE, "sh", "-c", MOUNT, disk, sys.executable, str(SCRIPT), disk],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_full_disk_is_said_with_what_to_do(seen):
    told = re.findall(r"^(\d) (\w+) full: (.+)$", seen, re.MULTILINE)
    assert sorted((turn, verb) for turn, verb, _ in told) == [
        (turn, verb) for turn in "012" for verb in ("entry", "job", "run")
    ]
    assert all("ree some disk space and try again" in words for *_, words in told)


def test_nothing_acknowledged_is_lost_and_service_resumes_when_there_is_room(seen):
    missing = re.findall(r"^\d missing .+: (.+)$", seen, re.MULTILINE)
    assert missing == ["set()"] * 9
    assert re.findall(r"findings: (.+)$", seen, re.MULTILINE) == ["[]"] * 3
