import cli_page


def test_the_page_of_commands_is_as_generated():
    assert cli_page.PAGE.read_text(encoding="utf-8") == cli_page.render(), "run: make docs"
