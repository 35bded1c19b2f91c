"""Judge of leaks: what no job may receive as an argument, be given, or have written to."""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from object_walker import interpreters
from unwalled_run import CONTEXT

from luajobs_kit.guest.guards.ownership import is_own, own

_CACHE = type(functools.lru_cache(len))
_ABOUT_FUNCTIONS = ("__name__", "__doc__", "__defaults__", "__kwdefaults__", "__code__")
_HARMLESS = {"__slotnames__", "__orig_class__", "_default_prefix", "__annotations__"}
"""What the library keeps in any class: plain text, a number, the alias that was called."""
_OF_ANY_CLASS = {
    "from_decimal", "from_float", "from_samples", "fromkeys", "_make", "_missing_",
    "_generate_next_value_",
}  # fmt: skip
"""Methods of the library's classes that only call, as job code may, what they are given."""


class Canary:
    """Stands for whatever is a host's: nothing may ever be written to it."""


def canary() -> None:
    """Stand for a host's functions."""


CANARIES: list[Any] = [Canary(), Canary, canary]


class Judge:
    """Knows what names lead to, and so which objects a job may have."""

    def __init__(self, met: list[tuple[str, Any]]) -> None:
        self.public = {
            value.__code__ for _, value in met if type(value) is types.FunctionType
        }  # fmt: skip
        self._dicts = dict(_host_dicts({id(value) for _, value in met}))

    def allow(self, value: Any) -> None:
        """Allow a function to be received that job code was given."""
        if type(value) is types.FunctionType:
            self.public.add(value.__code__)

    def forbidden(self, value: Any, depth: int = 2) -> str | None:
        """Return what ``value`` is, or holds, when no job may have it."""
        kind = type(value)
        if what := interpreters(value):
            return what
        if kind is str:
            return "a secret" if CONTEXT["secrets"][0] in value else None
        if kind is types.MethodType:
            return interpreters(value.__self__)
        if kind is types.FunctionType:
            if value.__name__ in _OF_ANY_CLASS or "<locals>" in value.__code__.co_qualname:
                return None  # the latter are made by what gives them
            if value.__globals__ is own.globals or value.__code__ in self.public:
                return None
            return f"the function {value.__module__}.{value.__qualname__}"
        if kind is dict and id(value) in self._dicts:
            return self._dicts[id(value)]
        if depth and kind in (tuple, list, set, frozenset, dict):
            parts = [*value.keys(), *value.values()] if kind is dict else list(value)
            found = (self.forbidden(each, depth - 1) for each in parts[:50])
            return next((what for what in found if what), None)
        return None


def _host_dicts(seen: set[int]) -> Iterator[tuple[int, str]]:
    """Give the dictionaries that modules and classes keep for themselves, by their ids."""
    for each in gc.get_objects():
        if isinstance(each, types.ModuleType):
            for name, value in vars(each).items():
                if type(value) is dict and value and id(value) not in seen:
                    yield id(value), f"{each.__name__}.{name}"
            yield id(vars(each)), f"the dictionary of {each!r}"
        elif isinstance(each, type) and not own.made(each):
            for held in gc.get_referents(each):
                if type(held) is dict:
                    yield id(held), f"the dictionary of {each!r}"


def watch_for_writes(met: list[tuple[str, Any]]) -> Callable[[], list[str]]:
    """Return what says which of the host's objects were written to since now."""
    kinds = (type, types.FunctionType)
    watched = [each for _, each in met if isinstance(each, kinds) and not is_own(each)]
    watched += CANARIES
    before = [(value, _shape(value)) for value in watched]

    def written() -> list[str]:
        changes = []
        for value, old in before:
            new = _shape(value)
            names = [
                name for name in {**old, **new} if old.get(name, old) is not new.get(name, new)
            ]
            if set(names) - _HARMLESS:
                changes.append(f"{value!r} was written to: {', '.join(names)}")
        return changes

    return written


def _shape(value: Any) -> dict[str, Any]:
    if isinstance(value, type):
        title = {"__name__": sys.intern(value.__name__), "__bases__": value.__bases__}
        return {**type.__dict__["__dict__"].__get__(value), **title}
    try:
        found = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        found = {}
    if type(value) is types.FunctionType:
        found.update((name, getattr(value, name)) for name in _ABOUT_FUNCTIONS)
    return found


def kept_by_caches() -> Iterator[str]:
    """Give the host's caches that keep job code's objects: others' are shown what they hold."""
    for cache in gc.get_objects():
        if type(cache) is not _CACHE or getattr(cache.__wrapped__, "__globals__", 0) is own.globals:
            continue
        held = gc.get_referents(cache)
        for _ in range(3):  # in the cache, in its entries, in their keys
            inside = [each for each in held if type(each) in (dict, tuple)]
            held = [*held, *(inner for each in inside for inner in gc.get_referents(each))][:9000]
        if any(own.is_instance(each) or own.is_class(each) for each in held):
            yield f"{cache.__module__}.{cache.__qualname__} keeps an object of a job's"


def hashes() -> list[int]:
    """Return the hashes of what the host looks things up by, but for most names and numbers."""
    found = {hash(each) for each in ("", "a", "name", "ignore", b"a", b"", None, True)}
    for each in gc.get_objects():
        if type(each) not in (dict, set, frozenset):
            continue
        for key in list(each):
            plain = type(key) is str or (type(key) is int and not -5 < key < 20)
            if not plain and not is_own(key):
                found.add(hash(key))
    return sorted(found)
