"""``ws.settings``: a workspace's settings, asked for and changed, whole or by item."""

from __future__ import annotations

from typing import Any

from luajobs_kit.api._session import Bound
from luajobs_kit.api._unawaited import Unawaited, awaited_as
from luajobs_kit.api.env_and_http import EnvValues
from luajobs_kit.port import Port


@awaited_as("ws.settings")
class WorkspaceSettings(Bound):
    """The workspace's settings: ``await ws.settings()``, ``await ws.settings(max_concurrent=4)``.

    ``allow_host``, ``forbid_host``, ``set_env`` and ``unset_env`` change what they name and nothing else.
    """

    def __call__(self, **changes: Any) -> Unawaited:
        """Change the settings given (None removes one) and return them all, when it is awaited.

        The values of ``env`` can be read from the answer, and are not shown where it is. Raises
        ``InvalidInput`` for a name or value that no setting has.
        """
        return Unawaited("ws.settings", self._change(changes))

    async def allow_host(self, *hosts: str) -> dict[str, Any]:
        """Let jobs reach these hosts by ``http``; ``*.example.org`` is what is below it.

        Raises ``InvalidInput`` for a host that no address can match.
        """
        return await self._change({"http_hosts+": list(hosts)})

    async def forbid_host(self, *hosts: str) -> dict[str, Any]:
        """Let jobs reach these hosts no more. Raises ``InvalidInput`` for one that they may not reach."""
        return await self._change({"http_hosts-": list(hosts)})

    async def set_env(self, **values: str) -> dict[str, Any]:
        """Set what ``env(NAME)`` answers inside jobs; the other names stay as they are."""
        return await self._change({f"env.{name}": value for name, value in values.items()})

    async def unset_env(self, *names: str) -> dict[str, Any]:
        """Remove names from what ``env`` answers. Raises ``InvalidInput`` for one that is not set."""
        return await self._change({f"env.{name}": None for name in names})

    async def _change(self, changes: dict[str, Any]) -> dict[str, Any]:
        values = await self._session.ask(Port.settings, changes or None)
        return values | {"env": EnvValues(values["env"])}
