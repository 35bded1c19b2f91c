from pathlib import Path

from luajobs_kit.guest import catalog, facades, kit, page

ROOT = Path(__file__).parents[2]


def test_the_page_of_what_job_code_sees_is_up_to_date() -> None:
    written = (ROOT / "docs" / "world.md").read_text("utf-8")
    assert written == page.render(), "run: python -m luajobs_kit.guest.page"


def test_every_listed_name_exists_or_is_of_another_python() -> None:
    facades.load(kit.NAMES)
    for module, names in catalog.MODULES.items():
        if module in {"luajobs_kit", "urllib"}:
            continue
        missing = {
            name
            for name in names
            if name not in facades.names_of(module)
            and f"{module}.{name}" not in catalog.NOT_EVERYWHERE
            and f"{module}.{name}" not in catalog.MODULES
        }
        assert not missing, f"{module}: {missing}"


def test_no_listed_name_is_private() -> None:
    assert not [n for names in catalog.MODULES.values() for n in names if n.startswith("_")]
