"""``html.parser`` of job code: a class to inherit from, around the library's parser.

A7: the library's methods write to whatever they are given, under names of their own. So the parser
is an object apart, held in a slot, and only its calls reach the job's.
"""

from __future__ import annotations

import html.parser
from types import FunctionType
from typing import Any, Final

from luajobs_kit.guest.guards.class_creation import let_inherit
from luajobs_kit.guest.guards.sealed import for_instances
from luajobs_kit.guest.stdlib.exact_arguments import text

Attributes = list[tuple[str, str | None]]


class HTMLParser:
    """Calls its ``handle_…`` methods for what it is fed."""

    __slots__ = ("_library",)

    def __init__(self, *, convert_charrefs: bool = True) -> None:
        _SLOT.__set__(self, _Library(self, converts=bool(convert_charrefs)))

    def feed(self, data: str) -> None:
        _library_of(self).feed(text(data))

    def close(self) -> None:
        _library_of(self).close()

    def reset(self) -> None:
        _library_of(self).reset()

    def getpos(self) -> tuple[int, int]:
        return _library_of(self).getpos()

    def get_starttag_text(self) -> str | None:
        return _library_of(self).get_starttag_text()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Do nothing; for subclasses, as those below."""

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None: ...

    def handle_data(self, data: str) -> None: ...

    def handle_comment(self, data: str) -> None: ...

    def handle_decl(self, decl: str) -> None: ...

    def handle_pi(self, data: str) -> None: ...

    def handle_entityref(self, name: str) -> None: ...

    def handle_charref(self, name: str) -> None: ...

    def unknown_decl(self, data: str) -> None: ...


for _name, _method in list(vars(HTMLParser).items()):
    if type(_method) is FunctionType and _name[0] != "_":
        setattr(HTMLParser, _name, for_instances(_method, HTMLParser))
HTMLParser.__module__ = "html.parser"
let_inherit(HTMLParser)

_SLOT: Final[Any] = vars(HTMLParser)["_library"]
"""Asked itself: a job's class may have something else under that name (A4)."""


class _Library(html.parser.HTMLParser):
    """The library's parser; what it finds, it tells the job's object."""

    def __init__(self, outer: Any, *, converts: bool) -> None:
        super().__init__(convert_charrefs=converts)
        self._outer = outer

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self._outer.handle_starttag(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self._outer.handle_startendtag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._outer.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        self._outer.handle_data(data)

    def handle_comment(self, data: str) -> None:
        self._outer.handle_comment(data)

    def handle_decl(self, decl: str) -> None:
        self._outer.handle_decl(decl)

    def handle_pi(self, data: str) -> None:
        self._outer.handle_pi(data)

    def handle_entityref(self, name: str) -> None:
        self._outer.handle_entityref(name)

    def handle_charref(self, name: str) -> None:
        self._outer.handle_charref(name)

    def unknown_decl(self, data: str) -> None:
        self._outer.unknown_decl(data)


def _library_of(parser: HTMLParser) -> _Library:
    try:
        found: _Library = _SLOT.__get__(parser)
    except AttributeError:
        raise TypeError("call super().__init__() first, in the parser's own __init__") from None
    return found
