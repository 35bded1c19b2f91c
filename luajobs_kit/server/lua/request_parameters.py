"""Parameters that Lua's routes share: the agent that is meant, and numbers in a query."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput, NotFound
from luajobs_kit.field_changes import FieldChanges, read_changes
from luajobs_kit.port import Port


async def check_agent(port: Port, request: Request) -> str:
    """Return the agent's id. Raises ``NotFound`` when the path names another agent."""
    ours = (await port.status()).agent_id
    asked = request.path_params["agent"]
    if asked != ours:
        raise NotFound(
            f"This workspace's agent is {ours!r}, not {asked!r}. `luajobs lua-env` writes a "
            "lua.skill.yaml with the right one.",
            agent_id=ours,
        )
    return ours


def check_keys(body: dict[str, Any], known: Collection[str], what: str) -> None:
    """Raise ``InvalidInput`` for a key that nothing reads: it would be lost without a word."""
    for key in body:
        if key not in known:
            raise InvalidInput(
                f"{what} has no {key[:60]!r};{did_you_mean(key, known)} it takes {', '.join(known)}.",
                field=key[:60],
            )


def read_patch(body: dict[str, Any], *known: str) -> FieldChanges:
    """Return the changes in the body of a patch. Raises ``InvalidInput``."""
    check_keys(body, known, "A patch")
    return read_changes(body)


def number(request: Request, name: str, default: int) -> int:
    """Return a whole number of the query. Raises ``InvalidInput``."""
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise InvalidInput(f"{name}={given[:40]!r} is not a whole number.", field=name)
    return int(given)


def fraction(request: Request, name: str, default: float) -> float:
    """Return a number from 0 to 1 of the query. Raises ``InvalidInput``."""
    given = request.query_params.get(name)
    try:
        found = default if given is None else float(given)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise InvalidInput(f"{name}={str(given)[:40]!r} is not a number from 0 to 1.", field=name)
    return found


def criteria(request: Request) -> dict[str, Any] | None:
    """Return the query's ``filter``. Raises ``InvalidInput`` when it is not a JSON object."""
    given = request.query_params.get("filter")
    if not given:
        return None
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(
            'filter must be a JSON object such as {"price": {"$lt": 10}}.', field="filter"
        )
    return found


def pages(pagination: dict[str, Any]) -> dict[str, Any]:
    """Return Lua's pagination with the two fields it has even where there is no such page."""
    return {"nextPage": None, "prevPage": None} | pagination
