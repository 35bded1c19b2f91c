"""Authentication: every request passes here before anything of it is read.

The engine obeys whoever holds the workspace's token, and runs as its owner. So: a Host
that is ours (no DNS rebinding), no foreign Origin (no cross-site posts), the bearer token
compared in constant time, bounded rates, and a client of the same version.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luajobs_kit import http_protocol
from luajobs_kit._version import __version__
from luajobs_kit.acting_user import acting_as, reaching
from luajobs_kit.errors import LuaJobsError, VersionMismatch
from luajobs_kit.server.responses import FAILED, HttpRefusal, send_error

MAX_HEADERS: Final = 32 * 1024  # bytes
MAX_USER: Final = 200  # characters of an acting user's id
ANY_VERSION: Final = frozenset(
    {f"{http_protocol.PREFIX}/hello"}
)  # what clients of any version may ask
LONG: Final = frozenset(
    http_protocol.PREFIX + path
    for path in ("/events", "/offer", "/wait_execution", "/call_tool", "/simulate")
)

_log = logging.getLogger(__name__)


class Bucket:
    """A token bucket: ``rate`` requests a second, ``burst`` at once."""

    def __init__(
        self, rate: float, burst: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._left, self._at = burst, now()

    def take(self) -> float:
        """Take one; return 0.0, or the seconds after which there will be one."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0


class Authentication:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: Iterable[str],
        rate: float = 5_000,
        burst: float = 10_000,
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in hosts)
        self._asked = Bucket(rate, burst)
        # Guessing has a bound of its own, so that a guesser cannot use up the owner's.
        self._guesses = Bucket(rate=5, burst=50)
        self.known: set[tuple[str, int]] = set()
        """The far ends of connections on which the token was shown."""
        self.arrived: Callable[[], None] = lambda: None
        """Called when a connection has shown the token for the first time."""
        self.under_way = 0
        """Requests that are being answered and will be in a moment."""
        self.ending: LuaJobsError | None = None
        """Why nothing is answered any more, when the engine is ending."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # there are no web sockets; lifespan is the process's own
        headers = {name.lower(): value for name, value in scope["headers"]}
        answering = _Answering(send)
        try:
            self._check(scope, headers)
            user = _acting(headers)
            short = scope["path"] not in LONG
            self.under_way += short
            try:
                with acting_as(user), reaching(_reach(headers)):
                    await self._app(scope, receive, answering)
            finally:
                self.under_way -= short
        except LuaJobsError as error:
            await answering.fail(scope, error)
        except Exception:  # noqa: BLE001 - told without its details, which may hold a secret
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await answering.fail(scope, LuaJobsError(FAILED))

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            raise HttpRefusal(431, f"A request's headers may take {MAX_HEADERS} bytes.")
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            raise HttpRefusal(421, f"This engine does not answer for the host {host[:100]!r}.")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            raise HttpRefusal(403, "A page of another origin may not ask this engine.")
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not secrets.compare_digest(given.strip(), self._token):
            self._bound(self._guesses)
            raise HttpRefusal(
                401,
                "Every request needs the workspace's token as 'Authorization: Bearer …'; its owner "
                "finds it in .luajobs/engine.json.",
            )
        self._bound(self._asked)
        far_end = scope.get("client")
        if far_end is not None and tuple(far_end) not in self.known:
            self.known.add(tuple(far_end))
            self.arrived()
        if self.ending is not None:
            raise self.ending
        version = headers.get(http_protocol.VERSION_HEADER.lower().encode())
        if (
            version is not None
            and version.decode("latin-1") != __version__
            and scope["path"] not in ANY_VERSION
        ):
            raise VersionMismatch(
                f"The workspace's engine runs luajobs_kit {__version__}, this client is "
                f"{version.decode('latin-1')[:40]}. End the engine with `luajobs stop` (running jobs "
                "get a few seconds); your next command starts one of your version. In a notebook, "
                "restart the kernel if you have upgraded since it began.",
                engine=__version__,
            )

    @staticmethod
    def _bound(bucket: Bucket) -> None:
        if seconds := bucket.take():
            raise HttpRefusal(
                429, "Too many requests at once.", retry_after=round(seconds, 3) or 0.001
            )


def _acting(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(http_protocol.USER_HEADER.lower().encode())
    if given is None:
        return None
    user = unquote(given.decode("latin-1"))
    if not user or len(user) > MAX_USER or not user.isprintable():
        raise HttpRefusal(
            400, f"{http_protocol.USER_HEADER} must be the percent-encoded id of a user."
        )
    return user


def _reach(headers: dict[bytes, bytes]) -> Literal["own"] | None:
    given = headers.get(http_protocol.REACH_HEADER.lower().encode())
    if given not in {None, b"own"}:
        raise HttpRefusal(400, f"{http_protocol.REACH_HEADER} can only be 'own'.")
    return None if given is None else "own"


class _Answering:
    """Passes the answer on, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def __call__(self, message: Message) -> None:
        self._begun = True
        await self._send(message)

    async def fail(self, scope: Scope, error: LuaJobsError) -> None:
        if not self._begun:
            await send_error(error, scope, _nothing, self)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}
