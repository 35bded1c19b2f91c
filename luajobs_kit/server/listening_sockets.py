"""The sockets an engine listens on, the names it may be called by, and what others need to reach it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.server.tls import Tls, check, how_to_make

EVERY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - who listens on them says its names
"""Every address of this machine: nothing that a client calls an engine."""


def permit(host: str, names: Sequence[str], tls: Tls | None) -> None:
    """Raise ``InvalidInput`` for a host that may not be served like this."""
    if host in names and host in EVERY:
        raise InvalidInput(
            f"{host} is every address of this machine; say what clients call it (--name)."
        )
    if tls is None and not all(map(_is_loopback, (host, *names))):
        raise InvalidInput(
            f"{host} can be reached from other machines; the token and every job would cross the "
            "network in the clear. Stay on 127.0.0.1, or give a certificate (--tls-cert) and its "
            f"key (--tls-key). {how_to_make(names)}"
        )
    if tls is not None:
        check(tls, names)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises ``InvalidInput`` where that cannot be."""
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named because asyncio turns Nagle's delay (40 ms) off only where it is.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as problem:
        raise InvalidInput(
            f"{host} is no address of this machine: {problem.strerror}."
        ) from problem
    if port:  # a fixed one, whose last connections the system may still remember
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(where)
        found.listen()  # at once: until then another process may be given the same free port
    except OSError as problem:
        found.close()
        raise InvalidInput(f"{host}:{port} cannot be listened on: {problem.strerror}.") from problem
    return found


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts(names: Sequence[str], port: int) -> list[str]:
    """Return what the Host header may say; clients leave out a port that goes without saying."""
    if any(map(_is_loopback, names)):
        names = [*names, "localhost"]
    ours = [shown(name) for name in names if name not in EVERY]
    return [f"{name}:{port}" for name in ours] + (ours if port in {80, 443} else [])


def shown(host: str) -> str:
    """Return a host as addresses write it."""
    return f"[{host}]" if ":" in host else host
