"""The policy's compiler: its messages to an author, and that no source makes it fail."""

from __future__ import annotations

import marshal
import string
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unwalled_run import run_here

from luajobs_kit.sandbox import Program
from luajobs_kit.sandbox.policy import compile as policy


def compiled(source: str, *, first_line: int = 1, entry: str = "main") -> object:
    return policy.compile_source(source, file="cell", first_line=first_line, entry=entry)


def refusals(source: str, **options: int) -> list[tuple[int | None, str, str, str]]:
    with pytest.raises(policy.SourceRefused) as caught:
        compiled(source, **options)
    return [(v.line, v.text, v.rule, v.advice) for v in caught.value.violations]


def test_a_refusal_names_the_authors_line_the_rule_and_the_way_out() -> None:
    assert refusals("def main(job):\n    import subprocess\n", first_line=41) == [
        (
            42,
            "import subprocess",
            "The module subprocess cannot be imported in job code.",
            "Job code starts no processes. Offer a tool and call tools.NAME(…).",
        )
    ]


def test_a_page_break_in_the_source_is_no_line() -> None:
    source = "x = 'a\u2028b\x0c'\n\x0cdef main(job):\r    import gc\r\n"
    assert [(line, text) for line, text, *_ in refusals(source)] == [(3, "import gc")]
    assert Program(source, "main").line(3) == "import gc"


def test_everything_refused_is_reported_at_once() -> None:
    source = "import gc\ndef main(job):\n    open('x')\n    return job.__dict__.__class__.__mro__\n"
    assert [line for line, *_ in refusals(source)] == [1, 3, 4]


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("import aiohttp", "http.get"),
        ("import logging.handlers", "leave handlers out"),
        ("import logging\nlogging.FileHandler('x')", "leave handlers out"),
        ("import threading", "asyncio.gather"),
        ("import jsn", "Did you mean json?"),
        ("import platform", "For the rest offer a tool"),  # no slip of "operator"
        ("import http.client", "needs no import"),
        ("import urllib\nx = urllib.request", "http.get"),
        ("from typing import get_origin", "get_args"),
        ("from math import squirt", "Did you mean sqrt?"),
        ("from json import *", "Name what you need"),
        ("x = input()", "metadata"),
        ("x = [].__len__.__self__", "Keep the object"),
        ("x = (5).__mro__", "isinstance"),
        ("x = main.__code__", "pass it what it needs"),
        ("x = main.__get__.__type_params__", "public method"),
        ("import asyncio\nx = asyncio.run_coroutine_threadsafe", "one thread"),
        ("import asyncio\ndef f(): return asyncio.get_running_loop()", "asyncio.create_task"),
        ("import asyncio as a\nx = a.Condition()", "asyncio.Event"),
        ("from asyncio import Condition", "asyncio.Event"),
        ("def f():\n    import string\n    return string.Formatter()", "str.format"),
        ("import urllib.parse\nx = urllib.parse.urlparsed('a')", "Did you mean urlparse?"),
        ("import math\nx = math.squirt(2)", "Did you mean sqrt?"),
        ("import collections.abc, collections\nx = collections.abc.Nothing", "The docs list"),
        ("class A(metaclass=B): pass", "abc.ABC"),
        ("class A:\n    def __del__(self): pass", "clean up in finally"),
        ("x = ValueError()\nx.__notes__ += ['a']", "add_note"),
        ("x = main\nx.__doc__ += 'a'", "three steps"),
        ("x = main\nx.__dict__ |= {}", "__dict__.update"),
        ("class A:\n    def __getstate__(self): pass", "__deepcopy__"),
        ("class A:\n    def __json__(self): pass", "name of its own"),
        (
            "class G(ExceptionGroup): pass\ntry: pass\nexcept* ValueError: pass",
            "except ExceptionGroup",
        ),
    ],
)
def test_the_advice_says_what_to_do_instead(source: str, advice: str) -> None:
    [(_, _, _, told)] = refusals(f"{source}\ndef main(job): pass\n")
    assert advice in told


@pytest.mark.parametrize(
    "source",
    [
        "import math\ndef f(math): return math.squirt",
        "import math\nfor math in []: math.squirt",
        "import math\nclass A:\n    def math(self): return math.squirt",
        "import math\ntry: pass\nexcept ValueError as math: math.squirt",
        "import math\nimport json as math\nx = lambda: math.squirt",
        "import math\ndef f(x):\n    match x:\n        case {'a': math}: return math.squirt",
        "import math\nfrom json import dumps as math\nx = lambda: math.squirt",
        "import math\nclass A:\n    x: math.Squirt = 1",
        "import math\ndef f(x: math.Squirt) -> math.Squirt: return getattr(math, 'squirt', x)",
        "import urllib.parse, collections\nx = urllib.parse.quote, collections.abc.Sized",
    ],
)
def test_only_what_is_surely_a_module_is_asked_for_its_names(source: str) -> None:
    assert compiled(f"{source}\ndef main(job): pass\n")


def test_what_a_file_says_of_itself_are_names_like_others() -> None:
    assert run_here(
        "__version__, __author__ = '1.2', 'me'\n__all__ = ['main']\n"
        "def main(job): return [__version__, __author__, __all__]\n"
    ) == ["1.2", "me", ["main"]]
    [(line, *_)] = refusals("class A:\n    __all__ = 1\ndef main(job): pass\n")
    assert line == 2


def test_an_entry_that_is_missing_is_refused() -> None:
    [(line, _, rule, advice)] = refusals("def other(job): pass")
    assert line is None
    assert "no function 'main'" in rule
    assert "async def main(job)" in advice


