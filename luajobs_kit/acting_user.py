"""The acting user of the current task: for whom it asks, whom it reaches, whether it only watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from luajobs_kit.errors import InvalidInput
from luajobs_kit.name_rules import unseen_character

Reach = Literal["own", "any"]
"""Which users the task reaches: its own, or any."""

_acting: ContextVar[str | None] = ContextVar("luajobs_acting_user", default=None)
_reach: ContextVar[Reach | None] = ContextVar("luajobs_reach", default=None)
_watching: ContextVar[bool] = ContextVar("luajobs_watching", default=False)


def acting_user() -> str | None:
    """Return the id of the acting user, or None for the workspace's default user."""
    return _acting.get()


def _shown(user: object) -> str:
    return ascii(user) if isinstance(user, str) else f"a value of type {type(user).__name__}"


@contextmanager
def acting_as(user: str | None) -> Iterator[None]:
    """Make ``user`` the acting user inside the block.

    Jobs created inside belong to that user, as if a tool had been called by them::

        with acting_as("user_alice"):
            await Jobs.create(...)

    None is the workspace's default user. Raises ``InvalidInput`` for what is no user's id.
    """
    if user is not None and (
        not isinstance(user, str) or not user.strip() or unseen_character(user) is not None
    ):
        raise InvalidInput(
            f"acting_as takes a user's id, such as 'user_alice', not {_shown(user)}; "
            "None is the workspace's default user.",
            field="user",
        )
    token = _acting.set(user)
    try:
        yield
    finally:
        _acting.reset(token)


def acting_reach() -> Reach:
    """Return which users a job that is made now may reach: its own, or any.

    Where nothing else is said (``reaching``) that is any for the workspace's own person, and
    its own for a job that is made in somebody's name.
    """
    return _reach.get() or ("any" if _acting.get() is None else "own")


@contextmanager
def reaching(reach: Reach | None) -> Iterator[None]:
    """Say inside the block which users the jobs made there reach, whoever acts.

    A tool call says ``own``, also where the default user calls; the engine says what the run
    reaches that asks. None leaves it to who acts.
    """
    token = _reach.set(reach)
    try:
        yield
    finally:
        _reach.reset(token)


def is_watching() -> bool:
    """Return whether the current task only watches."""
    return _watching.get()


@contextmanager
def watching() -> Iterator[None]:
    """Let what is asked inside the block not start an engine that was stopped.

    A panel's heartbeat and its stream ask by themselves; only what a person asks for starts
    the engine again. One that died is started by either.
    """
    token = _watching.set(True)
    try:
        yield
    finally:
        _watching.reset(token)
