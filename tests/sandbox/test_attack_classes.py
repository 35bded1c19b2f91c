"""The attack classes: each is described, and tried by a file; each that is cited exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from corpus_files import attacks_by_file

from luajobs_kit.guest import guards
from luajobs_kit.guest.guards import ATTACKS
from luajobs_kit.guest.stdlib.patches import PATCHES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = attacks_by_file()
SECTIONS = dict(re.findall(r"^### (A\d+): (.*(?:\n(?!###? ).*)*)", PAGE, re.MULTILINE))
CITED = re.compile(r"\bA\d+\b")


def test_attack_classes_are_numbered_without_a_gap():
    assert list(ATTACKS) == [f"A{number}" for number in range(1, len(ATTACKS) + 1)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_tries_the_attack_class(attack):
    assert [file for file, tried in FILES.items() if attack in tried] != []


@pytest.mark.parametrize("file", FILES)
def test_a_hostile_file_says_which_attack_classes_it_tries(file):
    assert FILES[file] != []
    assert set(FILES[file]) - set(ATTACKS) == set()


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_class_is_described_in_the_code_and_on_the_page(attack):
    assert SECTIONS[attack].partition("\n")[0].replace("`", "") == ATTACKS[attack]
    text = " ".join((guards.__doc__ or "").replace("`", "").split())
    assert f"{attack}, {ATTACKS[attack]}. " in text
    tried = set(re.findall(r"`(\w+/\w+\.job)`", SECTIONS[attack].rpartition("Tried by")[2]))
    assert tried == {file for file, each in FILES.items() if attack in each}


def test_the_page_describes_no_other_attack_class():
    assert list(SECTIONS) == list(ATTACKS)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.place)
def test_a_patch_is_against_an_attack_class_that_its_cases_file_tries(patch):
    family = patch.case.partition(": ")[0]
    assert patch.attack in FILES[f"hostile/{family}.job"]


def test_comments_cite_attack_classes_that_exist():
    cited = {
        (str(file.relative_to(ROOT)), number)
        for folder in ("luajobs_kit/guest", "luajobs_kit/sandbox")
        for file in (ROOT / folder).rglob("*.py")
        for number in CITED.findall(file.read_text("utf-8"))
    }
    assert {each for each in cited if each[1] not in ATTACKS} == set()
