"""``env`` and ``http`` for tools and notebooks: the names job code has, on this side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.errors import LuaJobsError, NotFound
from luajobs_kit.masking import MASK
from luajobs_kit.setting_names import setting_name

if TYPE_CHECKING:
    import httpx

_MISSING: Any = object()


class Env:
    """Settings by name: ``env("KEY")``, ``env.get("KEY")``, ``env["KEY"]``, ``"KEY" in env``.

    Here they are the variables of this process's environment. Inside a job they are the
    workspace's own settings for jobs (``await ws.settings(env={"NAME": "value"})``).
    """

    __inside__ = "env"

    def __call__(self, name: str, default: Any = _MISSING, /) -> Any:
        """Return a setting. Without a default raises ``NotFound`` where there is none."""
        value = os.environ.get(setting_name(name), default)
        if value is _MISSING:
            raise NotFound(
                f"The environment has no {name!r}; set it before Python starts, or pass a default: "
                f"env({name!r}, default)."
            )
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` where there is none."""
        return self(name, default)

    def __getitem__(self, name: str) -> Any:
        return self(name)

    def __contains__(self, name: str) -> bool:
        return self(name, None) is not None


env = Env()


class EnvValues(dict[str, str]):
    """The values that ``env`` answers in jobs, by name; only names are shown, for values are secret."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, MASK))


class Response:
    """An answer from the web, with the same names as inside a job."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    status_code = status

    @property
    def ok(self) -> bool:
        return not self._answer.is_error

    @property
    def headers(self) -> dict[str, str]:
        """The headers, their names in lower case."""
        return {name.lower(): value for name, value in self._answer.headers.items()}

    @property
    def text(self) -> str:
        return self._answer.text

    def json(self) -> Any:
        """Return the body read as JSON."""
        return self._answer.json()

    def raise_for_status(self) -> Response:
        """Raise for an answer of 400 and above; return the response otherwise."""
        if not self.ok:
            raise LuaJobsError(f"the server answered {self.status}: {self.text[:200]}")
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


@awaited_as("http")
class Http:
    """Requests of tools and notebooks. Inside a job the engine sends them, to allowed hosts only."""

    __inside__ = "http"

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """Send a request: ``params= headers= json= data= timeout=`` (seconds)."""
        import httpx  # noqa: PLC0415 - httpx is slow to import, and few notebooks use it

        async with httpx.AsyncClient(follow_redirects=True) as client:
            return Response(await client.request(method, url, **{"timeout": 30.0, **options}))

    async def get(self, url: str, **options: Any) -> Response:
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> Response:
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response:
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response:
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response:
        return await self.request("DELETE", url, **options)


http = Http()
