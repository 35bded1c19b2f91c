"""Search for leaks: all that names lead to is used in every way, with arguments that listen.

A program: ``python attack_calls.py PART PARTS`` prints, as JSON, how often something was used, and
what a job would have heard, got or written that is a host's.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import inspect
import itertools
import json
import math
import operator as o
import os
import resource
import signal
import sys
import types
import typing
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import leak_probes
from leak_judge import CANARIES, Judge, hashes, kept_by_caches, watch_for_writes
from leak_probes import now
from object_walker import PLAIN, walk

from luajobs_kit.guest.guards import class_creation
from luajobs_kit.guest.guards import read as read_guard
from luajobs_kit.guest.guards import write as write_guard
from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.stdlib import copy

ALIAS = typing.Type[int]  # noqa: UP006  # the alias itself, which stands for the real type
SLOW = ("sleep", "scrypt", "pbkdf2_hmac", "run", "block")
AT_ONCE = 50  # objects that share a process
LONGEST = 0.1  # seconds, of one use
MOST = 120  # seconds of processor time, of one process
ENOUGH = {"BaseException", "ExceptionGroup", "KeyError", "OSError", "StopIteration", "SyntaxError"}
"""Exceptions that stand for all others."""

ENDLESS = (itertools.count, itertools.cycle, itertools.repeat)

BINARY: list[Callable[[Any, Any], Any]] = [
    o.eq, o.ne, o.lt, o.le, o.gt, o.ge, o.or_, o.and_, o.xor, o.add, o.sub, o.mul, o.mod, o.matmul,
    o.truediv, o.floordiv, o.lshift, o.rshift, o.pow, divmod, o.contains, o.getitem, o.iadd, o.ior,
    o.iand, o.isub, o.imul, o.delitem, isinstance, issubclass, format,
]  # fmt: skip
UNARY: list[Callable[[Any], Any]] = [
    iter, hash, str, repr, bytes, bool, len, abs, round, int, float, complex, o.index, o.neg, dict,
    o.invert, reversed, next, aiter, anext, math.floor, math.ceil, math.trunc, format,
    copy.shallow_copy, copy.deep_copy,
]  # fmt: skip  # none that goes through an endless iterator


def in_with(value: Any, _: Any) -> Any:
    with value as given:
        return given


async def in_await(value: Any, _: Any) -> Any:
    return await value


async def in_async_with(value: Any, _: Any) -> Any:
    async with value as given:
        return given


def in_case(value: Any, other: Any) -> Any:
    match other:
        case value(a):
            return a


def in_except(value: Any, other: Any) -> Any:
    try:
        raise other
    except value as error:
        return error


def in_class(value: Any, other: Any) -> Any:
    body = types.FunctionType((lambda: None).__code__, own.globals)
    return class_creation.build_class(body, "Made", value, option=other)


STATEMENTS: list[Callable[[Any, Any], Any]] = [
    in_with, in_await, in_async_with, in_case, in_except, in_class,
    lambda x, y: pow(x, y, y), lambda x, y: x[y:y], lambda x, y: o.setitem(x, y, y),
    lambda x, y: setattr(write_guard.write(x), "a", y), lambda x, y: f"{x:{y}}", lambda x, y: y(*x),
    lambda x, y: y(**x), lambda x, y: o.mod("%s", x), lambda x, y: o.mod("%(a)s", x),
]  # fmt: skip

Use = tuple[str, Callable[[], Any]]


class Search:
    """What was met, and what it is used with."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        met = walk(4, self._more)
        self.met = [(path, value) for path, value in met if not _is_left_out(path, value)]
        self.given["alias of type"] = ALIAS
        now.most = leak_probes.ANSWERS
        self.judge = Judge(self.met)
        self.uses = 0
        self.found: set[tuple[str, str]] = set()
        self.done: set[str] = set()  # what is enough to be done once

    def _more(self) -> dict[str, Any]:
        self.hashes = hashes()  # before there are any but the host's
        self.given |= leak_probes.make()
        # The others answer to every name.
        walked = ("quiet", "agreeing", "answering", "instance")
        return {f"own {name}": each for name, each in self.given.items() if name.startswith(walked)}

    def use(self, path: str, value: Any) -> None:
        if path.startswith("overriding"):
            for title, each in self._of_overriding(path, value):
                self.attempt(title, each)
            return
        for title, each in self._of(path, value):
            self.attempt(title, each, steps=True)
            if now.hash_asked and not title.startswith("hash") and self._is_new(value, title):
                for now.hash in self.hashes:
                    self.attempt(f"{title} with the hash {now.hash}", each)
                now.hash = 5
            if now.answer_asked:
                for now.answer in CANARIES:
                    self.attempt(f"{title} answered with {now.answer}", each)
                now.answer = None

    def _of(self, path: str, value: Any) -> Iterator[Use]:
        """Give all that is to be done with an object, each as a function without arguments."""
        for name in ("loud", "quiet", "agreeing method", "agreeing str", "loud tuple", "class"):
            yield from _operations(path, value, name, self.given[name])
        yield from ((f"{each.__name__}({path})", partial(each, value)) for each in UNARY)
        if not callable(value) or type(value) in PLAIN or path.endswith(SLOW):
            return
        for number, arguments in enumerate(self._arguments()):
            yield f"{path}(arguments #{number})", partial(value, *arguments)
        found = {self.given["agreeing str"]: self.given["loud"]}
        yield f"{path}(**agreeing str)", partial(value, **found)
        with contextlib.suppress(Exception):
            for name, other in itertools.product(
                inspect.signature(value).parameters, ("loud", "agreeing", "function", "quiet str")
            ):
                named = {name: self.given[other]}
                yield f"{path}({name}={other})", partial(value, **named)
                yield f"{path}('a', {name}={other})", partial(value, "a", **named)

    def _arguments(self) -> Iterator[list[Any]]:
        given = self.given
        yield from ([], *([value] for value in given.values()))
        names = ("loud", "agreeing", "class", "function", "agreeing str", "loud dict")
        several = [*(given[name] for name in names), "a", ALIAS]
        yield from map(list, itertools.product(several, repeat=2))
        yield from map(list, itertools.product(several[:2], repeat=3))
        yield from ([given["class"], "X", (object,), {}], [given["class"], (object,), {}])

    def _of_overriding(self, path: str, value: Any) -> Iterator[Use]:
        given = self.given
        for name in ("loud", "quiet", "class"):
            yield from _operations(path, value, name, given[name])
        yield from ((f"{each.__name__}({path})", partial(each, value)) for each in UNARY)
        some: list[list[Any]] = [
            [], ["a"], [1], [2020, 1], [[1, 2]], [{"a": 1}], [value], [value, "a"], ["a", given["loud"]],
            *([given[name]] for name in ("loud", "quiet", "class", "function")), [given["loud"]] * 3,
        ]  # fmt: skip
        read = [(of, name) for of in (value, type(value)) for name in dir(of)]
        for of, name in read:
            with contextlib.suppress(Exception):
                function = read_guard.read(of, name)
                for number, arguments in enumerate(some if callable(function) else []):
                    yield f"{path}.{name}(arguments #{number})", partial(function, *arguments)

    def attempt(self, title: str, use: Callable[[], Any], *, steps: bool = False) -> None:
        """Use something, note what was heard and given, and (``steps``) use what was given."""
        self.uses += 1
        now.heard, now.hash_asked, now.answer_asked = [], False, False
        given: list[Any] = []
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, LONGEST)
                given.append(use())
                given += _more_of(given[0])
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException as error:  # noqa: BLE001  # whatever it raises, it was tried
            given += _values_in(error)
            steps = False
            if type(error) is TimeoutError:  # once is enough
                now.hash_asked = now.answer_asked = False
        for each in given:
            self.judge.allow(each)
        self._note(title, now.heard + given)
        if steps:
            asked = now.hash_asked, now.answer_asked
            self._step(title, given[0])
            now.hash_asked, now.answer_asked = asked

    def _note(self, title: str, values: list[Any]) -> None:
        for value in values:
            if what := self.judge.forbidden(value):
                self.found.add((title, what))

    def _is_new(self, value: Any, title: str) -> bool:
        """Whether nothing like it, of such a value, was done before."""
        key = f"{title.partition('(')[0]} {type(value)} {getattr(value, '__qualname__', '')}"
        is_new = key not in self.done
        self.done.add(key)
        return is_new

    def _step(self, title: str, given: Any) -> None:
        """Use what a use gave, and what its names lead to, once more; of one kind once only."""
        kind = type(given)
        if given is None or own.made(kind) or kind in (*PLAIN, bool, list, tuple, dict, set):
            return
        if not self._is_new(given, f"step {title}"):
            return
        found = [("", given)]
        for name in dir(given):
            with contextlib.suppress(Exception):
                self.judge.allow(read_guard.read(kind, name))
            with contextlib.suppress(Exception):
                found.append((f".{name}", read_guard.read(given, name)))
        g = self.given
        for name, value in found:
            self._note(f"{title}{name}", [value])
            for other in ("agreeing method", "loud"):
                self.attempt(f"{title}{name} == {other}", partial(o.eq, value, g[other]))
            self.attempt(f"{title}{name}[loud]", partial(o.getitem, value, g["loud"]))
            if own.made(type(value)) or not callable(value) or name.endswith(SLOW):
                continue
            self.attempt(f"{title}{name}()", value)
            for other in ("loud", "agreeing", "class", "function"):
                self.attempt(f"{title}{name}({other})", partial(value, g[other]))
            self.attempt(f"{title}{name}(loud, loud)", partial(value, g["loud"], g["loud"]))


