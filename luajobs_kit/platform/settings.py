"""The workspace's settings: their names, their bounds, their defaults."""

from __future__ import annotations

import getpass
import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.masking import MASK, Mask
from luajobs_kit.model import DEFAULT_AGENT, Document, Reach
from luajobs_kit.name_rules import unseen_character
from luajobs_kit.platform.setting_changes import whole
from luajobs_kit.store import Definitions, Set


def _seen(name: str) -> str:
    if (unseen := unseen_character(name)) is not None:
        raise ValueError(f"a name has no character that is not seen (U+{ord(unseen):04X})")
    return name


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_seen)]


def _no_mask(value: str) -> str:
    if value == MASK:
        raise ValueError(f"{MASK} is what is shown in place of a value; give the value itself")
    return value


# A key file fits, a data set does not.
EnvValue = Annotated[str, Field(max_length=10_000), AfterValidator(_no_mask)]
Host = Annotated[str, Field(min_length=1, max_length=253)]

MOST_CONCURRENT: Final = 256  # runs at once, at most, whatever is set
MOST_BYTES: Final = 2**50
MOST_SECRETS: Final = 1_000  # that are masked, those that are no value any more included


def _login() -> str:
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        login = "me"
    return "user_" + re.sub(r"[^a-z0-9]+", "_", login.lower()).strip("_")


class SettingValues(Document):
    """Every setting with its default. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    agent_id: Id = DEFAULT_AGENT
    default_user: Id = Field(default_factory=_login)
    timeout_ceiling: Annotated[float, Field(ge=1, le=86_400)] = 600  # seconds; Lua's bound
    max_concurrent: Annotated[int, Field(ge=1, le=MOST_CONCURRENT)] = 8  # runs at once
    memory_limit: Annotated[int, Field(ge=64 * 2**20, le=2**40)] = 512 * 2**20  # bytes a run
    users_reach: Reach | None = None
    """Which users runs reach: ``own``, the job's alone; ``any``, as in Lua. None: by who made the job."""
    env: dict[Id, EnvValue] = Field(default_factory=dict, max_length=200)
    """What ``env(NAME)`` answers inside jobs; values are masked in logs."""
    http_hosts: list[Host] = Field(default_factory=list, max_length=1_000)
    """Hosts that ``http`` may reach from jobs; ``*.example.org`` covers what is below it."""
    http_private: bool = False  # whether those may be private addresses
    keep_executions: Annotated[int, Field(ge=1, le=10**9)] = 1_000  # a job
    keep_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    keep_bytes: Annotated[int, Field(ge=2**20, le=MOST_BYTES)] = 2**30  # of history
    data_bytes: Annotated[int, Field(ge=0, le=MOST_BYTES)] = 2**30
    """What jobs may fill with data and products beside it; their owner may fill the disk."""


class Settings:
    """The settings as kept among the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._secrets: dict[str, None] = {}
        """What was a value of ``env`` in this engine's life: a run keeps what it was given."""
        self._mask = Mask()
        self.read()

    def given(self, names: list[str] | None) -> dict[str, str]:
        """Return what ``env`` answers in a job that is given these ``names`` (None: all)."""
        env = self.values.env
        return env if names is None else {name: env[name] for name in names if name in env}

    def masked(self, text: str, cut_at: int | None = None) -> str:
        """Return ``text`` without the secrets, those of values that were changed meanwhile too.

        Texts are cut at ``cut_at`` characters: in one as long as that, the beginning of a secret
        at its end is masked, too.
        """
        return self._mask(text, is_cut=len(text) == cut_at)

    def read(self) -> None:
        """Take the values as the definitions have them now; what damage made of one is left out."""
        self._take(SettingValues.model_validate(self._usable()))

    def _take(self, values: SettingValues) -> None:
        self.values = values
        self._secrets = dict.fromkeys([*values.env.values(), *self._secrets])
        self._secrets = dict.fromkeys(list(self._secrets)[:MOST_SECRETS])  # the newest
        self._mask = Mask(self._secrets)

    def _usable(self) -> dict[str, Any]:
        kept = self._definitions.settings()
        try:
            SettingValues.model_validate(kept)
        except ValidationError as problem:
            for error in problem.errors():
                name = str(error["loc"][0])
                if kept.pop(name, None) is not None:
                    self._definitions.report(f"lost: setting {name} cannot be used: {error['msg']}")
        return kept

    async def change(self, changes: dict[str, Any]) -> None:
        """Merge ``changes``; None removes a setting. Raises ``InvalidInput`` and changes nothing.

        ``NAME+``, ``NAME-`` and ``env.NAME`` change an item: see ``setting_changes``.
        """
        changes = whole(changes, self.values.model_dump(mode="json"))
        values = self.check(changes)
        await self._definitions.commit(*(Set(name, value) for name, value in changes.items()))
        self._take(values)

    def check(self, changes: dict[str, Any]) -> SettingValues:
        """Return the values as they would be with ``changes``. Raises ``InvalidInput``."""
        kept = self._usable() | changes
        try:
            return SettingValues.model_validate({k: v for k, v in kept.items() if v is not None})
        except ValidationError as problem:
            first = problem.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                known = ", ".join(SettingValues.model_fields)
                says = f"There is no setting {name!r}; there are {known}."
            else:
                # What env holds is secret, even where it is wrong.
                given = "what was given" if name.startswith("env") else shortened(first["input"])
                says = f"The setting {name} cannot be {given}: {first['msg']}."
            raise InvalidInput(says, field=name) from None
