"""Objects that listen: they record every argument with which a host calls their methods.

Job code makes them, compiled under the policy, so that they are what any job can make.
"""

from __future__ import annotations

import sys
from typing import Any

from leak_judge import CANARIES

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.class_creation import _allowed
from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.sandbox.policy import compile as policy

_SOURCE = """
import functools, typing

LAST = 5  # answers of answers of answers are of no more use
COMPARED = ["eq", "ne", "lt", "le", "gt", "ge", "hash"]
PLAIN = {
    "str": "a", "repr": "a", "format": "a", "bytes": b"a", "bool": True, "len": 2, "index": 1, "int": 1,
    "float": 1.0, "complex": 1j, "length_hint": 1, "sizeof": 5, "round": 1, "trunc": 1, "floor": 1, "ceil": 1,
    "contains": True, "exit": False, "dir": ["a"], "setitem": None, "delitem": None, "setattr": None,
    "delattr": None, "set": None, "delete": None, "set_name": None, "init_subclass": None,
}

async def later(value): return value

def answer(name, depth, agrees):
    if name in COMPARED[:-1]: return agrees if name != "ne" else not agrees
    if name == "hash": return hash_now()
    if name in PLAIN: return PLAIN[name]
    if depth >= LAST: return 5
    another = Listener(depth + 1)
    if name in ("iter", "reversed"): return iter([another, another])
    if name == "await": return iter([])
    if name in ("aenter", "aexit", "anext"): return later(another)
    if name == "divmod": return another, another
    return answer_now(another)

def depth_of(value): return getattr(value, "depth", LAST - 1)

def method(name, agrees):
    def listening(self, *values, **named):
        hear(*values, *named.values())
        if name == "next" and tired(): raise StopIteration
        return answer(name, depth_of(self), agrees)
    return listening

def attribute(self, name):
    if name in ("depth", "__copy__", "__deepcopy__", "__mro_entries__"): raise AttributeError(name)
    return answer(name, depth_of(self), False)

def listen(kind, methods, agrees):
    for name in methods:
        made = attribute if name == "getattr" else method(name, agrees)
        if name in ("init_subclass", "class_getitem"): made = classmethod(made)
        try: setattr(kind, f"__{name}__", made)
        except (AttributeError, TypeError): pass

class Listener:
    def __init__(self, depth=0): self.__dict__["depth"] = depth
class Quiet: pass
class Agreeing:
    def __call__(self, *values): hear(*values)
listen(Listener, METHODS, False)
listen(Quiet, COMPARED, False)
listen(Agreeing, COMPARED, True)

def function(*values, **named):
    hear(*values, *named.values())
    return answer_now(Listener())
function.wrapped = Listener()

def subclasses(name, base, sample):
    for how, methods, agrees in (("loud", METHODS, False), ("quiet", COMPARED, False), ("agreeing", COMPARED, True)):
        class Sub(base): pass
        made = Sub(*sample)
        listen(Sub, methods, agrees)
        yield f"{how} {name}", made
    class New(base):
        def __new__(cls, *values, **named):
            return base.__new__(cls, *values, **named) if being_made() else a_host_object()
    yield f"answering {name}", New
    yield f"instance of an answering {name}", make_now(New, sample)

def main(job):
    loud, quiet, agreeing = Listener(), Quiet(), Agreeing()
    class Own:
        maps = ("X", (object,), {})
        data = ()
        of_class, of_agreeing = classmethod(loud), classmethod(agreeing)
        static, value, kept = staticmethod(loud), property(loud), functools.cached_property(loud)
        def method(self, *values): hear(*values)
    class Answering:
        def __new__(cls, *values, **named): return a_host_object()
    class Generic(typing.Generic[typing.TypeVar("T")]):
        def __new__(cls, *values, **named): return a_host_object()
    def generate(): yield from (loud, 1)
    found = {
        "loud": loud, "quiet": quiet, "agreeing": agreeing, "class": Own, "own": Own(), "function": function,
        "method": Own.of_class, "agreeing method": Own.of_agreeing, "own method": Own().method,
        "classmethod": classmethod(loud), "staticmethod": staticmethod(loud), "property": property(loud, loud, loud),
        "cached_property": functools.cached_property(loud), "partial": functools.partial(loud, quiet),
        "cache": functools.lru_cache(loud), "generator": generate(), "coroutine": later(loud),
        "list": [quiet, agreeing], "class and loud": [Own, loud], "pairs": [("a", loud)], "tuple": (quiet,),
        "dict": {"a": loud}, "alias": typing.List[Own], "answering": Answering, "error": ValueError(loud),
        "iterator": iter([loud]),
    }
    for each in BASES:
        try:
            for name, made in subclasses(*each): found[name] = made
        except (AttributeError, TypeError, ValueError): pass  # an abstract one, say
    return found
"""
_OVERRIDING = """
try:
    class Over(BASES[{number}][1]):
        {body}
    FOUND["overriding {title}"] = make_now(Over, BASES[{number}][2])
except Exception: pass
"""
_BODIES = (
    "def {0}(*values, **named): return function(*values, **named)",
    "{0} = Listener()",
    "{0} = Listener",
)
_SAMPLES: dict[str, list[Any]] = {
    "datetime": [2020, 1, 1], "date": [2020, 1, 1], "Template": ["a"], "str": ["a"], "int": [5], "float": [1.5],
    "bytes": [b"a"], "Decimal": [1], "Fraction": [1, 2], "list": [[1, 2]], "tuple": [(1, 2)], "dict": [{"a": 1}],
    "set": [[1]], "frozenset": [[1]], "deque": [[1]], "UserDict": [{"a": 1}], "UserList": [[1]],
    "ExceptionGroup": ["a", [ValueError()]],
}  # fmt: skip
ANSWERS = 300  # to one use, so that none goes on for ever