def test_an_entry_that_needs_more_than_the_job_is_refused() -> None:
    [(line, _, rule, advice)] = refusals("\ndef main(job, amount, *, to): pass")
    assert (line, rule) == (
        2,
        "main() is called with one argument, the job; nothing gives it amount, to.",
    )
    assert "metadata" in advice


@pytest.mark.parametrize(
    "source",
    [
        "def main(): return 5",
        "def main(job): return 5",
        "async def main(): return 5",
        "main = lambda: 5",
        "main = lambda job: 5",
        "def main(job, extra=1): return 5",
        "def main(*args): return 4 + len(args)",
        "async def work(job): return 5\nmain = work",
    ],
)
def test_an_entry_may_be_written_in_many_ways(source: str) -> None:
    assert run_here(source) == 5


def test_errors_while_running_carry_the_authors_lines() -> None:
    code = compiled("def main(job):\n    return 1 / 0\n", first_line=100)
    inner = next(each for each in code.co_consts if hasattr(each, "co_firstlineno"))
    assert inner.co_firstlineno == 100
    assert [line for _, _, line in inner.co_lines() if line][-1] == 101


def test_import_lines_put_before_the_authors_code_may_stand_at_or_below_line_zero() -> None:
    source = "from datetime import datetime\nimport json\n\ndef main(job):\n    return 1\n"
    code = compiled(source, first_line=-2)
    inner = next(each for each in code.co_consts if hasattr(each, "co_firstlineno"))
    assert inner.co_firstlineno == 1


def test_compiled_code_survives_marshalling() -> None:
    code = compiled("async def main(job):\n    job._x += 1\n    return [i async for i in job]\n")
    assert marshal.loads(marshal.dumps(code)) == code


@pytest.mark.parametrize(
    "source",
    [
        "def main(job:",
        "def main(job): return 'unfinished",
        "x = \0\ndef main(job): pass",
        "def main(job): return '\ud800'",
        "def main(job): return " + "(" * 500 + ")" * 500,
        "def main(job): return " + "-" * 50_000 + "1",
        "def main(job): return " + "+".join(["1"] * 60_000),
        "def main(job): return x" + ".a" * 20_000,
        "def main(job): return " + "9" * 10_000,
        "return 5\ndef main(job): pass",
        "await x\ndef main(job): pass",
        "def main(job):\n    nonlocal y",
        "def main(job):\n    yield from x\nasync def f():\n    yield from y",
        "def main(job): pass" + "\n#" + "x" * policy.MAX_SOURCE,
        "def main(job):\n" + "".join("    " * i + f"if {i}:\n" for i in range(1, 120)),
    ],
    ids=lambda source: ascii(source[:30]),
)
def test_what_cannot_be_compiled_is_a_clean_error(source: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        compiled(source)


def test_a_syntax_error_carries_the_authors_line() -> None:
    with pytest.raises(SyntaxError) as caught:
        compiled("def main(job):\n    return (\n", first_line=10)
    assert caught.value.lineno == 11
    with pytest.raises(SyntaxError) as caught:
        compiled("def main(job):\n    pass\nreturn 5\n", first_line=10)
    assert caught.value.lineno == 12


@given(st.text(alphabet=string.printable + "_éｅ\0\ud800", max_size=80))
def test_text_of_any_kind_compiles_or_fails_cleanly(text: str) -> None:
    try:
        compiled(f"def main(job):\n  {text}\n")
    except (policy.SourceRefused, SyntaxError, ValueError) as error:
        assert str(error)  # noqa: PT017  # it may also compile


TOKENS = [
    "def",
    "class",
    "lambda",
    "async",
    "await",
    "for",
    "in",
    "if",
    "else",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "=",
    ":=",
    "+=",
    "**",
    "*",
    "_",
    "__x__",
    "job",
    "x",
    "y",
    "match",
    "case",
    "as",
    "import",
    "from",
    "json",
    "with",
    "try",
    "except",
    "return",
    "yield",
    "1",
    "'a'",
    "f'{x}'",
    "@",
    "global",
    "nonlocal",
    "gi_frame",
    "send",
    "__class__",
    "super",
    "self",
    "\n",
    "\t",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=25))
def test_tokens_in_any_order_compile_or_fail_cleanly(tokens: list[str]) -> None:
    try:
        compiled("def main(job):\n  " + " ".join(tokens) + "\n")
    except (policy.SourceRefused, SyntaxError, ValueError) as error:
        assert str(error)  # noqa: PT017  # it may also compile


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("type P[T] = tuple[T, T]\ndef main[T](job: T) -> P[T]: return P.__name__", "P"),
        (
            "class Box[T]:\n  def __init__(self, v: T): self.v = v\ndef main(j): return Box[int](4).v",
            4,
        ),
    ],
)
def test_type_parameters_are_ordinary_python(source: str, found: object) -> None:
    assert run_here(source) == found


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
@pytest.mark.parametrize(
    "source",
    [
        "type X = ().__class__.__subclasses__()",
        "def f[__builtins__](x): pass",
        "type __x__ = int",
        "def f[T: ().__class__.__subclasses__](x): pass",
        "class A[T: (int, ().__class__.__base__)]: pass",
        'x = f"{f"{f.__globals__}"}"',
    ],
)
def test_type_parameters_are_checked_like_the_rest(source: str) -> None:
    assert refusals(f"{source}\ndef main(job): pass\n")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="their defaults came with Python 3.13")
@pytest.mark.parametrize(
    "source",
    ["type X[T = ().__class__.__bases__] = int", "def f[*T = __builtins__](x): pass"],
)
def test_defaults_of_type_parameters_are_checked_like_the_rest(source: str) -> None:
    assert refusals(f"{source}\ndef main(job): pass\n")
