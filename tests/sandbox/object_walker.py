"""Walker of all objects that job code reaches by names.

A program: ``python object_walker.py`` prints, as JSON, how many objects it looked at and which of
them are the interpreter's.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import json
import sys
import types
import typing
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from unwalled_run import CONTEXT, RecordingChannel

from luajobs_kit.guest import allowlist, world
from luajobs_kit.guest.guards import names, ownership, type_object
from luajobs_kit.guest.guards import read as read_guard
from luajobs_kit.guest.runtime import call_channel, run
from luajobs_kit.guest.runtime.loop import Loop, Timer
from luajobs_kit.sandbox.policy import compile as policy

NEVER = (
    types.ModuleType, types.CodeType, types.FrameType, types.CellType,
    Loop, Timer, run.Run, RecordingChannel, call_channel.MachineClock, ownership.Own,
)  # fmt: skip
"""No job may hold an instance of these."""

NEVER_ITSELF = [
    type, enum.EnumType, builtins.exec, builtins.eval, builtins.open, builtins.compile,
    builtins.__import__, builtins.getattr, builtins.setattr, builtins.globals, str.format,
    object.__getattribute__, typing.get_type_hints, sys.modules, *type_object._OPAQUE,
]  # fmt: skip
"""Nor these themselves; ``super`` is the one class of its kind that is a builtin of job code's."""

SPECIMENS = """
import asyncio, calendar, contextlib, dataclasses, datetime, decimal, difflib, enum, fractions
import functools, hashlib, hmac, itertools, json, logging, operator, random, re, statistics, string
import textwrap, time, typing, urllib.parse, uuid, zoneinfo, collections
import csv, io, os, sys, traceback, types
import email.utils, ipaddress, pathlib, xml.etree.ElementTree as ET
from html.parser import HTMLParser
class Page(HTMLParser): pass
class Own:
    def method(self): pass
    @property
    def value(self): return 1
    @classmethod
    def made(cls): pass
@dataclasses.dataclass
class Data_:
    a: int = 1
class Kind(enum.Enum):
    A = 1
class Pair(typing.NamedTuple):
    a: int
def generate(): yield 1
async def generate_later(): yield 1
@contextlib.contextmanager
def context(): yield
@functools.singledispatch
def dispatched(x): pass
@functools.lru_cache
def cached(x): return x
errors = []
for wrong in (lambda: 1 / 0, lambda: [].nothing, lambda: nothing, lambda: json.loads("{")):
    try: wrong()
    except Exception as error: errors.append(error)
def main(job):
    return [
        Own(), Own, Own().method, Own.value, Own.made, Data_(), dataclasses.fields(Data_), Kind.A, Pair(1),
        generate(), generate_later(), context(), dispatched, cached, errors, super(Own, Own()),
        re.compile("(a)"), re.match("(a)", "a"), re.compile("a").scanner("a"), json.JSONEncoder(), json.JSONDecoder(),
        decimal.getcontext(), decimal.Decimal(1), fractions.Fraction(1), datetime.datetime.now(), datetime.timezone.utc,
        uuid.uuid4(), functools.partial(int), functools.cached_property(int), functools.cmp_to_key(max)(1),
        enum.auto(), enum.member(1), enum.STRICT, dataclasses.field(), typing.List[int], typing.get_args(typing.List["x"]),
        typing.Type[int], typing.Union[int, str], int | str, list[int], typing.Callable[[int], int], typing.ParamSpec("P"),
        typing.NewType("N", int), typing.Annotated[int, 1], typing.Literal[1], typing.TypeVar("T"),
        difflib.SequenceMatcher(None, "a", "b"), difflib.HtmlDiff(), difflib.Differ(), calendar.TextCalendar(),
        calendar.HTMLCalendar(), textwrap.TextWrapper(), statistics.NormalDist(), hashlib.sha256(),
        hmac.new(b"a", b"b", "sha256"), random.Random(1), itertools.count(), operator.attrgetter("a"),
        operator.itemgetter(1), string.Template("a"), zoneinfo.ZoneInfo("Europe/Berlin"), asyncio.Queue(), asyncio.Lock(),
        asyncio.Event(), asyncio.Future(), asyncio.timeout(5), asyncio.TaskGroup(), asyncio.sleep(0).__await__(), collections.ChainMap(),
        collections.Counter(), collections.deque(), collections.UserDict(), collections.namedtuple("X", "a")(1),
        urllib.parse.urlparse("http://a/b"), time.gmtime(), memoryview(b"a"), iter([1]), {}.keys(), property(int),
        classmethod(int), staticmethod(int), vars(Own()), contextlib.ExitStack(), contextlib.closing(1),
        ExceptionGroup("a", [ValueError()]), tools.weather, http, job, job.log, job.data,
        logging.getLogger("a"), logging.LoggerAdapter(job.log, {}), logging.StreamHandler(), logging.Formatter(),
        job.metadata, job.execution,
        os.environ, os.environ.items(), sys.stdout, io.StringIO("a"), io.BytesIO(b"a"), csv.reader(["a"]),
        csv.writer(io.StringIO()), csv.DictReader(["a"]), csv.DictWriter(io.StringIO(), ["a"]),
        csv.Sniffer().sniff("a;b"), types.SimpleNamespace(a=1), types.MappingProxyType({}),
        traceback.format_exception(errors[0]), pathlib.PurePath("a/b.c"), ET.fromstring("<a b='c'><d/>e</a>"),
        ET.parse(io.StringIO("<a/>")), ET.tostring(ET.Element("a")), HTMLParser(), Page(),
        ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8").hosts(),
        email.utils.parsedate_to_datetime("Tue, 01 Dec 2026 10:00:00 +0000"),
    ]
"""

