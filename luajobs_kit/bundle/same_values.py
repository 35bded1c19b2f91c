"""Values of a name and of its line compared: whether a job would notice a difference."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import EnumMeta
from functools import partial
from types import FunctionType
from typing import Any, Final

from luajobs_kit.bundle.module_texts import alike_code

DEEPEST: Final = 50  # containers within containers that are compared


def same(bound: Any, fresh: Any, depth: int = 0) -> bool:
    """Tell whether two values are the same in all that a job could see of them."""
    if bound is fresh:
        return True
    if depth > DEEPEST or type(bound) is not type(fresh):
        return False
    for kinds, compare in _COMPARED.items():
        if isinstance(fresh, kinds):
            return compare(bound, fresh, depth)
    return _same_object(bound, fresh, depth)


def _same_text(bound: Any, fresh: Any, _depth: int) -> bool:
    return bool(bound == fresh)


def _same_number(bound: Any, fresh: Any, _depth: int) -> bool:
    return repr(bound) == repr(fresh)  # NaN is none of itself


def _same_function(bound: Any, fresh: Any, _depth: int) -> bool:
    return bound.__closure__ is None and alike_code(bound.__code__, fresh.__code__)


def _same_partial(bound: Any, fresh: Any, depth: int) -> bool:
    parts = [[each.func, each.args, each.keywords] for each in (bound, fresh)]
    return _same_list(parts[0], parts[1], depth)


def _same_items(bound: Any, fresh: Any, depth: int) -> bool:
    return _same_list(list(bound), list(fresh), depth) and _same_rest(bound, fresh, depth)


def _same_dict(bound: Any, fresh: Any, depth: int) -> bool:
    items = [[*each, *each.values()] for each in (bound, fresh)]
    return _same_list(items[0], items[1], depth) and _same_rest(bound, fresh, depth)


def _same_rest(bound: Any, fresh: Any, depth: int) -> bool:
    """Compare what a subclass of a container holds beside its items."""
    plain = type(fresh) in {dict, list, tuple, deque}
    return plain or _same_object(bound, fresh, depth)


def _same_object(bound: Any, fresh: Any, depth: int) -> bool:
    """Compare objects by what would be needed to copy them."""
    try:
        one, other = bound.__reduce_ex__(2), fresh.__reduce_ex__(2)
    except Exception:  # noqa: BLE001  # what cannot be copied may raise anything
        return _equal(bound, fresh)
    if isinstance(one, str) or isinstance(other, str):  # known by a name alone
        return _equal(bound, fresh) or _same_type_variable(bound, fresh)
    if _same_list(_parts(one), _parts(other), depth):
        return True
    return not isinstance(fresh, dict | list | tuple) and _equal(bound, fresh)


def _parts(reduced: tuple[Any, ...]) -> list[Any]:
    """Return the parts of what ``__reduce_ex__`` gives, its iterators as lists."""
    return [
        list(part) if place in {3, 4} and part is not None else part
        for place, part in enumerate(reduced)
    ]


def _equal(bound: Any, fresh: Any) -> bool:
    try:
        return bool(bound == fresh)
    except Exception:  # noqa: BLE001  # likewise
        return False


def _same_list(bound: list[Any], fresh: list[Any], depth: int) -> bool:
    return len(bound) == len(fresh) and all(
        same(one, other, depth + 1) for one, other in zip(bound, fresh, strict=True)
    )


def _same_class(bound: Any, fresh: Any, depth: int) -> bool:
    """Compare classes that a call made, such as ``namedtuple("Point", "x y")``."""
    if bound.__name__ != fresh.__name__ or bound.__bases__ != fresh.__bases__:
        return False
    if isinstance(fresh, EnumMeta):
        return same(_members(bound), _members(fresh), depth + 1)
    fields = getattr(fresh, "_fields", None)
    defaults = [getattr(each, "_field_defaults", None) for each in (bound, fresh)]
    alike = fields is not None and getattr(bound, "_fields", None) == fields
    return alike and same(defaults[0], defaults[1], depth + 1)


def _members(enum: Any) -> dict[str, Any]:
    return {name: each.value for name, each in enum.__members__.items()}


def _same_type_variable(bound: Any, fresh: Any) -> bool:
    named = ("__name__", "__bound__", "__constraints__", "__supertype__")
    return all(getattr(bound, name, None) == getattr(fresh, name, None) for name in named) and (
        getattr(fresh, "__name__", None) is not None
    )


_COMPARED: Final[dict[Any, Callable[[Any, Any, int], bool]]] = {
    (str, bytes, bytearray, int, frozenset, set, range): _same_text,
    (float, complex): _same_number,
    FunctionType: _same_function,
    partial: _same_partial,
    type: _same_class,
    dict: _same_dict,
    (list, tuple, deque): _same_items,
}
"""How values are compared, by their class; others are objects."""
