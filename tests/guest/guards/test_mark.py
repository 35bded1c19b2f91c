"""Every class that job code makes bears its mark before the job can see it, however it is made."""

import pytest
from guest_run import CONTEXT, RecordingChannel, run_here

from luajobs_kit.guest import world
from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.sandbox.policy import compile as policy

_HOOKED = """
class Base{inherits}:
    def __init_subclass__(cls, **options):
        seen(cls)
"""
_NAMED = """
class Attribute:
    def __set_name__(self, owner, name):
        seen(owner)
"""
MAKERS = {
    "class statement": _HOOKED.format(inherits="") + "class C(Base): pass",
    "exception": _HOOKED.format(inherits="(Exception)") + "class C(Base): pass",
    "abstract class": "from abc import ABC\n"
    + _HOOKED.format(inherits="(ABC)")
    + "class C(Base): pass",
    "enumeration": "from enum import Enum\n"
    + _HOOKED.format(inherits="(Enum)")
    + "class C(Base): A = 1",
    "enumeration with names left out": "from enum import Enum\n"
    + _HOOKED.format(inherits="(Enum)")
    + "class C(Base):\n    _ignore_ = ['i']\n    i = 1\n    A = 1",
    "enumeration by a call": "from enum import Enum\n"
    + _HOOKED.format(inherits="(Enum)")
    + "C = Base('C', 'a b')",
    "enumeration of a mixin by a call": "from enum import Enum\n"
    + _HOOKED.format(inherits="")
    + "class E(Base, Enum): pass\nC = E('C', 'a b')",
    "flag by a call": "from enum import Flag\n"
    + _HOOKED.format(inherits="(Flag)")
    + "C = Base('C', 'a b')",
    "members of an enumeration": "from enum import Enum\nclass E(Enum):\n"
    "    def __init__(self, value): seen(type(self))\nC = E('C', 'a b')",
    "dataclass with slots": "from dataclasses import dataclass\n"
    + _HOOKED.format(inherits="")
    + _NAMED
    + "@dataclass(slots=True)\nclass C(Base):\n    a: int = 1\n    b = Attribute()",
    "named tuple": "from collections import namedtuple\n"
    "class Base(namedtuple('P', 'a b')):\n"
    "    def __init_subclass__(cls): seen(cls)\nclass C(Base): pass",
    "typed named tuple": "from typing import NamedTuple\n"
    + _NAMED
    + "class C(NamedTuple):\n    a: int = Attribute()\nseen(C)",
    "typed dictionary": "from typing import TypedDict\nclass C(TypedDict):\n    a: int\nseen(C)",
    "protocol": "from typing import Protocol\n"
    + _HOOKED.format(inherits="(Protocol)")
    + "class C(Base, Protocol): pass\nclass D(C): pass",
    "generic": "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
    "class Base(Generic[T]):\n"
    "    def __init_subclass__(cls, **options):\n"
    "        seen(cls)\n        super().__init_subclass__(**options)\n"
    "class C(Base[int]): pass",
    "class with brackets": "class Base:\n"
    "    def __class_getitem__(cls, item):\n        seen(cls)\n        return cls\n"
    "    def __init_subclass__(cls, **options): seen(cls)\nclass C(Base[1]): pass",
    "date": "from datetime import date\n"
    + _HOOKED.format(inherits="(date)")
    + "class C(Base):\n    def __new__(cls, *of): return date.__new__(cls, 2026, 1, 1)",
    "fraction": "from fractions import Fraction\n"
    + _HOOKED.format(inherits="(Fraction)")
    + "class C(Base): pass",
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_class_bears_the_mark_when_it_is_first_seen(maker: str) -> None:
    seen: list[tuple[str, bool]] = []
    body = "".join(f"    {line}\n" for line in MAKERS[maker].strip().splitlines())
    world.preload()
    code = policy.compile_source(
        f"def main(job):\n{body}", file="job.py", first_line=1, entry="main"
    )
    world.prepare(RecordingChannel())
    namespace, job = world.bind(CONTEXT)
    namespace["seen"] = lambda kind: seen.append((kind.__name__, own.made(kind)))
    exec(code, namespace)
    world.drive(namespace["main"](job))
    assert seen
    assert all(made for _, made in seen), seen


@pytest.mark.parametrize("ignored", ["['__module__']", "'__module__ x'", "[1]", "['__doc__']"])
def test_an_enumeration_cannot_leave_out_what_belongs_to_python(ignored: str) -> None:
    source = f"""
from enum import Enum
def main(job):
    class C(Enum):
        _ignore_ = {ignored}
        A = 1
"""
    with pytest.raises(TypeError, match="_ignore_ cannot hold"):
        run_here(source)
