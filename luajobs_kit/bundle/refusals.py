"""Refusals of a function: each name that was used, its line, and the way out."""

from __future__ import annotations

import builtins
import inspect
import json
from dataclasses import dataclass
from types import ModuleType

from luajobs_kit.argument_help import did_you_mean, nearest
from luajobs_kit.bundle.free_variables import Use
from luajobs_kit.bundle.locate_source import Origin, Unassigned
from luajobs_kit.bundle.sandbox_names import BUILTINS, KIT, KIT_NAMES, has_module
from luajobs_kit.errors import NotSelfContained
from luajobs_kit.guest.allowlist import (
    ALIKE,
    MODULES,
    OUT_OF_REACH,
    OUT_OF_REACH_MEMBERS,
    OUT_OF_REACH_NAMES,
)

_OFFER_A_TOOL = (
    "Do that part here, in a function registered with @ws.tool, and call it from the job as "
    "`await tools.NAME(...)`."
)
_ENV = (
    'Use env: `from luajobs_kit import env` and `env("NAME")`; the workspace says which names '
    "jobs may read."
)
_NOTEBOOK = {
    "display": "Use print(…) or job.log.info(…): both write the job's log.",
    "get_ipython": "Cell magics and shell commands stay in the notebook.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One name that would not exist where the job runs."""

    name: str
    line: int
    text: str


def not_self_contained(function: str, refusals: list[Refusal]) -> NotSelfContained:
    """Return the error that tells of all of them at once, in order of lines."""
    refusals = sorted(refusals, key=lambda refusal: refusal.line)
    if len(refusals) == 1:
        message = refusals[0].text
    else:
        message = f"{function} is not self-contained, and jobs run isolated:\n" + "\n".join(
            f"- {refusal.text}" for refusal in refusals
        )
    return NotSelfContained(
        message,
        function=function,
        names=[{"name": one.name, "line": one.line, "text": one.text} for one in refusals],
    )


def instead_of(module: str, member: str | None = None) -> str:
    """Say what to use in place of a module, or of a member of one, that does not exist inside."""
    if module == KIT:
        inside = ", ".join(sorted(KIT_NAMES))
        return f"It belongs to the side that makes jobs. Jobs have: {inside}."
    if module.startswith("."):
        return "Write what the job needs from it inside the function."
    if f"{module}.{member}" in OUT_OF_REACH_MEMBERS:
        return OUT_OF_REACH_MEMBERS[f"{module}.{member}"]
    if has_module(module):
        meant = did_you_mean(member or "", MODULES[module], cutoff=ALIKE)
        return meant.strip() or "Write it inside the function."
    if module == "os" and member in {"environ", "getenv"}:
        return _ENV
    while module:
        if module in OUT_OF_REACH:
            return OUT_OF_REACH[module]
        module = module.rpartition(".")[0]
    return _OFFER_A_TOOL


def refuse_missing(function: str, use: Use) -> Refusal:
    """Refuse a name in source text that nothing gives a meaning to."""
    return _refusal(function, use, _undefined(function, use))


def refuse_value(function: str, job: str, use: Use, origin: Origin, value: object) -> Refusal:
    """Refuse a name whose meaning outside is ``value``, in words that fit the value."""
    return _refusal(function, use, _way_out(function, job, use, origin, value))


def _refusal(function: str, use: Use, rest: str) -> Refusal:
    return Refusal(use.name, use.line, f"{function} uses {use.name!r} (line {use.line}), {rest}")


def _way_out(function: str, job: str, use: Use, origin: Origin, value: object) -> str:
    name = use.name
    if origin == "nowhere":
        return _undefined(function, use)
    if origin == "builtin":
        advice = OUT_OF_REACH_NAMES.get(name) or _NOTEBOOK.get(name, _OFFER_A_TOOL)
        return f"which does not exist where jobs run. {advice}"
    if name in _NOTEBOOK and name not in vars(builtins):
        return f"which belongs to the notebook. {_NOTEBOOK[name]}"
    if use.rebinds:
        return (
            f"and changes it, but it belongs outside it. Jobs run isolated: keep it in the job with "
            f'await {job}.update_metadata({{"{name}": …}}) and read {job}.metadata["{name}"].'
        )
    if isinstance(value, ModuleType):
        chain = min(use.chains, key=len, default=name)
        member = chain.split(".")[1] if "." in chain else None
        return f"a module that does not exist where jobs run. {instead_of(value.__name__, member)}"
    if origin == "closure" and name in {"self", "cls"}:
        return _of_the_object(job, use)
    if inspect.isroutine(value) or isinstance(value, type):
        return _code(function, name, origin, value)
    return _data(job, name, origin, value)


def _code(function: str, name: str, origin: Origin, value: object) -> str:
    kind = "a class" if isinstance(value, type) else "a function"
    home = getattr(value, "__module__", None) or ""
    root = home.partition(".")[0]
    if root == KIT:
        return f"which does not exist where jobs run. {instead_of(KIT)}"
    if home in OUT_OF_REACH or has_module(home):
        return f"{kind} of {home}, which does not exist where jobs run. {instead_of(home, name)}"
    if _third_party(value, root):
        return f"{kind} of {root}, which does not exist where jobs run. {_OFFER_A_TOOL}"
    where = "of the function around it" if origin == "closure" else "outside it"
    return (
        f"{kind} {where}. Jobs run isolated: define {name!r} inside {function}, or register it "
        f"with @ws.tool and call `await tools.{name}(...)`."
    )


def _of_the_object(job: str, use: Use) -> str:
    wanted = sorted({chain.split(".")[1] for chain in use.chains}) or ["value"]
    given = ", ".join(f'"{part}": {use.name}.{part}' for part in wanted)
    return (
        "the object that its method belongs to. Jobs run isolated: pass in what it needs with "
        f'metadata={{{given}}} and read {job}.metadata["{wanted[0]}"].'
    )


def _data(job: str, name: str, origin: Origin, value: object) -> str:
    where = (
        "which belongs to the function around it"
        if origin == "closure"
        else "which is defined outside it"
    )
    pass_in = f'pass it in with metadata={{"{name}": …}} and read {job}.metadata["{name}"].'
    if type(value).__module__.partition(".")[0] == KIT and not isinstance(value, Unassigned):
        return f"{where}. {instead_of(KIT)}"
    if isinstance(value, Unassigned) or _is_json(value):
        return f"{where}. Jobs run isolated: {pass_in}"
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return (
        f"{where}. Jobs run isolated, and {article} {kind} cannot be passed in: take what the job "
        f'needs from it as plain data, pass that in with metadata={{"{name}": …}} and read '
        f'{job}.metadata["{name}"]. Or: {_OFFER_A_TOOL[0].lower()}{_OFFER_A_TOOL[1:]}'
    )


def _is_json(value: object) -> bool:
    if isinstance(value, str | int | float | bool | None):
        return True
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _third_party(value: object, root: str) -> bool:
    try:
        file = inspect.getfile(value)  # type: ignore[arg-type]  # raises TypeError for the rest
    except (TypeError, OSError):
        return root not in {"", "__main__", "builtins"}
    return "site-packages" in file or "dist-packages" in file


def _undefined(function: str, use: Use) -> str:
    name = use.name
    if has_module(name):
        return f"which is not imported: write `import {name}` inside {function}."
    if name in OUT_OF_REACH:
        return f"which is not imported, and does not exist where jobs run. {instead_of(name)}"
    if name in OUT_OF_REACH_NAMES:
        return f"which does not exist where jobs run. {OUT_OF_REACH_NAMES[name]}"
    close = nearest(name, KIT_NAMES | BUILTINS, cutoff=0.75)
    hint = f"did you mean {close[0]!r}?" if close else f"define it inside {function}."
    return f"which is not defined: {hint}"
