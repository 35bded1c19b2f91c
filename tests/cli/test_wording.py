"""The wording of output: control characters made visible, mistakes explained."""

from datetime import UTC, datetime

import pytest

from luajobs_kit.cli.engine_commands import print_json
from luajobs_kit.cli.formatting import mark, table
from luajobs_kit.cli.logs import _moment, show
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogLine, LogSource

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_a_line_of_a_job_gives_the_terminal_no_orders(capsys):
    show(LogLine(timestamp=NOW, message="\x1b]0;mine\x07hello", metadata=LogSource()))
    assert "␛]0;mine␇hello" in capsys.readouterr().out


def test_a_result_of_a_job_gives_the_terminal_no_orders(capsys):
    print_json({"text": "a\x9b31mb\x1b[31m"})
    assert capsys.readouterr().out == '{\n  "text": "a\\u009b31mb\\u001b[31m"\n}\n'


def test_a_name_in_a_table_gives_the_terminal_no_orders_and_keeps_to_its_row(capsys):
    table(["NAME", "STATUS"], [["X\x1b]0;pwn\x07Y\nZ", mark("active")]])
    _, row = capsys.readouterr().out.splitlines()
    assert "X␛]0;pwn␇Y␊Z" in row
    assert "● active" in row


@pytest.mark.parametrize("since", ["99999999999999d", "9" * 5_000 + "d", "0001-01-01T00:00+14:00"])
def test_a_time_beyond_the_calendar_is_refused_with_what_to_write(since):
    with pytest.raises(InvalidInput, match="write 15m"):
        _moment(since, NOW)
