"""The root of every host class job code can see an instance of, and what its classes allow."""

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
    def method(instance: Any, *args: Any, **keywords: Any) -> Any:
        if kind not in mro_of(type(instance)):  # an abstract class may be told of any other
            raise TypeError(
                f"a {kind.__name__!r} object is needed, not {type(instance).__name__!r}"
            )
        return function(instance, *args, **keywords)

    return method


def opaque(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a bound method; ``==`` would show the method's function to job code."""

    def call(*args: Any, **keywords: Any) -> Any:
        return method(*args, **keywords)

    return call


class FrozenType(type):
    """Gives out methods that write to, and read from, instances of their own class only.

    Not only when the class is asked: a bound method shows its function to what it is compared
    with, and ``super(Task, Task)`` takes one from where it is kept.
    """

    if not TYPE_CHECKING:

        def __init__(cls, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            for name, value in dict(class_dict(cls)).items():
                if not name.startswith("_"):
                    type.__setattr__(cls, name, _guarded(value, cls))

        def __getattribute__(cls, name: str) -> Any:
            """Return an attribute of the class itself; what instances do is not asked here."""
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
    """Return what the body of the class says, such as a ``staticmethod``."""
    return next(class_dict(each)[name] for each in mro_of(kind) if name in class_dict(each))


class Frozen(metaclass=FrozenType):
    """Cannot be subclassed by job code, copied or pickled; guards refuse its special names."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__!r} objects cannot be copied")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self


class HostMadeType(FrozenType):
    """Makes classes that nobody calls: job code has them from ``type(object)``."""

    if not TYPE_CHECKING:

        def __call__(cls, *_: Any, **__: Any) -> NoReturn:
            raise TypeError(f"{cls.__name__!r} objects cannot be made by calling their type")


class HostMade(Frozen, metaclass=HostMadeType):
    """What job code is given and cannot make: modules, the job, what the platform answers."""

    __slots__ = ()


def make(kind: type[T], *args: Any) -> T:
    """Make an object that job code is given."""
    return type.__call__(kind, *args)  # type: ignore[no-any-return]
