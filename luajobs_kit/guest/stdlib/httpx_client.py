"""``httpx`` as job code has it: the engine sends each request; a ``Client`` waits, an ``AsyncClient`` awaits."""

from __future__ import annotations

import json
from typing import Any, Final, Self

from luajobs_kit.errors import ConnectFailed, HttpError, InvalidInput, TimedOut
from luajobs_kit.guest.api.web_answer import WebAnswer
from luajobs_kit.guest.guards.sealed import Frozen, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.web_messages import (
    FIRST_ERROR,
    phrase_of,
    read_request,
    refuse_error,
)

HTTPError = RequestError = TransportError = HttpError
ConnectError = NetworkError = ConnectFailed
TimeoutException = ConnectTimeout = ReadTimeout = WriteTimeout = PoolTimeout = TimedOut
TooManyRedirects = HttpError
InvalidURL = UnsupportedProtocol = InvalidInput

DEFAULT_TIMEOUT: Final = 5.0  # seconds, the library's own
_FIRST_REDIRECT: Final = 300
_MISSING: Any = object()


class HTTPStatusError(HttpError):
    """An answer of 400 and above, by ``raise_for_status``; ``response`` is the answer."""

    code = "http_status_error"


class Timeout(Frozen):
    """Seconds that a request may take: the longest of those given."""

    __slots__ = ("seconds",)

    def __init__(self, timeout: Any = None, **parts: Any) -> None:
        given = [each for each in (timeout, *parts.values()) if each is not None]
        self.seconds = max(given) if given else None


class Response(WebAnswer):
    """An answer from the web."""

    __slots__ = ()

    @property
    def reason_phrase(self) -> str:
        return phrase_of(self.status_code)

    @property
    def is_success(self) -> bool:
        return self.status_code < _FIRST_REDIRECT

    @property
    def is_error(self) -> bool:
        return self.status_code >= FIRST_ERROR

    @property
    def is_redirect(self) -> bool:
        return _FIRST_REDIRECT <= self.status_code < FIRST_ERROR

    def json(self, **options: Any) -> Any:
        return json.loads(self.text, **options)

    def read(self) -> bytes:
        return self.content

    def raise_for_status(self) -> Response:
        """Raise ``HTTPStatusError`` for an answer of 400 and above; return the response otherwise."""
        refuse_error(self, self._answer, HTTPStatusError)
        return self

    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {phrase_of(self.status_code)}]>"


def _arguments(
    method: Any, url: Any, options: dict[str, Any], client: Any = None
) -> dict[str, Any]:
    given = dict(options)
    cookies = given.pop("cookies", None) or {}
    headers = dict(given.get("headers") or {})
    timeout = given.pop("timeout", _MISSING)
    follow = given.pop("follow_redirects", None)
    if client is not None:
        url = _joined(client.base_url, url)
        headers = {**client.headers, **headers}
        cookies = {**client.cookies, **cookies}
        given["params"] = [*_pairs(client.params), *_pairs(given.get("params"))]
        given["auth"] = given.get("auth") or client.auth
        timeout = client.timeout if timeout is _MISSING else timeout
        follow = client.follow_redirects if follow is None else follow
    timeout = DEFAULT_TIMEOUT if timeout is _MISSING else timeout
    given["timeout"] = timeout.seconds if type(timeout) is Timeout else timeout
    given["follow_redirects"] = bool(follow)
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={cookies[name]}" for name in cookies)
    given["headers"] = headers
    method = str(method).upper()
    return read_request(f"httpx.{method.lower()}", method, url, given)


def _pairs(params: Any) -> list[Any]:
    return list(params.items()) if isinstance(params, dict) else list(params or ())


def _joined(base: str, url: Any) -> Any:
    if not base or not isinstance(url, str) or "://" in url:
        return url
    return f"{base.rstrip('/')}/{url.lstrip('/')}"


def _send(method: Any, url: Any, options: dict[str, Any], client: Any = None) -> Response:
    arguments = _arguments(method, url, options, client)
    return make(Response, current().ask("http.request", arguments))


async def _awaited(method: Any, url: Any, options: dict[str, Any], client: Any) -> Response:
    arguments = _arguments(method, url, options, client)
    return make(Response, await current().call("http.request", arguments))


def request(method: str, url: str, **options: Any) -> Response:
    return _send(method, url, options)


def get(url: str, **options: Any) -> Response:
    return _send("GET", url, options)


def head(url: str, **options: Any) -> Response:
    return _send("HEAD", url, options)


def post(url: str, **options: Any) -> Response:
    return _send("POST", url, options)


def put(url: str, **options: Any) -> Response:
    return _send("PUT", url, options)


def patch(url: str, **options: Any) -> Response:
    return _send("PATCH", url, options)


def delete(url: str, **options: Any) -> Response:
    return _send("DELETE", url, options)


_KEPT: Final = ("auth", "base_url", "cookies", "follow_redirects", "headers", "params", "timeout")


def _begin(client: Any, options: dict[str, Any]) -> None:
    for name in options:
        if name not in _KEPT:
            raise InvalidInput(
                f"httpx.Client: {name}= cannot be given in job code; it takes {', '.join(_KEPT)}."
            )
    client.auth = options.get("auth")
    client.base_url = str(options.get("base_url") or "")
    client.cookies = dict(options.get("cookies") or {})
    client.follow_redirects = bool(options.get("follow_redirects"))
    client.headers = dict(options.get("headers") or {})
    client.params = options.get("params") or {}
    client.timeout = options.get("timeout", DEFAULT_TIMEOUT)


class Client(Frozen):
    """What every request of the client has. Each has a connection of its own; no cookie is kept."""

    __slots__ = _KEPT

    def __init__(self, **options: Any) -> None:
        _begin(self, options)

    def request(self, method: str, url: str, **options: Any) -> Response:
        return _send(method, url, options, self)

    def get(self, url: str, **options: Any) -> Response:
        return _send("GET", url, options, self)

    def head(self, url: str, **options: Any) -> Response:
        return _send("HEAD", url, options, self)

    def post(self, url: str, **options: Any) -> Response:
        return _send("POST", url, options, self)

    def put(self, url: str, **options: Any) -> Response:
        return _send("PUT", url, options, self)

    def patch(self, url: str, **options: Any) -> Response:
        return _send("PATCH", url, options, self)

    def delete(self, url: str, **options: Any) -> Response:
        return _send("DELETE", url, options, self)

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class AsyncClient(Frozen):
    """As ``Client``, with calls that are awaited."""

    __slots__ = _KEPT

    def __init__(self, **options: Any) -> None:
        _begin(self, options)

    async def request(self, method: str, url: str, **options: Any) -> Response:
        return await _awaited(method, url, options, self)

    async def get(self, url: str, **options: Any) -> Response:
        return await _awaited("GET", url, options, self)

    async def head(self, url: str, **options: Any) -> Response:
        return await _awaited("HEAD", url, options, self)

    async def post(self, url: str, **options: Any) -> Response:
        return await _awaited("POST", url, options, self)

    async def put(self, url: str, **options: Any) -> Response:
        return await _awaited("PUT", url, options, self)

    async def patch(self, url: str, **options: Any) -> Response:
        return await _awaited("PATCH", url, options, self)

    async def delete(self, url: str, **options: Any) -> Response:
        return await _awaited("DELETE", url, options, self)

    async def aclose(self) -> None:
        """Do nothing: no connection is kept."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass
