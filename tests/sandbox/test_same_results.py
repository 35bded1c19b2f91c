"""Generated programs give under the policy what they give without it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from unwalled_run import run_here, unrestricted

NAMES = ("a", "b", "_c", "d")
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^")

numbers = st.integers(-20, 20).map(str)
names = st.sampled_from(NAMES)


def expressions() -> st.SearchStrategy[str]:
    simple = (
        numbers | names | st.sampled_from(["o.n", "o._m", "items[0]", "table['k']", "len(items)"])
    )
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(OPERATORS), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
            st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
            inner.map(lambda e: f"sum([i + {e} for i, _ in enumerate('xyz') if i])"),
            inner.map(lambda e: f"(lambda v, *r, k=2: v * k)({e}, 1)"),
            inner.map(lambda e: f"o.add({e})"),
            inner.map(lambda e: f"[{e}, *items][-1]"),
            inner.map(lambda e: f"int('{{:d}}'.format({e}))"),
            inner.map(lambda e: f"(w := {e})"),
        ),
        max_leaves=6,
    )


def assignments() -> st.SearchStrategy[str]:
    targets = st.sampled_from([*NAMES, "o.n", "o._m", "items[0]", "table['k']"])
    return st.one_of(
        st.tuples(targets, expressions()).map(lambda t: f"{t[0]} = {t[1]}"),
        st.tuples(targets, st.sampled_from(OPERATORS), expressions()).map(
            lambda t: f"{t[0]} {t[1]}= {t[2]}"
        ),
        st.tuples(names, expressions(), expressions()).map(
            lambda t: f"{t[0]}, o.n = {t[1]}, {t[2]}"
        ),
        st.tuples(names, expressions()).map(lambda t: f"{t[0]}: int = {t[1]}"),
        st.tuples(names, names, expressions()).map(lambda t: f"{t[0]} = {t[1]} = {t[2]}"),
        expressions().map(lambda e: f"items.append({e})"),
        expressions().map(lambda e: f"first, *rest = [{e}, 1, 2]; a += len(rest)"),
    )


def indented(block: list[str]) -> str:
    return "\n".join("    " + line for statement in block for line in statement.split("\n"))


def statements() -> st.SearchStrategy[str]:
    def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        body = st.lists(inner, min_size=1, max_size=3).map(indented)
        return st.one_of(
            st.tuples(expressions(), body, body).map(
                lambda t: f"if {t[0]}:\n{t[1]}\nelse:\n{t[2]}"
            ),
            st.tuples(names, body).map(lambda t: f"for {t[0]}, d in [(1, 2), (3, 4)]:\n{t[1]}"),
            body.map(lambda b: f"try:\n{b}\nexcept ZeroDivisionError as e:\n    b = len(str(e))"),
            st.tuples(expressions(), body).map(
                lambda t: (
                    f"match {t[0]} % 3:\n    case 0: a = 1\n    case 1 as m: b = m\n    case _:\n"
                    + indented([t[1]])
                )
            ),
            body.map(lambda b: f"with nullcontext((1, 2)) as (a, b):\n{b}"),
        )

    return st.recursive(assignments(), blocks, max_leaves=8)


PROGRAM = """\
from contextlib import nullcontext

class Thing:
    def __init__(self):
        self.n = 1
        self._m = 2
    def add(self, x):
        self._m += x % 7
        return self.n + self._m

def main(job):
    o, items, table = Thing(), [1, 2, 3], {{"k": 4}}
    a = b = _c = d = 1
    try:
{body}
    except (ZeroDivisionError, ValueError, OverflowError, TypeError) as e:
        return [type(e).__name__, str(e), a, b, _c, d, o.n, o._m, items, table]
    return [a, b, _c, d, o.n, o._m, items, table]
"""


@given(st.lists(statements(), min_size=1, max_size=6))
def test_a_program_gives_the_same_with_and_without_the_policy(body: list[str]) -> None:
    source = PROGRAM.format(body="\n".join("    " + line for line in indented(body).split("\n")))
    assert run_here(source) == unrestricted(source)


TEMPLATES = st.one_of(
    st.text(alphabet="ab{}:!r0123x.[]<>^", max_size=14),
    st.tuples(
        st.sampled_from(["0", "", "x", "x.n", "0[1]", "x.n"]),
        st.sampled_from(["", "!r", "!s"]),
        st.sampled_from(["", ":>6", ":<4", ":^7", ":{w}", ":06d"]),
    ).map(lambda t: "{" + "".join(t) + "}"),
)


@given(TEMPLATES)
def test_formatting_gives_the_same_with_and_without_the_policy(template: str) -> None:
    source = (
        "class X:\n    n = 5\n    def __repr__(self): return 'X'\n"
        "def main(job):\n"
        "    try:\n"
        f"        return {template!r}.format([1, 2], 3, x=X(), w=8)\n"
        "    except Exception as e:\n"
        "        return type(e).__name__\n"
    )
    assert run_here(source) == unrestricted(source)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=6),
    st.integers(0, 5),
)
def test_concurrent_programs_finish_in_the_same_order(
    workers: list[tuple[int, int]], cancelled_after: int
) -> None:
    source = (
        "import asyncio\n"
        "async def main(job):\n"
        "    log = []\n"
        "    async def work(turns, n):\n"
        "        try:\n"
        "            for _ in range(turns): await asyncio.sleep(0)\n"
        "            log.append(n)\n"
        "            return n\n"
        "        except asyncio.CancelledError:\n"
        "            log.append(-n)\n"
        "            raise\n"
        f"    tasks = [asyncio.create_task(work(t, n)) for t, n in {workers!r}]\n"
        f"    for _ in range({cancelled_after}): await asyncio.sleep(0)\n"
        "    tasks[0].cancel()\n"
        "    results = await asyncio.gather(*tasks, return_exceptions=True)\n"
        "    return [sorted(log), [type(r).__name__ for r in results]]\n"
    )
    shown: Any = run_here(source)
    assert shown == unrestricted(source)
