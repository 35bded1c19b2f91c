"""Sandboxes for the host's tests: a world without a policy, and the real one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ordinary_user import OrdinaryUser

from luajobs_kit.sandbox import Limits, Outcome, Program, Sandbox
from luajobs_kit.sandbox.walls.walls import WALLS

WORLDS = str(Path(__file__).parent / "worlds")


@pytest.fixture(autouse=True)
def _worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(WORLDS)


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[OrdinaryUser]:
    with TemporaryDirectory() as place:
        yield OrdinaryUser(Path(place))


@pytest.fixture
def plain_sandbox() -> Callable[..., Sandbox]:
    """Make a sandbox whose job code has no policy around it: only the system's walls hold it.

    Python's own wall would refuse most of what they should before they are asked.
    """

    def make(**options: Any) -> Sandbox:
        options = {"walls": set(WALLS) - {"interpreter"}} | options
        return Sandbox(world="plain_world", policy="plain_world", **options)

    return make


@pytest.fixture
async def sandbox(plain_sandbox: Callable[..., Sandbox]) -> AsyncIterator[Sandbox]:
    async with plain_sandbox() as made:
        yield made


@pytest.fixture
def run_in() -> Callable[..., Awaitable[Outcome]]:
    """Run source whose function is ``f``."""

    async def run(
        sandbox: Sandbox, source: str, *, serve: Any = None, context: Any = None, **options: Any
    ) -> Outcome:
        limits = {
            name: options.pop(name) for name in ("timeout", "memory", "cpu") if name in options
        }
        return await sandbox.run(
            Program(source, "f"),
            context=context or {},
            limits=Limits(**{"timeout": 20.0, **limits}),
            serve=serve or _echo,
            **options,
        )

    return run


async def _echo(verb: str, arguments: dict[str, Any]) -> Any:
    return [verb, arguments]
