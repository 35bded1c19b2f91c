from luajobs_kit.cli import page


def test_the_page_of_commands_is_as_generated():
    assert page.PAGE.read_text(encoding="utf-8") == page.render(), "run: make docs"
