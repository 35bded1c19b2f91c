"""``http`` inside a job: requests the engine makes, to hosts the workspace allows."""

from __future__ import annotations

import asyncio
import fnmatch
import importlib
import json
import re
import socket
import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

from luajobs_kit.bytes_in_json import unpack
from luajobs_kit.errors import (
    ConnectFailed,
    HostNotAllowed,
    HttpError,
    InvalidInput,
    LuaJobsError,
    TimedOut,
)
from luajobs_kit.model import Seconds
from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.public_address import is_public
from luajobs_kit.platform.settings import Settings
from luajobs_kit.web_messages import TIMEOUT, body_of, read_text

if TYPE_CHECKING:
    import httpx

MAX_BODY: Final = 1_000_000  # bytes, of a request or an answer
MAX_PACKED: Final = MAX_BODY + MAX_BODY // 8  # bytes of an answer on the wire; packing adds less
MAX_URL: Final = 16_384  # characters with its parameters; servers take about as many
MAX_HEADERS: Final = 65_536  # characters, likewise
MAX_TIME: Final = 60.0  # seconds
MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GZIP: Final = 31  # zlib's name for the largest window, with gzip's header
_ZLIB: Final = 15  # likewise with zlib's own header, which HTTP calls deflate
ENCODINGS: Final = {"": None, "identity": None, "gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
"""How an answer may be packed, and what zlib calls that."""
CREDENTIALS: Final = frozenset({"authorization", "cookie"})  # meant for one origin only

_BEGINNING: Final = re.compile(r"[^/?#]{0,1000}(?://[^/?#]{0,1000})?")
"""Of an address, as far as its host."""
_OURS: Final = frozenset({"host", "accept-encoding"})  # headers that are not a job's to choose
_PIECE: Final = 4_096  # bytes unpacked at once: what follows a member is copied for each member
_MEMBER: Final = b"\x1f"  # the first byte of every member of a gzip stream (RFC 1952)


class Http:
    """The ``http.*`` verbs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._loaded = False  # httpx itself
        self._making = asyncio.Lock()

    async def _aclose(self) -> None:
        """Close the client, where one was made."""
        if self._client is not None:
            await self._client.aclose()

    async def request(
        self,
        caller: Caller,
        *,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        body: str | dict[str, str] | None = None,
        timeout: Seconds = TIMEOUT,  # noqa: ASYNC109 - the job's own bound, part of the verb
        follow_redirects: bool = True,
    ) -> dict[str, Any]:
        """Make one request; return ``{"status", "headers", "body", "content", "url"}``.

        ``body`` is text, or bytes as ``bytes_in_json`` packs them; so is the answer's ``content``,
        which is there where ``body``, its text, does not say it all. Raises ``HostNotAllowed`` for
        a host the workspace's setting ``http_hosts`` does not name or a private address it does not
        permit, ``ConnectFailed``, ``TimedOut`` when no answer comes within ``timeout`` (at most
        60 s), ``HttpError`` when it is larger than 1 MB.
        """
        content = _content(body)
        await self._load()
        # Before anything else is looked at, or made: what is refused costs next to nothing.
        self._check_host(_address_of(_BEGINNING.match(url)[0]))  # type: ignore[index] # matches any text
        _check_sizes(url, params, headers, content)
        target = _address_of(url, params)
        self._check_host(target)
        client = await self._made()
        try:
            async with asyncio.timeout(min(timeout, MAX_TIME)):
                return await self._followed(
                    client, method, target, headers or {}, content, redirects=follow_redirects
                )
        except TimeoutError:
            raise TimedOut(f"{url} did not answer within {min(timeout, MAX_TIME):g} s.") from None
        except LuaJobsError:
            raise
        # What a job gave and a host answers fails in more ways than httpx has errors for.
        except Exception as problem:  # noqa: BLE001
            if type(problem).__name__ == "ConnectError":
                raise ConnectFailed(f"{url}: {problem}") from None
            raise HttpError(f"{url}: {type(problem).__name__}: {problem}") from None

    async def _load(self) -> None:
        """Import httpx beside the loop, where nothing else waits for it."""
        async with self._making:
            if not self._loaded:
                await asyncio.to_thread(importlib.import_module, "httpx")
                self._loaded = True

    async def _made(self) -> httpx.AsyncClient:
        """Return the client for all requests, made for the first of them that is allowed."""
        async with self._making:
            if self._client is None:
                # Beside the loop: reading the certificates that are trusted takes 30 ms.
                self._client = await asyncio.to_thread(_make_client)
            return self._client

    async def _followed(
        self,
        client: httpx.AsyncClient,
        method: str,
        target: httpx.URL,
        headers: dict[str, str],
        body: bytes | None,
        *,
        redirects: bool,
    ) -> dict[str, Any]:
        """Make the request, and those that its redirects lead to, as browsers do (RFC 9110, 15.4)."""
        from httpx import Cookies  # noqa: PLC0415 - as below

        first, cookies = target, Cookies()  # those of one request: the client keeps none
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._once(client, method, target, headers, body, cookies)
            location = answer["headers"].get("location")
            if not redirects or answer["status"] not in REDIRECTS or not location:
                return answer
            before, target = target, target.join(location)
            self._check_host(target)
            if method != "HEAD" and (
                answer["status"] == 303 or (answer["status"] in {301, 302} and method == "POST")
            ):
                method, body = "GET", None
            if _origin(target) != _origin(before):
                headers = {
                    name: headers[name] for name in headers if name.lower() not in CREDENTIALS
                }
        raise HttpError(f"{first} redirected more than {MAX_REDIRECTS} times.")

    async def _once(  # noqa: PLR0917 - one request's parts
        self,
        client: httpx.AsyncClient,
        method: str,
        url: httpx.URL,
        headers: dict[str, str],
        body: bytes | None,
        cookies: httpx.Cookies,
    ) -> dict[str, Any]:
        address = await self._address(url)
        request = client.build_request(
            method,
            # To the address that was checked: a name may resolve to another the next time.
            url.copy_with(host=address),
            headers={
                **{name: value for name, value in headers.items() if name.lower() not in _OURS},
                "Host": url.netloc.decode(),
                "Accept-Encoding": "gzip, deflate",
            },
            content=body,
            extensions={"sni_hostname": url.host},
        )
        cookies.set_cookie_header(request)
        response = await client.send(request, stream=True)
        try:
            cookies.extract_cookies(response)
            received = _Body(str(url), response.headers.get("content-encoding", ""))
            async for part in response.aiter_raw():
                received.take(part)
                if received.whole:
                    break
        finally:
            await response.aclose()
        text = read_text(bytes(received.held), response.charset_encoding)
        return {
            "status": response.status_code,
            "headers": dict(response.headers),
            "url": str(url),
            **body_of(bytes(received.held), text),
        }

    def _check_host(self, url: httpx.URL) -> None:
        if url.scheme not in {"http", "https"} or not url.host:
            raise InvalidInput(f"{str(url)!r} is no http or https address.")
        hosts = self._settings.values.http_hosts
        if not any(fnmatch.fnmatchcase(url.host.lower(), host.lower()) for host in hosts):
            raise HostNotAllowed(
                f"Jobs of this workspace may not reach {url.host}; allowed: {', '.join(hosts) or 'none'}. "
                f"Its owner can allow it: luajobs settings http_hosts+={url.host} , or in a "
                f'notebook: await ws.settings.allow_host("{url.host}")'
            )

    async def _address(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                url.host, port, type=socket.SOCK_STREAM
            )
        except OSError as problem:
            raise ConnectFailed(f"{url.host} has no address: {problem}") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self._settings.values.http_private:
            private = [one for one in addresses if not is_public(one)]
            if private:
                raise HostNotAllowed(
                    f"{url.host} is at the private address {private[0]}, which jobs may reach only "
                    "where its owner allows it: luajobs settings http_private=true"
                )
        return addresses[0]


def _make_client() -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415 - it brings a command line along; most workspaces need neither

    return httpx.AsyncClient(
        trust_env=False,
        timeout=None,  # noqa: S113 - each request has its own, around all of it
        # Each request has a connection of its own. A kept one was made for another name at the
        # same address, whose certificate was looked at; and another job waits for none.
        limits=httpx.Limits(max_keepalive_connections=0, max_connections=None),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _address_of(url: str, params: dict[str, Any] | None = None) -> httpx.URL:
    import httpx  # noqa: PLC0415 - likewise

    try:
        return httpx.URL(url, params=params) if params else httpx.URL(url)
    except Exception as problem:  # noqa: BLE001 - it raises more than it says
        raise HttpError(f"{url}: {type(problem).__name__}: {problem}") from None


def _content(body: str | dict[str, str] | None) -> bytes | None:
    """Return a request's body as bytes. Raises ``InvalidInput`` for what is not packed rightly."""
    try:
        content = unpack(body)
    except ValueError:
        content = body
    if isinstance(content, str):
        return content.encode("utf-8", "replace")
    if isinstance(content, bytes | None):
        return content
    raise InvalidInput("The request's body is neither text nor packed bytes.", field="body")


def _check_sizes(
    url: str, params: dict[str, Any] | None, headers: dict[str, str] | None, body: bytes | None
) -> None:
    """Raise ``InvalidInput`` for a request larger than may be sent."""
    asked = len(url) + (len(json.dumps(params)) if params else 0)
    if asked > MAX_URL:
        raise InvalidInput(
            f"{url[:80]}: the address takes {asked:,} characters with its parameters; {MAX_URL:,} is "
            "the most. Send what is long as the request's body.",
            field="url",
        )
    size = sum(len(name) + len(value) for name, value in (headers or {}).items())
    if size > MAX_HEADERS:
        raise InvalidInput(
            f"{url[:80]}: the request's headers take {size:,} characters; {MAX_HEADERS:,} is the most.",
            field="headers",
        )
    if body is not None and len(body) > MAX_BODY:
        raise InvalidInput(f"The request's body is larger than {MAX_BODY} bytes.")


class _Body:
    """An answer's body, unpacked as it comes and never further than it may be kept.

    A library that unpacks all that has come first makes gigabytes of a kilobyte, the more
    so where it is packed in several ways. Once a packed body has ended it is ``whole``: what a host
    sends after that is not read, for zlib would keep all of it.
    """

    def __init__(self, url: str, encoding: str) -> None:
        self.held = bytearray()
        self.whole = False
        self._url = url
        self._received = 0  # bytes on the wire: a packed body may be large and hold nothing
        encoding = encoding.strip().lower()
        if encoding not in ENCODINGS:
            raise HttpError(f"{url} answered packed as {encoding!r:.60}, though asked for gzip.")
        self._window = ENCODINGS[encoding]
        self._unpacker: Any = None  # until the first bytes are there
        self._beginning = b""  # of a packed body

    def take(self, part: bytes) -> None:
        """Add a part of the answer. Raises ``HttpError`` when it is too much, or wrongly packed."""
        self._received += len(part)
        if self._received > MAX_PACKED:
            raise self._too_large()
        if self._window is None:
            self._keep(part)
            return
        if self._unpacker is None:
            part = self._beginning = self._beginning + part
            if len(part) < 2:
                return
            is_raw = self._window == _ZLIB and not _has_zlib_header(part)
            self._unpacker = zlib.decompressobj(-_ZLIB if is_raw else self._window)
        for start in range(0, len(part), _PIECE):
            self._unpack(part[start : start + _PIECE])

    def _unpack(self, piece: bytes) -> None:
        while piece and not self.whole:
            if self._unpacker.eof:
                # gzip may have any number of members; what else follows is padding, as elsewhere.
                if self._window == _ZLIB or not piece.startswith(_MEMBER):
                    self.whole = True
                    return
                self._unpacker = zlib.decompressobj(_GZIP)
            try:
                self._keep(self._unpacker.decompress(piece, MAX_BODY + 1 - len(self.held)))
            except zlib.error as problem:
                says = f"The answer of {self._url} cannot be unpacked: {problem}."
                raise HttpError(says) from None
            piece = self._unpacker.unused_data

    def _keep(self, unpacked: bytes) -> None:
        self.held += unpacked
        if len(self.held) > MAX_BODY:
            raise self._too_large()

    def _too_large(self) -> HttpError:
        return HttpError(f"The answer of {self._url} is larger than {MAX_BODY} bytes.")


def _has_zlib_header(body: bytes) -> bool:
    """Whether packed bytes begin as RFC 1950 has it; some servers send deflate without (RFC 1951)."""
    return body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
