"""``env``, ``http`` and ``tools``: settings, the web and the owner's tools, through the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.errors import LuaJobsError, NotAllowed, NotFound
from luajobs_kit.guest.api.records import wrap
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.setting_names import setting_name

_MISSING: Any = object()
_FIRST_ERROR = 400  # the first HTTP status that is an error


class Env(HostMade):
    """Settings that the workspace gives to jobs: ``env("KEY")``, ``env.get("KEY")``, ``env["KEY"]``."""

    __slots__ = ()

    def __call__(self, name: str, default: Any = _MISSING, /) -> Any:
        """Return a setting.

        Without a default raises ``NotFound``, and ``NotAllowed`` where the job is given others only.
        """
        settings = current().context.get("env") or {}
        given = current().context.get("env_given")
        name = setting_name(name)
        if name in settings:
            return settings[name]
        if default is not _MISSING:
            return default
        if given is not None and name not in given:
            raise NotAllowed(
                f"this job was not given the setting {name!r}; where it is created, write "
                f"env={[*given, name]!r}, or pass a default here: env(name, default)"
            )
        raise NotFound(
            f"no setting {name!r} is given to jobs here; the workspace's owner sets it: "
            f"luajobs settings env.{name}= , or pass a default: env({name!r}, default)"
        )

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` where there is none."""
        return self(name, default)

    def __getitem__(self, name: str) -> Any:
        return self(name)

    def __contains__(self, name: str) -> bool:
        return self(name, None) is not None


class Response(HostMade):
    """An answer from the web."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, answer: dict[str, Any]) -> None:
        self._status = int(answer["status"])
        self._headers = {str(k).lower(): str(v) for k, v in (answer.get("headers") or {}).items()}
        self._body = answer.get("body")

    @property
    def status(self) -> int:
        return self._status

    status_code = status

    @property
    def ok(self) -> bool:
        return self._status < _FIRST_ERROR

    @property
    def headers(self) -> dict[str, str]:
        """The headers, their names in lower case."""
        return dict(self._headers)

    @property
    def text(self) -> str:
        return "" if self._body is None else str(self._body)

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)

    def raise_for_status(self) -> Response:
        """Raise for an answer of 400 and above; return the response otherwise."""
        if not self.ok:
            raise LuaJobsError(f"the server answered {self._status}: {self.text[:200]}")
        return self

    def __repr__(self) -> str:
        return f"<Response {self._status}>"


async def _request(
    method: str,
    url: str,
    *,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    json: Any = _MISSING,
    data: Any = None,
    timeout: float = 30.0,  # noqa: ASYNC109  # seconds, kept by the engine
) -> Response:
    sent = dict(headers or {})
    body = data
    if json is not _MISSING:
        body = _dumps(json)
        sent.setdefault("Content-Type", "application/json")
    elif isinstance(data, dict):
        body = urlencode(data)
        sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
    arguments = {"method": method, "url": url, "headers": sent, "timeout": timeout}
    if params:
        arguments["params"] = params
    if body is not None:
        arguments["body"] = body
    return make(Response, await current().call("http.request", arguments))


_dumps = json.dumps


class Http(HostMade):
    """Requests the engine sends, to hosts the workspace allows."""

    __slots__ = ()

    @staticmethod
    async def request(method: str, url: str, **options: Any) -> Response:
        """Send a request: ``params= headers= json= data= timeout=`` (seconds)."""
        return await _request(method.upper(), url, **options)

    @staticmethod
    async def get(url: str, **options: Any) -> Response:
        return await _request("GET", url, **options)

    @staticmethod
    async def post(url: str, **options: Any) -> Response:
        return await _request("POST", url, **options)

    @staticmethod
    async def put(url: str, **options: Any) -> Response:
        return await _request("PUT", url, **options)

    @staticmethod
    async def patch(url: str, **options: Any) -> Response:
        return await _request("PATCH", url, **options)

    @staticmethod
    async def delete(url: str, **options: Any) -> Response:
        return await _request("DELETE", url, **options)


class Tools(HostMade):
    """``await tools.NAME(**arguments)``: functions the workspace's owner offers to jobs."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def tool(*positional: Any, **arguments: Any) -> Any:
            if positional:
                raise TypeError(f"tools.{name} takes its arguments by name: tools.{name}(key=…)")
            given = {"name": name, "arguments": pack(arguments)}
            return wrap(unpack(await current().call("tool.call", given)))

        tool.__name__ = tool.__qualname__ = name
        return tool
