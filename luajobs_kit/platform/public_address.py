"""Public addresses: whether an address is on the open internet, also when wrapped in another form."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

# Prefixes whose last 32 bits are an IPv4 address that a gateway or the system goes on to:
# NAT64, and the old IPv4-compatible form. Python knows 6to4, Teredo and mapped ones itself.
_EMBEDDING: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")  # each network's own


def is_public(address: str) -> bool:
    """Return whether an IP address leads to the open internet and nowhere else.

    One that embeds an IPv4 address (NAT64, 6to4, Teredo …) is judged by that as well: through
    a gateway, ``64:ff9b::7f00:1`` is 127.0.0.1.
    """
    outer = ip_address(address)
    if isinstance(outer, IPv4Address):
        return _is_public(outer)
    if outer.ipv4_mapped is not None:
        return _is_public(outer.ipv4_mapped)
    if outer in _LOCAL_NAT64:
        return False
    return _is_public(outer) and all(_is_public(inner) for inner in _embedded(outer))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


def _embedded(outer: IPv6Address) -> Iterator[IPv4Address]:
    if outer.sixtofour is not None:
        yield outer.sixtofour
    if outer.teredo is not None:
        yield from outer.teredo
    if any(outer in network for network in _EMBEDDING):
        yield IPv4Address(int(outer) & 0xFFFF_FFFF)