ASKED = sorted(names.SPECIAL_METHODS | names.READABLE)
PLAIN = (str, int, float, bytes, complex, types.MethodWrapperType)
FUNCTIONS = (
    types.BuiltinFunctionType, types.MethodType, types.FunctionType, types.MethodDescriptorType,
    types.WrapperDescriptorType, types.ClassMethodDescriptorType,
)  # fmt: skip


def interpreters(value: Any) -> str | None:
    """Return what ``value`` is when it is the interpreter's, or the host's."""
    if issubclass(type(value), NEVER):
        return f"a {type(value).__name__}"
    if any(value is each for each in NEVER_ITSELF) and value is not super:
        return str(value)
    if type(value) is types.MethodType and issubclass(type(value.__self__), NEVER):
        return f"a method of a {type(value.__self__).__name__}"
    is_metaclass = issubclass(type(value), type) and issubclass(value, type)
    return f"the metaclass {value}" if is_metaclass else None


def begin() -> dict[str, Any]:
    """Start a run and return, by how they are spelled, the objects it begins with."""
    world.preload()
    code = policy.compile_source(SPECIMENS, file="job.py", first_line=1, entry="main")
    world.prepare(RecordingChannel())
    namespace, job = world.bind(CONTEXT)
    exec(code, namespace)
    found = {name: value for name, value in namespace.items() if name != "__builtins__"}
    inside = namespace["__builtins__"]
    found |= {
        name: value for name, value in inside.items() if name.isidentifier() and name[0] != "_"
    }
    found |= {module: inside[names.IMPORT](module) for module in allowlist.MODULES}
    return found | {f"specimen {i}": value for i, value in enumerate(namespace["main"](job))}


def walk(depth: int, more: Callable[[], dict[str, Any]] = dict) -> Iterator[tuple[str, Any]]:
    """Give everything that names, types and items lead to, each once."""
    seen: dict[Any, Any] = {}  # holds them, for an id is its object's only while it lives
    queue = deque((path, value, 0) for path, value in (begin() | more()).items())
    while queue:
        path, value, level = queue.popleft()
        key: Any = id(value)
        if type(value) in FUNCTIONS:  # bound anew each time one is read
            owner = type(getattr(value, "__self__", None)).__name__
            function = getattr(value, "__func__", value)  # a method's may be any object
            if type(function) in FUNCTIONS:
                title = (getattr(value, "__module__", ""), getattr(value, "__qualname__", ""))
                code = getattr(value, "__code__", None)  # what wraps another has its titles
                key = (type(value), *title, owner, value.__name__, code)
        if key in seen:
            continue
        seen[key] = value
        yield path, value
        if level == depth or isinstance(value, (*PLAIN, *FUNCTIONS)):
            continue
        for name in sorted({*object.__dir__(value), *dir(value), *ASKED}):
            with contextlib.suppress(Exception):
                queue.append((f"{path}.{name}", read_guard.read(value, name), level + 1))
        queue.append((f"type({path})", type_object.class_of(value), level + 1))
        if isinstance(value, (list, tuple, set, frozenset)):
            queue.extend((f"{path}[]", each, level + 1) for each in list(value)[:300])
        elif isinstance(value, (dict, types.MappingProxyType)):
            queue.extend(
                (f"{path}[{key!r}]", each, level + 1) for key, each in [*value.items()][:300]
            )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    met = list(walk(6))
    found = [(path, what) for path, value in met if (what := interpreters(value))]
    sys.stdout.write(json.dumps({"looked_at": len(met), "found": found}))
