"""``http`` inside a job: requests the engine makes, to hosts the workspace allows."""

from __future__ import annotations

import asyncio
import codecs
import fnmatch
import socket
import zlib
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from luajobs_kit.errors import InvalidInput, LuaJobsError, NotAllowed
from luajobs_kit.platform.addresses import is_public
from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.settings import Settings

if TYPE_CHECKING:
    import httpx

MAX_BODY: Final = 1_000_000  # bytes, of a request or an answer
MAX_TIME: Final = 60.0  # seconds
MAX_REDIRECTS: Final = 5
ENCODINGS: Final = {"": None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}
"""How an answer may be packed, and what zlib calls that."""
CREDENTIALS: Final = frozenset({"authorization", "cookie"})  # meant for one origin only

_OF_NAMES: Final = frozenset({"idna", "punycode"})
"""Encodings of hosts' names: a text of 1 MB would take them minutes, and the engine's loop with it."""
_OURS: Final = frozenset({"host", "accept-encoding"})  # headers that are not a job's to choose

# Never NaN, which would put the loop's timers out of order.
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class HttpFailed(LuaJobsError):
    """The request was allowed and did not succeed: no answer, too slow, too large."""

    code = "http_failed"


class Http:
    """The ``http.*`` verbs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def request(
        self,
        caller: Caller,
        *,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        body: str | None = None,
        timeout: Seconds = 30.0,  # noqa: ASYNC109 - the job's own bound, part of the verb
    ) -> dict[str, Any]:
        """Make one request; return ``{"status", "headers", "body", "url"}``.

        Raises ``NotAllowed`` for a host the workspace's setting ``http_hosts`` does not name
        or a private address it does not permit, ``HttpFailed`` when no answer comes within
        ``timeout`` (at most 60 s) or it is larger than 1 MB.
        """
        import httpx  # noqa: PLC0415 - it brings a command line along; most workspaces need neither

        if body is not None and len(body.encode()) > MAX_BODY:
            raise InvalidInput(f"The request's body is larger than {MAX_BODY} bytes.")
        try:
            async with (
                asyncio.timeout(min(timeout, MAX_TIME)),
                httpx.AsyncClient(trust_env=False, timeout=None) as client,  # noqa: S113 - bounded above
            ):
                target = httpx.URL(url, params=params) if params else httpx.URL(url)
                sent = headers or {}
                for _ in range(MAX_REDIRECTS + 1):
                    answer = await self._once(client, method, target, sent, body)
                    location = answer["headers"].get("location")
                    if (
                        method not in {"GET", "HEAD"}
                        or answer["status"] // 100 != 3
                        or not location
                    ):
                        return answer
                    before, target = target, target.join(location)
                    if _origin(target) != _origin(before):
                        sent = {
                            name: sent[name] for name in sent if name.lower() not in CREDENTIALS
                        }
                raise HttpFailed(  # noqa: TRY301 - the client is to be closed first
                    f"{url} redirected more than {MAX_REDIRECTS} times."
                )
        except TimeoutError:
            raise HttpFailed(f"{url} did not answer within {min(timeout, MAX_TIME):g} s.") from None
        except LuaJobsError:
            raise
        # What a job gave and a host answers fails in more ways than httpx has errors for.
        except Exception as problem:  # noqa: BLE001
            raise HttpFailed(f"{url}: {type(problem).__name__}: {problem}") from None

    async def _once(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: httpx.URL,
        headers: dict[str, str],
        body: str | None,
    ) -> dict[str, Any]:
        self._check_host(url)
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
        response = await client.send(request, stream=True)
        try:
            received = _Body(str(url), response.headers.get("content-encoding", ""))
            async for part in response.aiter_raw():
                received.take(part)
        finally:
            await response.aclose()
        return {
            "status": response.status_code,
            "headers": dict(response.headers),
            "body": _read(received.held, response.encoding or "utf-8"),
            "url": str(url),
        }

    def _check_host(self, url: httpx.URL) -> None:
        if url.scheme not in {"http", "https"} or not url.host:
            raise InvalidInput(f"{str(url)!r} is no http or https address.")
        hosts = self._settings.values.http_hosts
        if not any(fnmatch.fnmatchcase(url.host.lower(), host.lower()) for host in hosts):
            raise NotAllowed(
                f"Jobs of this workspace may not reach {url.host}; allowed: {', '.join(hosts) or 'none'}. "
                f"Its owner can allow it: luajobs settings 'http_hosts=[\"{url.host}\"]'."
            )

    async def _address(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                url.host, port, type=socket.SOCK_STREAM
            )
        except OSError as problem:
            raise HttpFailed(f"{url.host} has no address: {problem}") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self._settings.values.http_private:
            private = [one for one in addresses if not is_public(one)]
            if private:
                raise NotAllowed(
                    f"{url.host} is at the private address {private[0]}, which jobs may reach only "
                    "where the workspace's setting http_private is true."
                )
        return addresses[0]


class _Body:
    """An answer's body, unpacked as it comes and never further than it may be kept.

    A library that unpacks all that has come first makes gigabytes of a kilobyte, the more
    so where it is packed in several ways.
    """

    def __init__(self, url: str, encoding: str) -> None:
        self.held = bytearray()
        self._url = url
        encoding = encoding.strip().lower()
        if encoding not in ENCODINGS:
            raise HttpFailed(f"{url} answered packed as {encoding!r:.60}, though asked for gzip.")
        window = ENCODINGS[encoding]
        self._unpacker = None if window is None else zlib.decompressobj(window)
        self._may_be_raw = encoding == "deflate"  # some servers leave out the header

    def take(self, part: bytes) -> None:
        self.held += self._unpacked(part)
        if len(self.held) > MAX_BODY:
            raise HttpFailed(f"The answer of {self._url} is larger than {MAX_BODY} bytes.")

    def _unpacked(self, part: bytes) -> bytes:
        if self._unpacker is None:
            return part
        room = MAX_BODY + 1 - len(self.held)
        try:
            unpacked = self._unpacker.decompress(part, room)
        except zlib.error as problem:
            if not self._may_be_raw:
                raise HttpFailed(
                    f"The answer of {self._url} cannot be unpacked: {problem}."
                ) from None
            self._may_be_raw, self._unpacker = False, zlib.decompressobj(-15)
            return self._unpacked(part)
        self._may_be_raw = False
        return unpacked


def _read(body: bytearray, encoding: str) -> str:
    """Return a body as text. An encoding the host names that is none of texts is not used."""
    try:
        if codecs.lookup(encoding).name not in _OF_NAMES:
            return body.decode(encoding, errors="replace")
    except (LookupError, UnicodeError):
        pass
    return body.decode("utf-8", errors="replace")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
