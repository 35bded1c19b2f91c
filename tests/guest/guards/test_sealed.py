"""Classes of ours and of the library: which job code may call, and what their methods write to."""

from __future__ import annotations

import dis
import importlib
import itertools
import pkgutil
from collections.abc import Iterator
from types import FunctionType

import pytest

from luajobs_kit import guest
from luajobs_kit.guest import allowlist
from luajobs_kit.guest import imports as guest_imports
from luajobs_kit.guest import preload as preloading
from luajobs_kit.guest.guards import type_object
from luajobs_kit.guest.guards.sealed import Frozen, FrozenType, HostMadeType
from luajobs_kit.guest.world import NAMES


def _made_of(kind: type) -> Iterator[type]:
    for each in type.__subclasses__(kind):
        yield each
        yield from _made_of(each)


def _ours() -> list[type]:
    for module in pkgutil.iter_modules(guest.__path__):
        importlib.import_module(f"luajobs_kit.guest.{module.name}")
    guest_imports.load(NAMES)
    bases = {base for each in _made_of(Frozen) for base in each.__bases__}
    return [each for each in _made_of(Frozen) if each not in bases]


def test_job_code_makes_objects_of_no_class_of_ours_that_it_cannot_import() -> None:
    imported = {
        id(value)
        for module in allowlist.MODULES
        for value in guest_imports.names_of(module).values()
    }
    closed = (HostMadeType, type(type_object.Type))
    assert [
        each for each in _ours() if id(each) not in imported and not isinstance(each, closed)
    ] == []


@pytest.mark.parametrize("kind", _ours(), ids=lambda kind: kind.__name__)
def test_public_methods_take_instances_of_their_class_only(kind: type) -> None:
    assert isinstance(kind, FrozenType)
    for name, value in vars(kind).items():
        if callable(value) and not name.startswith("_") and not isinstance(value, staticmethod):
            with pytest.raises(TypeError, match="object is needed"):
                getattr(kind, name)(object())


def _written_by(function: object) -> set[str]:
    """Return the attributes that a function of Python sets on its first argument."""
    if type(function) is not FunctionType:
        return set()
    steps = list(dis.get_instructions(function))
    first = function.__code__.co_varnames[:1]
    return {
        each.argval
        for before, each in itertools.pairwise(steps)
        if each.opname == "STORE_ATTR" and (before.argval,) == first
    }


def test_public_methods_of_the_library_write_to_instances_of_their_class_only() -> None:
    preloading.load_lazy_parts()
    guest_imports.load(NAMES)
    values = [
        each for module in allowlist.MODULES for each in guest_imports.names_of(module).values()
    ]
    kinds = {kind for each in values if isinstance(each, type) for kind in each.__mro__}
    kinds |= {kind for each in values for kind in type(each).__mro__}
    writing = {
        f"{kind.__name__}.{name}"
        for kind in kinds
        if not issubclass(kind, Frozen)
        for name, value in vars(kind).items()
        if name[0] != "_"
        for function in (value, getattr(value, "fset", None))
        if _written_by(function)
    }
    assert writing == {"Random.seed"}  # it asks super() first
