"""Base classes of every class of ours that job code can see an instance of.

Their metaclass restricts public methods to instances of their class (A7).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from luajobs_kit.guest.guards.ownership import class_dict, mro_of

T = TypeVar("T")


def for_instances(function: Callable[..., Any], kind: type) -> Callable[..., Any]:
    """Return a method of a Python class that takes instances of that class only."""

    @functools.wraps(function)
    def method(instance: Any, /, *args: Any, **keywords: Any) -> Any:
        if kind not in mro_of(
            type(instance)
        ):  # A4: not isinstance, which a registered class would pass
            raise TypeError(
                f"a {kind.__name__!r} object is needed, not {type(instance).__name__!r}"
            )
        return function(instance, *args, **keywords)

    return method


def opaque(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a bound method. A1: ``==`` on the method would show its function."""

    def call(*args: Any, **keywords: Any) -> Any:
        return method(*args, **keywords)

    return call


class FrozenType(type):
    """Metaclass that restricts public methods to instances of their own class (A7).

    The functions stored in the class are replaced as well: a bound method shows its function to
    what it is compared with (A1), and ``super(Task, Task)`` reads it from the class's dictionary.
    """

    if not TYPE_CHECKING:

        def __init__(cls, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            for name, value in dict(class_dict(cls)).items():
                if not name.startswith("_"):
                    type.__setattr__(cls, name, _guarded(value, cls))

        def __getattribute__(cls, name: str) -> Any:
            """Return an attribute read from the class itself; instances do not come here."""
            found = type.__getattribute__(cls, name)
            if type(found) is FunctionType and type(_defined(cls, name)) is not FunctionType:
                return found
            return _guarded(found, cls)


def _guarded(found: Any, kind: type) -> Any:
    if type(found) is property:
        getter: Any = found.fget
        return property(for_instances(getter, kind), doc=found.__doc__)
    return for_instances(found, kind) if type(found) is FunctionType else found


def _defined(kind: type, name: str) -> Any:
    """Return the attribute as the class's body defined it, such as a ``staticmethod``."""
    return next(class_dict(each)[name] for each in mro_of(kind) if name in class_dict(each))


class Frozen(metaclass=FrozenType):
    """Base of classes of ours: not subclassed by job code, copied or pickled."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__!r} objects cannot be copied")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self


class HostMadeType(FrozenType):
    """Metaclass of classes that job code can get by ``type(object)`` but not call."""

    if not TYPE_CHECKING:

        def __call__(cls, *_: Any, **__: Any) -> NoReturn:
            raise TypeError(f"{cls.__name__!r} objects cannot be made by calling their type")


class HostMade(Frozen, metaclass=HostMadeType):
    """Base of objects that only the host makes: modules, the job, the platform's answers."""

    __slots__ = ()


def make(kind: type[T], *args: Any) -> T:
    """Make an object of a host-made class, past its metaclass."""
    return type.__call__(kind, *args)  # type: ignore[no-any-return]
