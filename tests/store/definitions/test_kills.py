"""A process writing as fast as it can is killed; what it acknowledged is there, nothing half."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from luajobs_kit.store import Definitions

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills")
FATES = ["kill", "kill after", "kill half"]


class Victims:
    """Writers that are killed, one after the other, in one workspace."""

    def __init__(self, place):
        self.folder = place / "workspace"
        self.folder.mkdir(mode=0o700)
        self.notes = place / "acknowledged"
        writer = Path(__file__).parents[1] / "crash_writer.py"
        self.process = subprocess.Popen(
            [sys.executable, str(writer)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def kill_one(self, seed, step, fate):
        self.process.stdin.write(f"{self.folder}|{seed}|{step}|{fate}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "dead -9\n"

    def acknowledged(self):
        """The newest value each writer was told is kept, and the ones it tried after that."""
        newest, tried = {}, {}
        lines = self.notes.read_text().split("\n") if self.notes.exists() else [""]
        for line in lines[:-1]:
            what, name, value = line.split(" ")
            if what == "ack":
                newest[name] = value
                tried[name] = set()
            else:
                tried.setdefault(name, set()).add(value)
        return newest, tried

    async def check(self):
        definitions = Definitions(self.folder)
        settings = definitions.settings()
        assert [finding for finding in definitions.findings if "lost" in finding] == []
        newest, tried = self.acknowledged()
        for name in tried:
            left, right = settings.get(f"{name}.left"), settings.get(f"{name}.right")
            assert (left is None) == (right is None)
            assert left is None or right.rstrip("x") == left
            assert left == newest.get(name) or left in tried[name]
        await definitions.aclose()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@pytest.fixture
def victims(tmp_path):
    found = Victims(tmp_path)
    yield found
    found.end()


async def kill_and_check(victims, rounds):
    chance = random.Random(rounds)
    for seed in range(rounds):
        if seed % 2:
            victims.kill_one(seed, -1, chance.uniform(5, 80))
        else:
            # Early steps are those of opening, later ones of commits and compactions.
            victims.kill_one(seed, chance.randrange(120), FATES[seed // 2 % 3])
        await victims.check()


async def test_after_a_dozen_kills_all_that_was_acknowledged_is_there_and_nothing_half(victims):
    await kill_and_check(victims, 12)


@pytest.mark.soak
async def test_after_five_hundred_kills_all_that_was_acknowledged_is_there(victims):
    await kill_and_check(victims, 500)


@pytest.mark.soak
@pytest.mark.parametrize("fate", FATES)
async def test_a_kill_at_every_step_of_a_life_loses_nothing(victims, fate):
    for step in range(120):
        victims.kill_one(step, step, fate)
        await victims.check()
