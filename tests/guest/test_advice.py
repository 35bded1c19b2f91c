"""Each piece of advice on what jobs do not have: a program that follows it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from guest_run import RecordingChannel, run_here

from luajobs_kit.guest import allowlist

PROGRAMS = dict(
    part.split("\n", 1)
    for part in Path(__file__).with_name("advice.job").read_text().split("=== ")[1:]
)
ADVICE = {
    **allowlist.EVERYWHERE_OUT_OF_REACH,
    **allowlist.IN_PART,
    **allowlist.OUT_OF_REACH_MEMBERS,
    **allowlist.OUT_OF_REACH_NAMES,
}
ANSWERS = {
    "data.create": {"id": "entry_1", "collection": "files", "data": {"text": "kept"}},
    "http.request": {"status": 200, "headers": {}, "body": "", "url": "https://example.org"},
    "user.get": {"id": "user_1", "profile": {}, "data": {}},
    "user.send": {"content": [{"type": "text", "text": "hello"}]},
}


@pytest.mark.parametrize("about", PROGRAMS)
def test_a_program_that_follows_the_advice_runs(about: str) -> None:
    assert about in ADVICE, "nothing advises this any more"
    run_here(PROGRAMS[about], channel=RecordingChannel(ANSWERS))


def test_every_advice_has_a_program() -> None:
    followed = {ADVICE[about] for about in PROGRAMS}
    assert {about for about, words in ADVICE.items() if words not in followed} == set()
