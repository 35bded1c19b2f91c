"""A function becomes source that stands by itself, or is refused with the way out."""

from __future__ import annotations

import collections.abc
import json
import json as j
import math
import urllib.parse
from collections import defaultdict
from datetime import datetime as dt
from math import pi
from pathlib import Path

import pytest

from luajobs_kit.bundle import capture, verify
from luajobs_kit.errors import InvalidInput, NotSelfContained
from luajobs_kit.model import Bundle


def load(bundle: Bundle):
    """Run the bundle as plain Python, as the sandbox would, and return its entry."""
    space: dict = {"__name__": "job"}
    exec(compile(bundle.source, bundle.file, "exec"), space)
    return space[bundle.entry]


def line_in_file(bundle: Bundle, text: str) -> str:
    """Return the line of the author's file that stands for the bundle's line with ``text``."""
    number = next(index for index, line in enumerate(bundle.source.splitlines(), 1) if text in line)
    return Path(bundle.file).read_text().splitlines()[number + bundle.first_line - 2]


async def at_module_level(job):
    """Docs stay."""
    return {"ok": True, "name": job.name}  # module level


async def test_a_function_of_a_file_keeps_its_lines():
    bundle = capture(at_module_level)
    assert bundle.entry == "at_module_level"
    assert bundle.source.startswith("async def at_module_level(job):")
    assert bundle.file == __file__
    assert "# module level" in line_in_file(bundle, "# module level")
    verify(bundle)


def test_a_plain_function_a_nested_one_and_a_methods_inner_one():
    def nested(job):
        if job:
            return "nested"
        return None

    class Tool:
        def make(self):
            async def inner(job):
                return (  # the inner one
                    """first
    second, indented as written
last"""
                )

            return inner

    assert load(capture(nested))(1) == "nested"
    bundle = capture(Tool().make())
    assert "\n    second, indented as written\nlast" in bundle.source
    assert "# the inner one" in line_in_file(bundle, "# the inner one")


def test_two_lambdas_on_one_line_are_told_apart():
    one, two = (lambda job: job + 1), (lambda job: job + 2)
    assert load(capture(one))(1) == 2
    assert load(capture(two))(1) == 3
    # fmt: off
    outer = lambda job: (lambda other: other * 10)(job)  # noqa: E731, PLC3002, PLW0108 - it is lambdas that are tried
    assert load(capture(outer))(2) == 20
    inner = (lambda job: lambda other: other * 10)(1)  # noqa: PLC3002 - likewise
    assert load(capture(inner))(3) == 30


def test_a_lambda_over_several_lines():
    def give(function):
        return function

    bundle = capture(
        give(
            lambda job: (
                job["a"] + job["b"]  # second
            )
        )
    )
    assert load(bundle)({"a": 1, "b": 2}) == 3
    assert "# second" in line_in_file(bundle, "# second")


def test_comments_further_left_and_continued_lines_survive():
    def crooked(job):
        total = [1, 2]
        # a comment at the margin
        return sum(total) + job

    assert load(capture(crooked))(1) == 4


def test_a_capture_does_not_ask_for_deprecated_members(monkeypatch):
    def warn(name):  # as Python 3.15 does for ByteString, and any later one for others
        raise AssertionError(f"asked for {name}")

    if "ByteString" in vars(collections.abc):  # else asking for it warns already
        monkeypatch.delattr(collections.abc, "ByteString")
    monkeypatch.setattr(collections.abc, "__getattr__", warn, raising=False)

    async def execute(job):
        return dt.fromisoformat("2030-01-01")

    assert "from datetime import datetime as dt" in capture(execute).source


def test_imports_above_travel_along():
    async def execute(job):
        data = defaultdict(list)
        return (
            j.dumps(job),
            json.loads("1"),
            dt.fromisoformat("2030-01-01"),
            pi,
            math.e,
            data,
            urllib.parse.quote("a b"),
        )

    bundle = capture(execute)
    head = bundle.source.partition("async def")[0].splitlines()
    assert head == [
        "from collections import defaultdict",
        "from datetime import datetime as dt",
        "from math import pi",
        "import json",
        "import json as j",
        "import math",
        "import urllib.parse",
    ]
    assert "async def execute" in line_in_file(bundle, "async def execute")
    verify(bundle)


def test_the_kits_own_names_travel_under_any_alias():
    from luajobs_kit import Data, NotFound
    from luajobs_kit import User as Person

    async def execute(job):
        try:
            await Data.search("tickets", "1")
        except NotFound:
            return await Person.get("user_1")

    head = capture(execute).source.partition("async def")[0].splitlines()
    assert head == [
        "from luajobs_kit import Data",
        "from luajobs_kit import NotFound",
        "from luajobs_kit import User as Person",
    ]


def test_the_kits_names_need_no_import():
    async def execute(job):
        return await Products.get(1, 100)  # noqa: F821 - that is what is tried

    assert capture(execute).source.startswith("from luajobs_kit import Products\n")


