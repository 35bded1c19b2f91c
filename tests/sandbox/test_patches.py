"""The patches of the library: each is needed, each is looked for, and the page names each."""

from __future__ import annotations

import importlib
from pathlib import Path

import patches_page
import pytest
from corpus_files import cases
from corpus_runs import surprises

from luajobs_kit.errors import SandboxError
from luajobs_kit.guest.stdlib import patches as job_patches
from luajobs_kit.guest.stdlib.patches import Patch
from luajobs_kit.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
HERE = list(job_patches.for_this_python())
HOSTILE = {case.name: case for case in cases("hostile")}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return what makes a world like that of jobs, but for some lines, and gives its name."""

    def make(lines: str) -> str:
        (tmp_path / "other_world.py").write_text(
            f"from luajobs_kit.guest.world import *\nfrom luajobs_kit.guest.stdlib import patches\n{lines}\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        return "other_world"

    return make


FIRST_OF_A_KIND = {patch.attack: patch for patch in reversed(HERE)}.values()


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param(patch, marks=() if patch in FIRST_OF_A_KIND else pytest.mark.soak)
        for patch in HERE
    ],
    ids=lambda patch: patch.place,
)
async def test_without_a_replacement_its_case_gets_through(patch: Patch, world) -> None:
    without = world(f"patches.left_out.add({patch.place!r})")
    async with Sandbox(max_children=1, spares=1, world=without) as sandbox:
        assert await surprises(sandbox, [HOSTILE[patch.case]], "attack") != []


async def test_a_name_that_the_library_has_no_longer_ends_the_start_in_words(world) -> None:
    gone = "patches.Patch('copy:_gone.name', 'A3', 'names: any', lambda _: None)"
    changed = world(f"patches.PATCHES += ({gone},)")
    with pytest.raises(SandboxError) as refused:
        async with Sandbox(max_children=1, world=changed):
            pass
    assert "copy:_gone.name (A3, __new__ that" in str(refused.value)
    assert "No job is run with this Python" in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_nothing_is_replaced_where_a_name_is_missing(monkeypatch) -> None:
    replaced = []
    present = Patch("copy:Error", "A2", "", lambda known: replaced.append(known) or known)
    monkeypatch.setattr(job_patches, "PATCHES", (present, Patch("copy:_gone", "A2", "", str)))
    with pytest.raises(job_patches.LibraryChanged, match="copy:_gone"):
        job_patches.install.__wrapped__()
    assert replaced == []


@pytest.mark.parametrize("patch", HERE, ids=lambda patch: patch.place)
def test_what_is_replaced_is_there_in_this_python(patch: Patch) -> None:
    assert job_patches._find(patch) is not None, job_patches.missing_message([patch])


def test_each_place_is_named_once_for_a_python() -> None:
    places = [patch.place for patch in HERE]
    assert len(places) == len(set(places))


def test_the_page_of_what_is_replaced_is_up_to_date() -> None:
    written = (ROOT / "docs" / "patches.md").read_text("utf-8")
    assert written == patches_page.render(), "run: make docs"
