"""The workspace's settings: their names, their bounds, their defaults."""

from __future__ import annotations

import getpass
import re
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, ValidationError

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import DEFAULT_AGENT, Document
from luajobs_kit.store import Definitions, Set

SHORTEST_SECRET: Final = 6  # characters; masking shorter ones would hide ordinary words


def _login() -> str:
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        login = "me"
    return "user_" + re.sub(r"[^a-z0-9]+", "_", login.lower()).strip("_")


class SettingValues(Document):
    """Every setting with its default. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid")

    agent_id: str = DEFAULT_AGENT
    default_user: str = Field(default_factory=_login)
    timeout_ceiling: Annotated[float, Field(ge=1, le=86_400)] = 600  # seconds; Lua's bound
    max_concurrent: Annotated[int, Field(ge=1, le=256)] = 8  # runs at once
    memory_limit: Annotated[int, Field(ge=64 * 2**20)] = 512 * 2**20  # bytes a run
    env: dict[str, str] = Field(default_factory=dict)
    """What ``env(NAME)`` answers inside jobs; values are masked in logs."""
    http_hosts: list[str] = Field(default_factory=list)
    """Hosts that ``http`` may reach from jobs; ``*.example.org`` covers what is below it."""
    http_private: bool = False  # whether those may be private addresses
    keep_executions: Annotated[int, Field(ge=1)] = 1_000  # a job
    keep_days: Annotated[float, Field(gt=0)] | None = None
    keep_bytes: Annotated[int, Field(ge=2**20)] = 2**30


class Settings:
    """The settings as kept among the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self.read()

    @property
    def secrets(self) -> list[str]:
        """What is masked in logs and errors: the values of ``env``, the longest first."""
        values = {value for value in self.values.env.values() if len(value) >= SHORTEST_SECRET}
        return sorted(values, key=len, reverse=True)

    def read(self) -> None:
        """Take the values as the definitions have them now."""
        self.values = SettingValues.model_validate(self._definitions.settings())

    async def change(self, changes: dict[str, Any]) -> None:
        """Merge ``changes``; None removes a setting. Raises ``InvalidInput`` and changes nothing."""
        kept = self._definitions.settings() | changes
        try:
            values = SettingValues.model_validate({k: v for k, v in kept.items() if v is not None})
        except ValidationError as problem:
            first = problem.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                known = ", ".join(SettingValues.model_fields)
                says = f"There is no setting {name!r}; there are {known}."
            else:
                says = f"The setting {name} cannot be {first['input']!r}: {first['msg']}."
            raise InvalidInput(says, field=name) from None
        await self._definitions.commit(*(Set(name, value) for name, value in changes.items()))
        self.values = values
