"""Every public name and every command is somewhere in README.md or docs/."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import luajobs_kit
from luajobs_kit.cli.root import root

ROOT = Path(__file__).parents[2]
TEXT = "\n".join(
    page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
)


def commands(group: click.Command, words: tuple[str, ...] = ("luajobs",)) -> Iterator[str]:
    if isinstance(group, click.Group):
        asked = click.Context(group)
        for name in group.list_commands(asked):
            command = group.get_command(asked, name)
            if command is not None and not command.hidden:
                yield from commands(command, (*words, name))
    else:
        yield " ".join(words)


@pytest.mark.parametrize("name", luajobs_kit.__all__)
def test_a_public_name_is_documented(name):
    assert re.search(rf"\b{name}\b", TEXT), f"{name} is in no page of docs/ and not in README.md"


@pytest.mark.parametrize("command", sorted(commands(root)))
def test_a_command_is_documented(command):
    assert command in TEXT, f"`{command}` is in no page of docs/ and not in README.md"
