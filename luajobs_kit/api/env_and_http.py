"""``env`` and ``http`` for tools and notebooks: the names job code has, on this side."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.bytes_in_json import unpack
from luajobs_kit.errors import ConnectFailed, HttpError, NotFound, TimedOut
from luajobs_kit.masking import MASK
from luajobs_kit.setting_names import setting_name
from luajobs_kit.web_messages import (
    FIRST_ERROR,
    TIMEOUT,
    Headers,
    body_of,
    check_seconds,
    content_of,
    read_request,
    read_text,
    refuse_error,
    text_of_body,
)

_MISSING: Any = object()


class Env:
    """Settings by name: ``env("KEY")``, ``env.get("KEY")``, ``env["KEY"]``, ``"KEY" in env``.

    Here they are the variables of this process's environment. Inside a job they are the
    workspace's own settings for jobs (``await ws.settings.set_env(NAME="value")``).
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

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    @property
    def status_code(self) -> int:
        return int(self._answer["status"])

    status = status_code

    @property
    def ok(self) -> bool:
        return self.status_code < FIRST_ERROR

    @property
    def url(self) -> str:
        """The address that answered, after redirects."""
        return str(self._answer["url"])

    @property
    def headers(self) -> Headers:
        """The headers, found by any spelling of their names."""
        return Headers(self._answer["headers"])

    @property
    def text(self) -> str:
        return text_of_body(self._answer)

    @property
    def content(self) -> bytes:
        """The body as bytes, unpacked."""
        return content_of(self._answer)

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)

    def raise_for_status(self) -> Response:
        """Raise ``HttpError`` for an answer of 400 and above; return the response otherwise."""
        refuse_error(self, self._answer)
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status_code}>"


@awaited_as("http")
class Http:
    """Requests of tools and notebooks. Inside a job the engine sends them, to allowed hosts only.

    Options: ``params headers json data content files auth timeout follow_redirects``.
    """

    __inside__ = "http"

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """Send a request.

        Raises ``HttpError``: ``ConnectFailed``, ``TimedOut``; ``InvalidInput`` for what cannot be
        sent.
        """
        return await _sent(method.upper(), url, options)

    async def get(self, url: str, **options: Any) -> Response:
        return await _sent("GET", url, options)

    async def head(self, url: str, **options: Any) -> Response:
        return await _sent("HEAD", url, options)

    async def post(self, url: str, **options: Any) -> Response:
        return await _sent("POST", url, options)

    async def put(self, url: str, **options: Any) -> Response:
        return await _sent("PUT", url, options)

    async def patch(self, url: str, **options: Any) -> Response:
        return await _sent("PATCH", url, options)

    async def delete(self, url: str, **options: Any) -> Response:
        return await _sent("DELETE", url, options)


async def _sent(method: str, url: str, options: dict[str, Any]) -> Response:
    import httpx  # noqa: PLC0415 - httpx is slow to import, and few notebooks use it

    asked = read_request(f"http.{method.lower()}", method, url, options)
    timeout = check_seconds(asked.get("timeout", TIMEOUT))
    async with httpx.AsyncClient(follow_redirects=asked["followRedirects"]) as client:
        try:
            async with asyncio.timeout(timeout):
                answer = await client.request(
                    method,
                    asked["url"],
                    headers=asked["headers"],
                    content=unpack(asked.get("body")),
                    timeout=None,
                )
        except TimeoutError:
            raise TimedOut(f"{url} did not answer within {timeout:g} s.") from None
        except httpx.ConnectError as problem:
            raise ConnectFailed(f"{url}: {problem}") from problem
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise HttpError(f"{url}: {type(problem).__name__}: {problem}") from problem
    return Response(
        {
            "status": answer.status_code,
            "headers": dict(answer.headers),
            "url": str(answer.url),
            **body_of(answer.content, read_text(answer.content, answer.charset_encoding)),
        }
    )


http = Http()
