from pathlib import Path

import world_page

from luajobs_kit.guest import allowlist
from luajobs_kit.guest import imports as guest_imports
from luajobs_kit.guest.world import NAMES

ROOT = Path(__file__).parents[2]


def test_the_page_of_what_job_code_sees_is_up_to_date() -> None:
    written = (ROOT / "docs" / "world.md").read_text("utf-8")
    assert written == world_page.render(), "run: make docs"


def test_every_listed_name_exists_or_is_of_another_python() -> None:
    guest_imports.load(NAMES)
    for module, names in allowlist.MODULES.items():
        if module in {"luajobs_kit", "urllib"}:
            continue
        missing = {
            name
            for name in names
            if name not in guest_imports.names_of(module)
            and f"{module}.{name}" not in allowlist.NOT_EVERYWHERE
            and f"{module}.{name}" not in allowlist.MODULES
        }
        assert not missing, f"{module}: {missing}"


def test_no_listed_name_is_private() -> None:
    assert not [n for names in allowlist.MODULES.values() for n in names if n.startswith("_")]
