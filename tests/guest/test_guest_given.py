"""Which classes of ours job code may call."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from luajobs_kit import guest
from luajobs_kit.guest import catalog, classes, facades
from luajobs_kit.guest.frozen import Frozen, FrozenType, GivenType


def _made_of(kind: type) -> Iterator[type]:
    for each in type.__subclasses__(kind):
        yield each
        yield from _made_of(each)


def _ours() -> list[type]:
    for module in pkgutil.iter_modules(guest.__path__):
        importlib.import_module(f"luajobs_kit.guest.{module.name}")
    facades.load()
    bases = {base for each in _made_of(Frozen) for base in each.__bases__}
    return [each for each in _made_of(Frozen) if each not in bases]


def test_job_code_makes_objects_of_no_class_of_ours_that_it_cannot_import() -> None:
    imported = {
        id(value) for module in catalog.MODULES for value in facades.names_of(module).values()
    }
    closed = (GivenType, type(classes.Type))
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
