"""``env``, ``http`` and ``tools``: settings, the web and the owner's tools, through the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.errors import NotAllowed, NotFound
from luajobs_kit.guest.api.records import wrap
from luajobs_kit.guest.api.spoken import settled, spoken_as
from luajobs_kit.guest.api.web_answer import WebAnswer
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.setting_names import setting_name
from luajobs_kit.web_messages import (
    FIRST_ERROR,
    read_request,
    refuse_error,
)

_MISSING: Any = object()


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
            f"luajobs settings env.{name}= (it asks for the value), or pass a default: env({name!r}, default)"
        )

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` where there is none."""
        return self(name, default)

    def __getitem__(self, name: str) -> Any:
        return self(name)

    def __contains__(self, name: str) -> bool:
        return self(name, None) is not None


@spoken_as("response")
class Response(WebAnswer):
    """An answer from the web."""

    __slots__ = ()

    @property
    def status(self) -> int:
        return self.status_code

    @property
    def ok(self) -> bool:
        return self.status_code < FIRST_ERROR

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)

    def raise_for_status(self) -> Response:
        """Raise ``HttpError`` for an answer of 400 and above; return the response otherwise."""
        refuse_error(self, self._answer)
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status_code}>"


async def _request(method: str, url: str, options: dict[str, Any]) -> Response:
    arguments = read_request(f"http.{method.lower()}", method, url, options)
    return make(Response, await current().call("http.request", arguments))


@spoken_as("http")
class Http(HostMade):
    """Requests the engine sends, to hosts the workspace allows.

    Options: ``params headers json data content files auth timeout follow_redirects``.
    """

    __slots__ = ()

    @staticmethod
    async def request(method: str, url: str, **options: Any) -> Response:
        """Send a request.

        Raises ``HttpError``: ``ConnectFailed``, ``TimedOut``, ``NotAllowed`` for a host that jobs
        may not reach; ``InvalidInput`` for what cannot be sent.
        """
        return await _request(method.upper(), url, options)

    @staticmethod
    async def get(url: str, **options: Any) -> Response:
        return await _request("GET", url, options)

    @staticmethod
    async def head(url: str, **options: Any) -> Response:
        return await _request("HEAD", url, options)

    @staticmethod
    async def post(url: str, **options: Any) -> Response:
        return await _request("POST", url, options)

    @staticmethod
    async def put(url: str, **options: Any) -> Response:
        return await _request("PUT", url, options)

    @staticmethod
    async def patch(url: str, **options: Any) -> Response:
        return await _request("PATCH", url, options)

    @staticmethod
    async def delete(url: str, **options: Any) -> Response:
        return await _request("DELETE", url, options)


class Tools(HostMade):
    """``await tools.NAME(**arguments)``: functions the workspace's owner offers to jobs."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def asked(*positional: Any, **arguments: Any) -> Any:
            if positional:
                raise TypeError(f"tools.{name} takes its arguments by name: tools.{name}(key=…)")
            given = {"name": name, "arguments": pack(arguments)}
            return wrap(unpack(await current().call("tool.call", given)))

        def tool(*positional: Any, **arguments: Any) -> Any:
            return settled(asked(*positional, **arguments))

        asked.__name__ = asked.__qualname__ = tool.__name__ = tool.__qualname__ = name
        return tool
