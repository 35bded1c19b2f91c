"""The certificate that an engine shows to clients of other machines, checked before it is used."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from luajobs_kit.engine_address import trusting
from luajobs_kit.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a certificate and its key, as PEM."""

    certificate: Path
    key: Path


def check(tls: Tls, names: Iterable[str]) -> None:
    """Raise ``InvalidInput`` unless clients that trust the certificate believe each name by it."""
    try:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(tls.certificate, tls.key)
    except OSError as problem:  # ssl's errors are some too
        raise InvalidInput(
            f"{tls.certificate} and {tls.key} are no certificate with its key ({problem}). "
            f"{how_to_make(names)}"
        ) from problem
    for name in names:
        try:
            _shake_hands(server, trusting(tls.certificate), name)
        except ssl.SSLError as problem:
            why = str(getattr(problem, "verify_message", problem)).rstrip(".")
            raise InvalidInput(
                f"Clients would not believe {tls.certificate} for {name} ({why}). "
                f"{how_to_make(names)}"
            ) from problem


def how_to_make(names: Iterable[str]) -> str:
    """Return what to type for a certificate that is for these names."""
    subjects = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    return (
        "Make one with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        f"-days 365 -subj /CN=luajobs -addext subjectAltName={subjects} "
        "-keyout key.pem -out certificate.pem"
    )


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Do both halves of a handshake in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname=name)
    answering = server.wrap_bio(up, down, server_side=True)
    waiting = [asking, answering]
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