class State:
    """What the listeners go by at this moment."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.most = sys.maxsize  # of what is heard
        self.hash = 5
        self.hash_asked = False
        self.answer: Any = None  # None: another listener
        self.answer_asked = False
        self.being_made = False


now = State()


def _hear(*values: Any) -> None:
    if len(now.heard) > now.most:
        raise RuntimeError("it asks without end")
    now.heard += values or (None,)


def _hash_now() -> int:
    now.hash_asked = True
    return now.hash


def _answer_now(listener: Any) -> Any:
    now.answer_asked = True
    return listener if now.answer is None else now.answer


def _a_host_object() -> Any:
    now.answer_asked = True
    return CANARIES[0] if now.answer is None else now.answer


def _make_now(kind: Any, sample: list[Any]) -> Any:
    now.being_made = True
    try:
        return kind(*sample)
    finally:
        now.being_made = False


def _inherited() -> list[tuple[str, Any, list[Any]]]:
    found = sorted(
        _allowed() | {ValueError, ExceptionGroup, KeyError}, key=lambda each: each.__name__
    )
    return [(each.__name__, each, _SAMPLES.get(each.__name__, [])) for each in found]


def make() -> dict[str, Any]:
    """Return the listening objects by name; a run must have begun."""
    methods = {name[2:-2] for name in names.SETTABLE_METHODS} - {"init", "post_init"}
    own.globals.update(
        hear=_hear, hash_now=_hash_now, answer_now=_answer_now, a_host_object=_a_host_object,
        make_now=_make_now, being_made=lambda: now.being_made, tired=lambda: len(now.heard) % 3 == 0,
        METHODS=sorted(methods), BASES=_inherited(),
    )  # fmt: skip
    found: dict[str, Any] = _run(_SOURCE)
    return found


def overriding() -> dict[str, Any]:
    """Return objects of classes that have another answer to one name which their base trusts."""
    parts = [
        _OVERRIDING.format(number=number, title=f"{kind}.{name} #{how}", body=body.format(name))
        for number, (kind, base, _) in enumerate(_inherited())
        for name in sorted(set(dir(base)))
        if names.kind_of(name) in {"plain", "private", "watched"}
        for how, body in enumerate(_BODIES)
    ]
    found: dict[str, Any] = {}
    for start in range(0, len(parts), 200):
        source = "".join(
            ["FOUND = {}", *parts[start : start + 200], "\ndef main(job): return FOUND\n"]
        )
        found |= _run(source)
    return found


def _run(source: str) -> Any:
    exec(policy.compile_source(source, file="job.py", first_line=1, entry="main"), own.globals)
    return own.globals["main"](None)