def _is_left_out(path: str, value: Any) -> bool:
    first = path.removeprefix("type(").partition(".")[0].partition(")")[0]
    kind = getattr(builtins, first, None)
    is_error = isinstance(kind, type) and issubclass(kind, BaseException) and first not in ENOUGH
    return is_error or own.is_function(value) or type(value) in ENDLESS


def _operations(path: str, value: Any, name: str, other: Any) -> Iterator[Use]:
    for each in (*BINARY, *STATEMENTS):
        yield f"{each.__name__}({path}, {name})", partial(each, value, other)
        yield f"{each.__name__}({name}, {path})", partial(each, other, value)


def _more_of(given: Any) -> list[Any]:
    """Return what a coroutine, or an iterator, gives at first."""
    if type(given) is types.CoroutineType:
        try:
            return [given.send(None) for _ in range(3)]
        finally:
            given.close()
    return list(itertools.islice(given, 5)) if hasattr(type(given), "__next__") else []


def _values_in(error: BaseException | None) -> list[Any]:
    values: list[Any] = []
    for _ in range(5):
        if error is not None:
            args: Any = BaseException.args
            values += [*args.__get__(error), *vars(error).values()]
            values += [error.value] if type(error) is StopIteration else []
            error = error.__cause__ or error.__context__
    return values