def test_annotations_do_not_matter():
    from luajobs_kit import JobInstance

    async def execute(job: JobInstance, extra: Path | None = None) -> Bundle:
        found: Path = 1
        other: Path  # noqa: F842 - an annotation alone
        return found

    assert capture(execute).source.startswith("async def execute(job: JobInstance")


def test_names_made_inside_are_its_own():
    async def execute(job):
        class Row:
            width = 3
            double = width * 2

        def fill(rows):
            return [row for row in rows if row]

        with_walrus = (found := len(fill([1])))
        match job:
            case {"name": name, **rest}:
                return name, rest, found, with_walrus, Row.double
        try:
            raise ValueError  # noqa: TRY301 - what it names is what is tried
        except ValueError as error:
            return str(error), __name__

    assert load(capture(execute))


def test_a_function_may_call_itself():
    def countdown(job):
        return 0 if job == 0 else countdown(job - 1)

    assert load(capture(countdown))(3) == 0
    with pytest.raises(NotSelfContained, match="or define it inside the lambda"):
        capture(lambda job: countdown(job))  # noqa: PLW0108 - likewise


def test_source_text_may_be_indented_and_brings_its_own_helpers():
    bundle = capture(
        """
        import json
        LIMIT = 3

        def helper(value):
            return json.dumps(value)

        async def execute(job):
            await Data.create("notes", {"text": helper(LIMIT)})
        """
    )
    assert bundle.entry == "execute"
    assert bundle.first_line == 0  # one import line was put before it
    assert bundle.source.splitlines()[0] == "from luajobs_kit import Data"
    verify(bundle)
    assert load(capture("\n\nlambda job: job + 1"))(1) == 2


def test_future_imports_give_way_to_the_lines_put_ahead():
    bundle = capture(
        '"""Docs."""\nfrom __future__ import (\n    annotations,\n)\n\n'
        "async def execute(job):\n    return await Data.get('notes')  # line 7\n"
    )
    verify(bundle)
    number = 1 + next(i for i, line in enumerate(bundle.source.splitlines()) if "# line 7" in line)
    assert number + bundle.first_line - 1 == 7


def test_a_file_with_a_byte_order_mark_reads_as_without_it(tmp_path):
    path = tmp_path / "job.py"
    path.write_text("def execute(job):\n    return 1\n", encoding="utf-8-sig")
    assert capture(path).source == "def execute(job):\n    return 1\n"
    assert capture(path.read_text(encoding="utf-8")).source == capture(path).source
    path.write_text("def execute(job):\n    return 1\n", encoding="utf-16")
    with pytest.raises(InvalidInput, match=r"job\.py is UTF-16 .*; save it as UTF-8\."):
        capture(path)


def test_a_file_is_taken_by_its_path(tmp_path):
    path = tmp_path / "job.py"
    path.write_text("async def execute(job):\n    return 1\n")
    bundle = capture(path)
    assert (bundle.file, bundle.first_line) == (str(path), 1)


def test_a_bundle_from_elsewhere_is_checked_again():
    with pytest.raises(NotSelfContained, match=r"\(line 11\)"):
        verify(Bundle(source="def f(job):\n    return secret", entry="f", first_line=10))
    with pytest.raises(InvalidInput, match="no function named"):
        verify(Bundle(source="def f(job):\n    return 1", entry="g"))


@pytest.mark.parametrize("module", ["textwrap", "html.parser", "heapq", "pprint"])
def test_what_is_cut_out_compiles_to_the_same_code(module):
    import importlib
    import inspect
    from types import CodeType

    from luajobs_kit.bundle.extract_source import cut
    from luajobs_kit.bundle.locate_source import find

    def said(code: CodeType):
        texts = [constant for constant in code.co_consts if isinstance(constant, str | int)]
        return code.co_name, code.co_varnames, code.co_names, texts

    space = importlib.import_module(module)
    methods = [
        member
        for owner in [space, *vars(space).values()]
        if owner is space or (inspect.isclass(owner) and owner.__module__ == module)
        for member in vars(owner).values()
        if inspect.isfunction(member) and member.__module__ == module
    ]
    assert len(methods) > 5
    for function in methods:
        found = find(function)
        source, first_line = cut(found.node, found.lines, function.__name__)
        (code,) = [
            constant
            for constant in compile(source, module, "exec", dont_inherit=True).co_consts
            if isinstance(constant, CodeType)
        ]
        if "__class__" not in function.__code__.co_freevars and "__" not in source:
            assert said(code) == said(function.__code__), function.__qualname__
        decorators = len(found.node.decorator_list)
        assert code.co_firstlineno + first_line - 1 >= function.__code__.co_firstlineno + decorators


def test_imports_that_only_type_checkers_read_are_no_concern():
    def execute(job):
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            import numpy as np

        size: np.ndarray = 1
        return size

    assert "import numpy" in capture(execute).source
