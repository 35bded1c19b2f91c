"""``ipaddress`` of job code: addresses and networks of our own around the library's.

A7: the library's methods call the class of whatever they are given, and read what it holds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, ClassVar

from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.stdlib.exact_arguments import data, text, whole

AddressValueError = ipaddress.AddressValueError
NetmaskValueError = ipaddress.NetmaskValueError


class _Wrapped(Frozen):
    __slots__ = ("_real",)

    _real: Any
    _LIBRARYS: ClassVar[Any] = None

    def __init__(self, address: Any) -> None:
        self._real = self._LIBRARYS(_exact(address))

    @property
    def version(self) -> int:
        return int(self._real.version)

    @property
    def max_prefixlen(self) -> int:
        return int(self._real.max_prefixlen)

    @property
    def compressed(self) -> str:
        return str(self._real.compressed)

    @property
    def exploded(self) -> str:
        return str(self._real.exploded)

    @property
    def reverse_pointer(self) -> str:
        return str(self._real.reverse_pointer)

    @property
    def is_private(self) -> bool:
        return bool(self._real.is_private)

    @property
    def is_global(self) -> bool:
        return bool(self._real.is_global)

    @property
    def is_loopback(self) -> bool:
        return bool(self._real.is_loopback)

    @property
    def is_multicast(self) -> bool:
        return bool(self._real.is_multicast)

    @property
    def is_link_local(self) -> bool:
        return bool(self._real.is_link_local)

    @property
    def is_reserved(self) -> bool:
        return bool(self._real.is_reserved)

    @property
    def is_unspecified(self) -> bool:
        return bool(self._real.is_unspecified)

    def __eq__(self, other: object) -> Any:
        return self._real == other._real if type(other) is type(self) else NotImplemented

    def __lt__(self, other: object) -> Any:
        return self._real < other._real if type(other) is type(self) else NotImplemented

    def __le__(self, other: object) -> Any:
        return self._real <= other._real if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._real)

    def __str__(self) -> str:
        return str(self._real)

    def __repr__(self) -> str:
        return repr(self._real)


class _Address(_Wrapped):
    __slots__ = ()

    @property
    def packed(self) -> bytes:
        return bytes(self._real.packed)

    def __int__(self) -> int:
        return int(self._real)

    def __add__(self, other: Any) -> Any:
        return type(self)(int(self._real) + whole(other))

    def __sub__(self, other: Any) -> Any:
        return type(self)(int(self._real) - whole(other))


class IPv4Address(_Address):
    __slots__ = ()
    _LIBRARYS = ipaddress.IPv4Address


class IPv6Address(_Address):
    __slots__ = ()
    _LIBRARYS = ipaddress.IPv6Address


class _Network(_Wrapped):
    __slots__ = ()

    def __init__(self, address: Any, strict: bool = True) -> None:  # noqa: FBT001, FBT002  # the library's signature
        self._real = self._LIBRARYS(_exact(address), bool(strict))

    @property
    def network_address(self) -> Any:
        return _own(self._real.network_address)

    @property
    def broadcast_address(self) -> Any:
        return _own(self._real.broadcast_address)

    @property
    def netmask(self) -> Any:
        return _own(self._real.netmask)

    @property
    def hostmask(self) -> Any:
        return _own(self._real.hostmask)

    @property
    def prefixlen(self) -> int:
        return int(self._real.prefixlen)

    @property
    def num_addresses(self) -> int:
        return int(self._real.num_addresses)

    @property
    def with_prefixlen(self) -> str:
        return str(self._real.with_prefixlen)

    def hosts(self) -> Iterator[Any]:
        return map(_own, self._real.hosts())

    def subnets(self, prefixlen_diff: int = 1, new_prefix: int | None = None) -> Iterator[Any]:
        new = None if new_prefix is None else whole(new_prefix)
        return map(_own, self._real.subnets(whole(prefixlen_diff), new))

    def supernet(self, prefixlen_diff: int = 1, new_prefix: int | None = None) -> Any:
        new = None if new_prefix is None else whole(new_prefix)
        return _own(self._real.supernet(whole(prefixlen_diff), new))

    def overlaps(self, other: Any) -> bool:
        return bool(self._real.overlaps(self._alike(other)))

    def subnet_of(self, other: Any) -> bool:
        return bool(self._real.subnet_of(self._alike(other)))

    def supernet_of(self, other: Any) -> bool:
        return bool(self._real.supernet_of(self._alike(other)))

    def _alike(self, other: Any) -> Any:
        if type(other) is not type(self):
            raise TypeError(f"an {type(self).__name__} is needed, not {type(other).__name__!r}")
        return other._real  # noqa: SLF001  # of another network

    def __contains__(self, address: Any) -> bool:
        return type(address) in _OWN.values() and address._real in self._real  # noqa: SLF001  # likewise

    def __iter__(self) -> Iterator[Any]:
        return map(_own, iter(self._real))

    def __getitem__(self, n: int) -> Any:
        return _own(self._real[whole(n)])


class IPv4Network(_Network):
    __slots__ = ()
    _LIBRARYS = ipaddress.IPv4Network


class IPv6Network(_Network):
    __slots__ = ()
    _LIBRARYS = ipaddress.IPv6Network


_OWN: dict[type, type[_Wrapped]] = {
    each._LIBRARYS: each  # noqa: SLF001  # of the classes above
    for each in (IPv4Address, IPv6Address, IPv4Network, IPv6Network)
}


def ip_address(address: Any) -> Any:
    """Return an address. Raises ``ValueError`` for what is none."""
    return _own(ipaddress.ip_address(_exact(address)))


def ip_network(address: Any, strict: bool = True) -> Any:  # noqa: FBT001, FBT002  # likewise
    """Return a network. Raises ``ValueError`` for what is none."""
    return _own(ipaddress.ip_network(_exact(address), bool(strict)))


def _own(real: Any) -> Any:
    made = object.__new__(_OWN[type(real)])
    made._real = real  # likewise
    return made


def _exact(given: Any) -> Any:
    if type(given) in _OWN.values():
        return given._real  # noqa: SLF001  # likewise
    kind = type(given)
    if issubclass(kind, str):
        return text(given)
    return data(given) if issubclass(kind, bytes) else whole(given)
