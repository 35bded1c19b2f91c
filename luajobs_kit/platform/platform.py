"""The platform's verbs by name: found, their arguments checked, then called."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.alias_generators import to_camel

from luajobs_kit.clock import Clock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.ids import Ids
from luajobs_kit.model import MessageSent, invalid
from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.data_and_products import Data, Products
from luajobs_kit.platform.http import Http
from luajobs_kit.platform.settings import Settings
from luajobs_kit.platform.users import Users
from luajobs_kit.store import Store


class _Verb:
    """A service's method, with a model of its keyword arguments."""

    def __init__(self, method: Callable[..., Awaitable[Any]]) -> None:
        self._method = method
        parameters = inspect.signature(method, eval_str=True).parameters.values()
        self.keyed = any(parameter.name == "key" for parameter in parameters)
        fields: dict[str, Any] = {
            parameter.name: (
                parameter.annotation,
                ... if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in parameters
            if parameter.name not in {"caller", "key"}
        }
        self._model: type[BaseModel] = create_model(
            method.__name__,
            __config__=ConfigDict(
                alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=False
            ),
            **fields,
        )

    async def __call__(
        self, name: str, arguments: dict[str, Any], caller: Caller, key: str | None
    ) -> Any:
        try:
            given = self._model.model_validate(arguments)
        except ValidationError as problem:
            raise invalid(name, problem) from None
        extra = {"key": key} if self.keyed else {}
        return await self._method(caller, **dict(given), **extra)


class Platform:
    """What job code, tools and notebooks ask for by the same verbs (``user.send``, ``data.get`` …)."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        ids: Ids,
        sent: Callable[[MessageSent], None],
    ) -> None:
        self._users = Users(store, clock, ids, sent)
        self._http = Http(settings)
        families = {
            "user": self._users,
            "data": Data(store.entries, settings),
            "products": Products(store.entries, settings),
            "http": self._http,
        }
        self._verbs = {
            f"{family}.{name.rstrip('_')}": _Verb(method)
            for family, service in families.items()
            for name, method in inspect.getmembers(service, inspect.iscoroutinefunction)
            if not name.startswith("_") and name != "ensure"
        }

    @property
    def verbs(self) -> frozenset[str]:
        """The names of all requests."""
        return frozenset(self._verbs)

    async def aclose(self) -> None:
        """Let go of what was opened to answer."""
        await self._http._aclose()  # noqa: SLF001 - a name without underscore would be a verb

    async def ensure_user(self, user_id: str) -> None:
        """Make sure the user is there: who acts for the first time is made."""
        await self._users.ensure(user_id)

    async def call(
        self, verb: str, arguments: dict[str, Any], caller: Caller, *, key: str | None = None
    ) -> Any:
        """Answer one request. Raises ``InvalidInput`` for what no verb takes."""
        found = self._verbs.get(verb)
        if found is None:
            raise InvalidInput(f"There is no request {verb!r}; there are {', '.join(self._verbs)}.")
        return await found(verb, arguments, caller, key)
