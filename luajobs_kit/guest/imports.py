"""Modules as job code imports them: facades with fixed public names, never a real module."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, NoReturn

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import Run
from luajobs_kit.guest.stdlib.own_modules import OWN_MODULES
from luajobs_kit.guest.stdlib.patches import GIVEN, SIMULATED


class Facade(HostMade):
    """A module as job code sees it: its public names, read-only."""

    def __init__(self, title: str, names: dict[str, Any]) -> None:
        self.__dict__.update(names, __name__=title)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"the module {self!r} cannot be changed")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> NoReturn:
        title = self.__dict__["__name__"]
        public = [each for each in self.__dict__ if each[0] != "_"]
        advice = allowlist.instead_of_member(title, name, public)
        message = f"{title} has no {name} in job code. {advice}".rstrip()
        raise AttributeError(message, name=name, obj=self)

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if not name.startswith("_"))

    def __repr__(self) -> str:
        return f"<module {self.__dict__['__name__']!r}>"


_real: dict[str, dict[str, Any]] = {}
_facades: dict[str, Facade] = {}


def load(kit: dict[str, Any]) -> None:
    """Make the facade of every module. ``kit`` holds the names of ``luajobs_kit``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that a later Python will no longer have
        for module in allowlist.MODULES:
            if module != "luajobs_kit":
                _real[module] = _exported(module)
    _real["luajobs_kit"] = kit
    for module in sorted(allowlist.MODULES, reverse=True):  # those within a module first
        _facades[module] = _facade(module)


def _facade(module: str) -> Facade:
    names = names_of(module)
    for inner in allowlist.MODULES:
        outer, _, last = inner.rpartition(".")
        if outer == module:
            names[last] = _facades[inner]
    return make(Facade, module, names)


def _exported(module: str) -> dict[str, Any]:
    real = OWN_MODULES.get(module) or importlib.import_module(module)
    ours = GIVEN.get(module, {})
    exported = {}
    for name in allowlist.MODULES[module]:
        if module == "asyncio" and name == "TimeoutError":
            exported[name] = TimeoutError  # asyncio's is Python's own
        elif name in ours and hasattr(real, name):
            exported[name] = ours[name]
        elif f"{module}.{name}" in allowlist.MODULES:
            continue  # a module of its own
        elif hasattr(real, name) or f"{module}.{name}" not in allowlist.NOT_EVERYWHERE:
            exported[name] = getattr(real, name)
    return exported


def names_of(module: str) -> dict[str, Any]:
    """Return the names of a module that job code is given, with their values."""
    return dict(_real.get(module, {}))


class Imports:
    """The modules that ``import`` finds in one run; in a simulation some are the run's own."""

    def __init__(self, run: Run) -> None:
        self._simulated: dict[str, Facade] = {}
        if run.clock.virtual:
            for module, names in SIMULATED.items():
                self._simulated[module] = make(Facade, module, names_of(module) | names(run))

    def find(self, module: str, member: str | None = None) -> Any:
        """Return the facade of ``module``, or what it has under a public name.

        The policy has refused names that do not exist, except where the author catches ImportError.
        """
        facade = self._facade(module)
        if member is None:
            return facade
        if member.startswith("_") or member not in facade.__dict__:
            raise ImportError(f"cannot import name {member!r} from {module!r}", name=module)
        return facade.__dict__[member]

    def _facade(self, module: str) -> Facade:
        found = self._simulated.get(module) or _facades.get(module)
        if found is None:
            message = f"the module {module} cannot be imported in job code"
            raise ModuleNotFoundError(message, name=module)
        return found


def for_the_interpreter(*_: Any, **__: Any) -> Facade:
    """Answer imports that C code makes in a job's name (``strptime`` asks for ``_strptime``).

    The interpreter takes what it needs from its own table of modules afterwards; job
    code cannot spell this function's name, and would get nothing from it.
    """
    return _NOTHING


_NOTHING = make(Facade, "nothing", {})
