"""``requests`` as job code has it: the engine sends each request, and the run waits for its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, Self

from luajobs_kit.errors import ConnectFailed, HttpError, InvalidInput, TimedOut
from luajobs_kit.guest.api.web_answer import WebAnswer
from luajobs_kit.guest.guards.sealed import Frozen, HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.web_messages import (
    FIRST_ERROR,
    phrase_of,
    read_request,
    refuse_error,
)

RequestException = HttpError
ConnectionError = ConnectFailed
Timeout = ConnectTimeout = ReadTimeout = TimedOut
TooManyRedirects = HttpError
InvalidURL = MissingSchema = InvalidSchema = InvalidInput
JSONDecodeError = json.JSONDecodeError


class HTTPError(HttpError):
    """An answer of 400 and above, by ``raise_for_status``; ``response`` is the answer."""

    code = "http_status"


class Response(WebAnswer):
    """An answer from the web; true where it is no error."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        return self.status_code < FIRST_ERROR

    @property
    def reason(self) -> str:
        return phrase_of(self.status_code)

    def json(self, **options: Any) -> Any:
        return json.loads(self.text, **options)

    def raise_for_status(self) -> None:
        """Raise ``HTTPError`` for an answer of 400 and above."""
        refuse_error(self, self._answer, HTTPError)

    def iter_lines(self, *, decode_unicode: bool = False) -> Iterator[Any]:
        lines: list[Any] = self.text.splitlines() if decode_unicode else self.content.splitlines()
        return iter(lines)

    def iter_content(self, chunk_size: int = 1) -> Iterator[bytes]:
        content = self.content
        return iter([content[at : at + chunk_size] for at in range(0, len(content), chunk_size)])

    def close(self) -> None:
        """Do nothing: the answer is here as a whole."""

    def __bool__(self) -> bool:
        return self.ok

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class Codes(HostMade):
    """Statuses by name: ``codes.ok``, ``codes.not_found``."""

    __slots__ = ()

    def __getattr__(self, name: str) -> int:
        try:
            return int(HTTPStatus[name.upper()])
        except KeyError:
            raise AttributeError(name) from None


codes = make(Codes)

_NOT_HERE: Final = {
    "verify": "the engine checks certificates",
    "cert": "the engine has no certificates of a client's",
    "proxies": "the engine asks the host itself",
    "hooks": "look at the response that is returned",
}


def _send(method: Any, url: Any, options: dict[str, Any], session: Any = None) -> Response:
    given = dict(options)
    for name, instead in _NOT_HERE.items():
        if given.pop(name, None) not in (None, True):
            raise InvalidInput(f"requests: {name}= cannot be given in job code; {instead}.")
    given.pop("stream", None)  # an answer of at most 1 MB is here as a whole
    method = str(method).upper()
    given["follow_redirects"] = given.pop("allow_redirects", method != "HEAD")
    cookies = given.pop("cookies", None) or {}
    headers = dict(given.get("headers") or {})
    if session is not None:
        headers = {**session.headers, **headers}
        cookies = {**session.cookies, **cookies}
        given["params"] = _merged(session.params, given.get("params"))
        given["auth"] = given.get("auth") or session.auth
    given["headers"] = {name: value for name, value in headers.items() if value is not None}
    if cookies:
        given["headers"]["Cookie"] = "; ".join(f"{name}={cookies[name]}" for name in cookies)
    given["params"] = _as_text(given.get("params"))
    if given.get("data") is not None:
        given.pop("json", None)  # as the library has it
    arguments = read_request(f"requests.{method.lower()}", method, url, given)
    return make(Response, current().ask("http.request", arguments))


def _merged(ours: Any, given: Any) -> Any:
    if not ours or isinstance(given, str):
        return given
    return [*dict(ours).items(), *(given.items() if isinstance(given, dict) else given or ())]


def _as_text(params: Any) -> Any:
    """Return parameters with True as ``True``, as this library writes it."""
    if isinstance(params, dict):
        params = list(params.items())
    if not isinstance(params, list | tuple):
        return params
    return [(name, str(value) if isinstance(value, bool) else value) for name, value in params]


def request(method: str, url: str, **options: Any) -> Response:
    return _send(method, url, options)


def get(url: str, params: Any = None, **options: Any) -> Response:
    return _send("GET", url, {"params": params, **options})


def head(url: str, **options: Any) -> Response:
    return _send("HEAD", url, options)


def options(url: str, **options: Any) -> Response:
    return _send("OPTIONS", url, options)


def post(url: str, data: Any = None, json: Any = None, **options: Any) -> Response:
    return _send("POST", url, {"data": data, "json": json, **options})


def put(url: str, data: Any = None, **options: Any) -> Response:
    return _send("PUT", url, {"data": data, **options})


def patch(url: str, data: Any = None, **options: Any) -> Response:
    return _send("PATCH", url, {"data": data, **options})


def delete(url: str, **options: Any) -> Response:
    return _send("DELETE", url, options)


class Session(Frozen):
    """Headers, parameters, cookies and a user that every request of the session has.

    Each request has a connection of its own, and cookies that a host sets are not kept.
    """

    __slots__ = ("auth", "cookies", "headers", "params")

    def __init__(self) -> None:
        self.headers: dict[str, Any] = {}
        self.params: dict[str, Any] = {}
        self.cookies: dict[str, Any] = {}
        self.auth: Any = None

    def request(self, method: str, url: str, **options: Any) -> Response:
        return _send(method, url, options, self)

    def get(self, url: str, **options: Any) -> Response:
        return _send("GET", url, options, self)

    def head(self, url: str, **options: Any) -> Response:
        return _send("HEAD", url, options, self)

    def options(self, url: str, **options: Any) -> Response:
        return _send("OPTIONS", url, options, self)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Response:
        return _send("POST", url, {"data": data, "json": json, **options}, self)

    def put(self, url: str, data: Any = None, **options: Any) -> Response:
        return _send("PUT", url, {"data": data, **options}, self)

    def patch(self, url: str, data: Any = None, **options: Any) -> Response:
        return _send("PATCH", url, {"data": data, **options}, self)

    def delete(self, url: str, **options: Any) -> Response:
        return _send("DELETE", url, options, self)

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


session = Session
