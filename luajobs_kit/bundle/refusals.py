"""Refusals of a function: each name that was used, its line, and the way out."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from types import ModuleType

from luajobs_kit.argument_help import nearest
from luajobs_kit.bundle.free_variables import Use
from luajobs_kit.bundle.locate_source import Origin, Unassigned
from luajobs_kit.bundle.sandbox_names import (
    BUILTINS,
    KIT,
    KIT_NAMES,
    has_member,
    has_module,
    missing_member,
)
from luajobs_kit.errors import NotSelfContained
from luajobs_kit.guest.allowlist import (
    MODULES,
    OUT_OF_REACH,
    OUT_OF_REACH_NAMES,
    instead_of_member,
    instead_of_module,
)

_OFFER_A_TOOL = (
    "Do that part here, in a function registered with @ws.tool, and call it from the job as "
    "`await tools.NAME(...)`."
)
_NOTEBOOK = {
    "display": "Use print(…) or job.log.info(…): both write the job's log.",
    "get_ipython": "Magics and shell commands (%, !) stay in the notebook: run them in a cell and pass "
    "what they give with metadata={…}, or run the command in a tool (@ws.tool, subprocess.run).",
}


class NotCarried(Exception):  # said in a refusal, never raised to a caller
    """A definition cannot be taken along; the message says why, to end a sentence.

    An empty message: it is none of this file or notebook. ``cure`` is a sentence on what to do.
    """

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(reason)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class UsedBy:
    """Who uses a name: the job's function, or a definition that it takes along.

    ``job`` is what the job is called there (nothing: it takes no parameter); ``where`` says the file where that is another one.
    """

    name: str
    job: str
    is_job: bool
    where: str = ""


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
    if has_module(module):
        advice = instead_of_member(module, member or "", MODULES[module])
        return advice or "Write it inside the function."
    return instead_of_module(module) or _OFFER_A_TOOL


def refuse_missing(function: str, use: Use) -> Refusal:
    """Refuse a name in source text that nothing gives a meaning to."""
    return _refusal(function, use, _undefined(function, use))


def refuse_value(
    by: UsedBy, use: Use, origin: Origin, value: object, reason: NotCarried | None = None
) -> Refusal:
    """Refuse a name whose meaning outside is ``value``, in words that fit the value.

    ``reason`` is why it is not taken along, where it might have been.
    """
    return _refusal(by.name, use, _way_out(by, use, origin, value, reason), by.where)


def _refusal(function: str, use: Use, rest: str, where: str = "") -> Refusal:
    text = f"{function} uses {use.name!r} (line {use.line}{where}), {rest}"
    return Refusal(use.name, use.line, text)


def _way_out(by: UsedBy, use: Use, origin: Origin, value: object, reason: NotCarried | None) -> str:
    words = _words(by, use, origin, value, reason)
    if by.is_job and not by.job and "job.metadata" in words:
        words += f" Give the function its parameter: def {by.name}(job)."
    return words


def _words(by: UsedBy, use: Use, origin: Origin, value: object, reason: NotCarried | None) -> str:
    name, function, job = use.name, by.name, by.job or "job"
    if origin == "nowhere":
        return _undefined(function, use)
    shells_own = name in OUT_OF_REACH_NAMES and inspect.isroutine(value)  # IPython has an open()
    if origin == "builtin" or shells_own:
        advice = OUT_OF_REACH_NAMES.get(name) or _NOTEBOOK.get(name, _OFFER_A_TOOL)
        return f"which does not exist where jobs run. {advice}"
    if name in _NOTEBOOK and str(getattr(value, "__module__", "")).startswith("IPython"):
        return f"which belongs to the notebook. {_NOTEBOOK[name]}"
    if use.rebinds:
        return (
            f"and changes it, but it belongs outside it. Jobs run isolated: keep it in the job with "
            f'await {job}.update_metadata({{"{name}": …}}) and read {job}.metadata["{name}"].'
        )
    if isinstance(value, ModuleType):
        module = value.__name__
        if has_module(module):
            missing = filter(None, (missing_member(module, each) for each in use.chains))
            home, _, member = min(missing, default=module).rpartition(".")
            return f"whose {member} does not exist where jobs run. {instead_of(home, member)}"
        chain = min(use.chains, key=len, default=name)
        member = chain.split(".")[1] if "." in chain else ""
        return f"a module that does not exist where jobs run. {instead_of(module, member)}"
    if origin == "closure" and name in {"self", "cls"}:
        return _of_the_object(job, use)
    if reason is not None and reason.cure:
        return f"{reason}. {reason.cure}"
    if inspect.isroutine(value) or isinstance(value, type):
        return _code(function, name, origin, value)
    return _data(by, name, origin, value, str(reason or ""))


def _code(function: str, name: str, origin: Origin, value: object) -> str:
    kind = "a class" if isinstance(value, type) else "a function"
    home = getattr(value, "__module__", None) or ""
    root = home.partition(".")[0]
    if root == KIT:
        return f"which does not exist where jobs run. {instead_of(KIT)}"
    if has_module(home) or instead_of_module(home):
        return f"{kind} of {home}, which does not exist where jobs run. {instead_of(home, name)}"
    if _third_party(value, root):
        return f"{kind} of {root}, which does not exist where jobs run. {_OFFER_A_TOOL}"
    as_a_tool = f"register it with @ws.tool and call `await tools.{name}(...)`"
    if origin == "closure":
        return (
            f"{kind} of the function around it. Jobs run isolated: define {name!r} at the top of "
            f"the file or cell, and it is taken along; or define it inside {function}, or "
            f"{as_a_tool}."
        )
    return (
        f"{kind} of {home or 'another place'}. A job takes along what stands in its own file or "
        f"notebook: copy {name!r} there, or {as_a_tool}."
    )


def _of_the_object(job: str, use: Use) -> str:
    wanted = sorted({chain.split(".")[1] for chain in use.chains}) or ["value"]
    given = ", ".join(f'"{part}": {use.name}.{part}' for part in wanted)
    return (
        "the object that its method belongs to. Jobs run isolated: pass in what it needs with "
        f'metadata={{{given}}} and read {job}.metadata["{wanted[0]}"].'
    )


def _data(by: UsedBy, name: str, origin: Origin, value: object, reason: str) -> str:
    where = (
        "which belongs to the function around it"
        if origin == "closure"
        else reason or "which is defined outside it"
    )
    job = by.job or "job"
    give = "" if by.is_job else f" in the job's function, and give it to {by.name} as an argument"
    pass_in = f'pass it in with metadata={{"{name}": …}} and read {job}.metadata["{name}"]{give}.'
    if type(value).__module__.partition(".")[0] == KIT and not isinstance(value, Unassigned):
        tool = getattr(value, "name", None) if hasattr(value, "input_schema") else None
        if tool is not None:
            return (
                f"{where}, a tool: offer it with ws.tool, and call `await tools.{tool}(…)` instead."
            )
        return f"{where}. {instead_of(KIT)}"
    if isinstance(value, Unassigned) or _is_json(value):
        return f"{where}. Jobs run isolated: {pass_in}"
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    where = f"{where}. Jobs run isolated, and {article} {kind} cannot be passed in"
    cure = _instead_of_object(name, value)
    if cure:
        return f"{where}. {cure}"
    return (
        f"{where}: take what the job "
        f'needs from it as plain data, pass that in with metadata={{"{name}": …}} and read '
        f'{job}.metadata["{name}"]. Or: {_OFFER_A_TOOL[0].lower()}{_OFFER_A_TOOL[1:]}'
    )


def _instead_of_object(name: str, value: object) -> str:
    """Return what fits an object's own module; nothing where that says nothing."""
    for kind in type(value).__mro__:
        home = kind.__module__
        if has_member(home, kind.__name__):
            made = _MADE_BY.get(f"{home}.{kind.__name__}", f"{home}.{kind.__name__}(…)")
            return (
                f"Make it where the job can see how: `{name} = {made}` with plain values at the top "
                "of the file or cell, or inside the function."
            )
        advice = instead_of_module(home)
        if advice:
            return advice
    return ""


_MADE_BY = {
    "logging.Logger": "logging.getLogger(__name__)",
    "re.Pattern": 're.compile("…")',
    "zoneinfo.ZoneInfo": 'zoneinfo.ZoneInfo("Europe/Berlin")',
    "datetime.datetime": "datetime.datetime.now(datetime.UTC)",
}
"""How objects are made whose class is not called for that."""


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
    if close:
        return f"which is not defined: did you mean {close[0]!r}?"
    return (
        f"which is not defined: define it inside {function}, or at the top of the file or cell, "
        "above the line that makes the job."
    )
