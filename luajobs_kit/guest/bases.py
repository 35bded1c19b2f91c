"""Which host classes job code may inherit from.

A list, not a rule: library code trusts what it finds on instances of its own classes
(``dataclass`` writes a ``Field``'s name into source it executes), and a subclass can
answer anything. ``partial`` is not on it: a copy of one sets up anew what a ``__new__``
gave, be it just being called.
"""

from __future__ import annotations

import builtins
import importlib
import types
import typing
from functools import cache
from typing import Final

_BUILTINS: Final = (
    "bytearray bytes complex dict float frozenset int list object property set str tuple"
)
_LISTED: Final = {
    "abc": "ABC",
    "calendar": "Calendar HTMLCalendar TextCalendar",
    "collections": "ChainMap Counter OrderedDict UserDict UserList defaultdict deque",
    "contextlib": "AbstractAsyncContextManager AbstractContextManager AsyncExitStack "
    "ContextDecorator ExitStack",
    "datetime": "date datetime time timedelta tzinfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "json": "JSONDecoder JSONEncoder",
    "numbers": "Complex Integral Number Rational Real",
    "random": "Random",
    "statistics": "NormalDist",
    "string": "Template",
    "textwrap": "TextWrapper",
    "typing": "Any Generic Protocol",
}


@cache
def _allowed() -> set[type]:
    found = {getattr(builtins, name) for name in _BUILTINS.split()}
    found |= {getattr(builtins, name) for name in ["frozendict"] if hasattr(builtins, name)}  # 3.15
    for module, names in _LISTED.items():
        real = importlib.import_module(module)
        found |= {getattr(real, name) for name in names.split()}
    abstract = importlib.import_module("collections.abc")
    known = vars(abstract)  # not asked by getattr, which warns of what is to go
    found |= {known[name] for name in abstract.__all__ if name in known}  # it has a loader, too
    # These two are functions that stand for a class.
    found |= set(types.resolve_bases((typing.NamedTuple, typing.TypedDict)))
    return {each for each in found if isinstance(each, type)}


def inheritable(base: type) -> bool:
    """Whether job code may make subclasses of a class that is not its own."""
    return base in _allowed() or issubclass(base, BaseException)


def let_inherit(base: type) -> None:
    """Allow one more: our own enumerations, the ``datetime`` of a simulation."""
    _allowed().add(base)