def _late(*_: Any) -> None:
    raise TimeoutError


def _in_a_process(search: Search, chunk: list[tuple[str, Any]]) -> tuple[int, list[Any]] | None:
    """Return how often these were used and what was found, or None when the process died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, _late)
        resource.setrlimit(resource.RLIMIT_CPU, (MOST, MOST))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        written = watch_for_writes(search.met)
        for path, value in chunk:
            search.use(path, value)
        where = f"something from {chunk[0][0]} on"
        search.found |= {(where, each) for each in (*written(), *kept_by_caches())}
        with os.fdopen(writing, "w") as report:
            json.dump([search.uses, sorted(search.found)[:1000], sorted(search.done)], report)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as report:
        text = report.read()
    _, status = os.waitpid(child, 0)
    if status:
        sys.stderr.write(f"{chunk[0][0]} and {len(chunk) - 1} more: {status}\n")
    if status:
        return None
    uses, found, done = json.loads(text)
    search.done.update(done)
    return uses, found


def main(part: int, parts: int) -> dict[str, Any]:
    search = Search()
    met = [*search.met, *leak_probes.overriding().items()]
    gc.freeze()
    chunks = [met[start : start + AT_ONCE] for start in range(0, len(met), AT_ONCE)][part::parts]
    uses, found, died = 0, [], []
    for chunk in chunks:
        result = _in_a_process(search, chunk)
        # Calls at random crash the interpreter now and then; a run dies of it.
        for each in [result] if result else [_in_a_process(search, [one]) for one in chunk]:
            if each is None:
                died.append(chunk[0][0])
            else:
                uses += each[0]
                found += each[1]
    return {"looked_at": uses, "objects": len(met), "died": died, "found": found}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
