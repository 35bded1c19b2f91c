"""Names bound to things that exist inside become import lines; other imports are refused."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import ModuleType

from luajobs_kit.bundle.free_variables import Use
from luajobs_kit.bundle.refusals import Refusal, instead_of
from luajobs_kit.bundle.sandbox_names import KIT, KIT_NAMES, has_member, has_module, missing_member
from luajobs_kit.guest.allowlist import MODULES
from luajobs_kit.sandbox.policy.bindings import optional_imports


def import_line(use: Use, value: object) -> str | None:
    """Return the import line that gives ``use`` its meaning inside, or None if there is none."""
    if isinstance(value, ModuleType):
        return _module_line(use, value.__name__)
    kit_name = _kit_name(value)
    if kit_name is not None:
        return _from(KIT, kit_name, use.name)
    for module, member in _homes(use.name, value):
        return _from(module, member, use.name)
    return None


def _module_line(use: Use, module: str) -> str | None:
    if use.name == module:  # ``import urllib.parse`` binds urllib, and means more
        submodules = [part for chain in use.chains for part in _prefixes(chain) if has_module(part)]
        deepest = max(submodules, key=len, default=module)
        if "." in deepest:
            return f"import {deepest}"
    if not has_module(module):
        return None
    package, _, last = module.rpartition(".")
    if package:
        return _from(package, last, use.name)
    return f"import {module}" + ("" if module == use.name else f" as {use.name}")


def _prefixes(chain: str) -> Iterator[str]:
    parts = chain.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _from(module: str, member: str, name: str) -> str:
    return f"from {module} import {member}" + ("" if member == name else f" as {name}")


def _kit_name(value: object) -> str | None:
    """Return the name by which the kit's own ``value`` is known inside, if it is."""
    home = getattr(value, "__module__", None) or type(value).__module__
    if not str(home).startswith(KIT):
        return None
    marked = getattr(value, "__inside__", None)
    if isinstance(marked, str):
        return marked
    name = getattr(value, "__name__", None)
    return name if name in KIT_NAMES else None


def _homes(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield where ``value`` can be imported from, the likeliest place first."""
    own_home = getattr(value, "__module__", None)
    own_name = getattr(value, "__name__", None)
    if isinstance(own_home, str) and isinstance(own_name, str):
        module = sys.modules.get(own_home)
        if getattr(module, own_name, None) is value and has_member(own_home, own_name):
            yield own_home, own_name
    for home in sorted(MODULES.keys() - {KIT}):
        module = sys.modules.get(home)
        # Only names that stand in the module: its ``__getattr__`` would warn of what is deprecated.
        there = vars(module) if module else {}
        # Equal small numbers and texts are one object in CPython: their identity says
        # nothing, so there the name must agree too.
        ambiguous = isinstance(value, int | str | bytes | tuple | None)
        for member in (name,) if ambiguous else MODULES[home]:
            if member in there and has_member(home, member) and getattr(module, member) is value:
                yield home, member


def lacks_member(use: Use, value: object) -> bool:
    """Tell whether ``use`` is a module, and reads of it what jobs have not."""
    return isinstance(value, ModuleType) and any(
        missing_member(value.__name__, chain) for chain in use.chains
    )


def refused_imports(tree: ast.AST, function: str, first_line: int) -> list[Refusal]:
    """Return a refusal for each import statement of something that does not exist inside."""
    refusals = []
    wanted: list[tuple[str, str | None]]
    optional = optional_imports(tree)
    for node in ast.walk(tree):
        if node in optional:
            continue
        if isinstance(node, ast.Import):
            wanted = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            wanted = [(module, alias.name) for alias in node.names]
        else:
            continue
        for module, member in wanted:
            if module == "__future__" or is_available(module, member):
                continue
            if member == "*" and has_module(module):
                line = node.lineno + first_line - 1
                name = MODULES[module][0]
                text = (
                    f"{function} imports everything of {module} (line {line}), and nobody can tell "
                    f"what that is. Name what you need: from {module} import {name}."
                )
                refusals.append(Refusal(module, line, text))
                continue
            shown = module if not has_module(module) else f"{module}.{member}"
            refusals.append(
                Refusal(
                    module,
                    node.lineno + first_line - 1,
                    f"{function} imports {shown!r} (line {node.lineno + first_line - 1}), which "
                    f"does not exist where jobs run. {instead_of(module, member)}",
                )
            )
    return refusals


def is_available(module: str, member: str | None) -> bool:
    """Tell whether ``import module`` (or ``from module import member``) works inside."""
    if member is None:
        return has_module(module)
    return has_member(module, member) or has_module(f"{module}.{member}")
