"""Walks all that job code reaches by names, and calls what it finds with arguments that listen.

A program, for its calls print, raise and run long: ``python reach.py walk`` or ``calls``
prints, as JSON, how many objects it looked at and which of them are the interpreter's.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import io
import itertools
import json
import os
import signal
import sys
import types
import typing
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

from harness import CONTEXT, RecordingChannel

from luajobs_kit.guest import catalog, classes, clocks, guards, loop, names, owning, run, world
from luajobs_kit.sandbox import policy

NEVER = (
    types.ModuleType, types.CodeType, types.FrameType, types.CellType,
    loop.Loop, loop.Timer, run.Run, RecordingChannel, clocks.MachineClock, owning.Own,
)  # fmt: skip
"""No job may hold an instance of these."""

NEVER_ITSELF = [
    type, enum.EnumType, builtins.exec, builtins.eval, builtins.open, builtins.compile,
    builtins.__import__, builtins.getattr, builtins.setattr, builtins.globals, str.format,
    object.__getattribute__, typing.get_type_hints, sys.modules, *classes._OPAQUE,
]  # fmt: skip
"""Nor these themselves; ``super`` is the one class of its kind that is a builtin of job code's."""

SPECIMENS = """
import asyncio, calendar, contextlib, dataclasses, datetime, decimal, difflib, enum, fractions
import functools, hashlib, hmac, itertools, json, operator, random, re, statistics, string
import textwrap, time, typing, urllib.parse, uuid, zoneinfo, collections
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
        ExceptionGroup("a", [ValueError()]), tools.weather, http, job, job.log, job.data, job.metadata, job.execution,
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
    found |= {module: inside[names.IMPORT](module) for module in catalog.MODULES}
    return found | {f"specimen {i}": value for i, value in enumerate(namespace["main"](job))}


def walk(depth: int) -> Iterator[tuple[str, Any]]:
    """Give everything that names, types and items lead to, each once."""
    seen: dict[Any, Any] = {}  # holds them, for an id is its object's only while it lives
    queue = deque((path, value, 0) for path, value in begin().items())
    while queue:
        path, value, level = queue.popleft()
        key: Any = id(value)
        if type(value) in FUNCTIONS:  # bound anew each time one is read
            owner = type(getattr(value, "__self__", None)).__name__
            key = (type(value), getattr(value, "__qualname__", ""), owner, value.__name__)
        if key in seen:
            continue
        seen[key] = value
        yield path, value
        if level == depth or isinstance(value, (*PLAIN, *FUNCTIONS)):
            continue
        for name in sorted({*object.__dir__(value), *dir(value), *ASKED}):
            with contextlib.suppress(Exception):
                queue.append((f"{path}.{name}", guards.read(value, name), level + 1))
        queue.append((f"type({path})", classes.class_of(value), level + 1))
        if isinstance(value, (list, tuple, set, frozenset)):
            queue.extend((f"{path}[]", each, level + 1) for each in list(value)[:300])
        elif isinstance(value, (dict, types.MappingProxyType)):
            queue.extend(
                (f"{path}[{key!r}]", each, level + 1) for key, each in [*value.items()][:300]
            )


ALIAS = typing.Type[int]  # noqa: UP006  # the alias itself, which stands for the real type
HEARD: set[tuple[str, str]] = set()
CALLS_ANSWERED = 300  # of one listening argument, so that no call goes on for ever
_now = ["", 0]


def hear(*values: Any) -> None:
    _now[1] += 1
    if _now[1] > CALLS_ANSWERED:
        raise RuntimeError("it asks without end")
    for value in values:
        if (what := interpreters(value)) or (type(value) is str and CONTEXT["secrets"][0] in value):
            HEARD.add((str(_now[0]), what or "a secret"))


class Listener:
    """Answers every question with another listener, and hears what it is given."""

    def __init__(self, depth: int = 0) -> None:
        self.__dict__["depth"] = depth

    def __getattr__(self, name: str) -> Any:
        if self.depth > 6 or name in {"__copy__", "__deepcopy__"}:
            raise AttributeError(name)
        return Listener(self.depth + 1)

    def __call__(self, *values: Any, **named: Any) -> Any:
        hear(*values, *named.values())
        return Listener(self.depth + 1) if self.depth < 6 else 5

    def __hash__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        return iter([Listener(self.depth + 1)] if self.depth < 6 else [])


def _answers(answer: Any) -> Any:
    def method(self: Any, *values: Any) -> Any:
        hear(*values)
        return Listener(self.depth + 1) if answer is Listener else answer

    return method


for _name in ["eq", "ne", "lt", "le", "gt", "ge"]:
    setattr(Listener, f"__{_name}__", _answers(False))
for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "mod",
    "rmod",
    "and",
    "or",
    "ror",
    "truediv",
    "getitem",
    "enter",
    "neg",
]:
    setattr(Listener, f"__{_name}__", _answers(Listener))
for _name, _value in {"contains": True, "setitem": None, "exit": False, "len": 2, "index": 1,
                      "int": 1, "float": 1.0, "str": "a", "repr": "a", "format": "a"}.items():  # fmt: skip
    setattr(Listener, f"__{_name}__", _answers(_value))


def argument_lists() -> Iterator[list[Any]]:
    class Own:
        maps = ("X", (object,), {})
        data: Any = ()

    Own.__module__ = owning.own.mark
    for given in itertools.chain.from_iterable(
        itertools.product([Listener(), Own, [Own, Listener()], "a", ALIAS], repeat=n)
        for n in range(3)
    ):
        yield list(given)
    yield from (
        [Own, "X", (object,), {}],
        [Own, (object,), {}],
        [Listener(), Listener(), Listener()],
    )


def call_everything() -> tuple[int, list[Any]]:
    """Call all that can be called, in many ways; return how many, and what was heard of it."""
    slow = ("sleep", "scrypt", "pbkdf2_hmac", "run", "block")
    found = [
        (path, value)
        for path, value in walk(4)
        if callable(value) and type(value) not in PLAIN and not path.endswith(slow)
    ]
    heard: set[tuple[str, str]] = set()
    for start in range(0, len(found), 50):
        chunk = found[start : start + 50]
        told = _in_a_process(chunk)
        if told is None:  # calls at random crash the interpreter now and then; a run dies of it
            for each in chunk:
                heard.update(_in_a_process([each]) or ())
        else:
            heard.update(told)
    return len(found) * len(list(argument_lists())), sorted(heard)


def _in_a_process(chunk: list[tuple[str, Any]]) -> list[tuple[str, str]] | None:
    """Return what was heard while calling these, or None when the interpreter crashed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for path, function in chunk:
            _call(path, function)
        os.write(writing, json.dumps(sorted(HEARD)).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        said = told.read()
    os.waitpid(child, 0)
    return [tuple(each) for each in json.loads(said)] if said else None


def _call(path: str, function: Any) -> None:
    def late(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    for arguments in argument_lists():
        _now[:] = [f"{path}, {len(arguments)} arguments", 0]
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with contextlib.redirect_stdout(io.StringIO()):
                given = function(*arguments)
            _now[1] = 0
            hear(given)
            if type(given) is types.CoroutineType:
                with contextlib.suppress(StopIteration):
                    hear(given.send(None))
                given.close()
            elif hasattr(type(given), "__next__"):
                hear(*itertools.islice(given, 5))
        except BaseException:  # noqa: BLE001  # whatever it raises, it was tried
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "walk":
        met = list(walk(6))
        told: list[Any] = [(path, what) for path, value in met if (what := interpreters(value))]
        count = len(met)
    else:
        count, told = call_everything()
    sys.stdout.write(json.dumps({"looked_at": count, "found": told}))
