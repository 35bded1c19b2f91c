"""Rules for names that people give and read: jobs, agents, users, tools, collections, settings.

Two names that look alike must be one. So no name holds a character that is not seen, or that
changes the order in which others are seen (Unicode's bidirectional controls, CVE-2021-42574).
Letters of every script, combining marks and emoji are welcome.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from luajobs_kit.errors import InvalidInput

MAX_NAME: Final = 200  # characters

_JOINERS: Final = "\u200c\u200d\ufe0e\ufe0f"
"""Zero-width joiners and variation selectors: part of emoji, and of Persian and Indic words."""
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Python calls printable and that show nothing (Default_Ignorable_Code_Point)."""
_VIRAMA: Final = 9  # canonical combining class: the sign after which Indic words take a joiner
_ID: Final = re.compile(r"[a-z]+_[0-9a-hjkmnp-tv-z]{26}", re.IGNORECASE)


def unseen_character(text: str) -> str | None:
    """Return the first character of ``text`` that is not seen or reorders others, or None."""
    if text.isascii() and text.isprintable():
        return None
    for index, character in enumerate(text):
        if character in _JOINERS and index and _may_join(text[index - 1]):
            continue
        if not character.isprintable() or _UNSEEN.match(character):
            return character
    return None


def _may_join(before: str) -> bool:
    """Whether a joiner after this character belongs to it: an emoji, an Arabic letter, a virama."""
    return (
        before in "#*0123456789\ufe0f"  # keycaps
        or unicodedata.category(before) in {"So", "Sk"}
        or unicodedata.bidirectional(before) == "AL"
        or unicodedata.combining(before) == _VIRAMA
    )


def check_name(name: str, what: str, *, field: str = "name", example: str) -> str:
    """Return ``name`` where it can be the name of ``what`` ("a job"). Raises ``InvalidInput``."""
    if not name.strip():
        raise InvalidInput(f"{what.capitalize()} needs a name, such as {example!r}.", field=field)
    if len(name) > MAX_NAME:
        raise InvalidInput(
            f"The name of {what} has {len(name)} characters; {MAX_NAME} is the most.", field=field
        )
    if (unseen := unseen_character(name)) is not None:
        raise InvalidInput(
            f"The name of {what}, {name!a}, has a character that is not seen ({_called(unseen)}); "
            "leave it out.",
            field=field,
        )
    return name


def _called(character: str) -> str:
    kinds = {"Cc": "control character", "Cs": "half of a surrogate pair"}
    kind = kinds.get(unicodedata.category(character), "")
    return f"U+{ord(character):04X} {unicodedata.name(character, kind)}".rstrip()


def refuse_id(name: str, what: str) -> None:
    """Raise ``InvalidInput`` for a name that is written as an id: one of them is asked for by either."""
    if _ID.fullmatch(name.strip()):
        raise InvalidInput(
            f"The name of {what}, {name!r}, is written as an id, and it is asked for by its name or its "
            "id; choose another name.",
            field="name",
        )
