"""A folder whose engine runs on another machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from luajobs_kit import http_protocol
from luajobs_kit.client.find_workspace import own
from luajobs_kit.client.http_connection import ConnectionLost, Transport
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import Conflict, EngineUnavailable, InvalidInput

CERTIFICATE: Final = "certificate.pem"
OK: Final = 200
OWN: Final = "lock"  # an engine's own folder has it


async def join(folder: Path, url: str, token: str, certificate: str | None = None) -> Address:
    """Let every face in this folder use the engine at ``url``; nothing is made when that fails.

    ``certificate`` (PEM) is what to believe it by; it is kept here. Without one, it is believed
    by the certificates that this machine trusts.

    Raises ``InvalidInput`` for what is no https address or no certificate, ``Conflict`` for a
    folder that is a workspace itself, ``EngineUnavailable`` when the engine cannot be asked, or
    refuses.
    """
    if not url.startswith("https://"):
        raise InvalidInput(
            f"{url!r} is no address of an engine elsewhere, such as https://host:8443."
        )
    if (folder / OWN).exists():
        raise Conflict(
            f"{folder} is a workspace with an engine of its own; join in another folder."
        )
    if (fault := Address(url, token, pid=0, version="").fault) is not None:
        raise InvalidInput(fault)
    with tempfile.TemporaryDirectory(prefix="luajobs-") as draft:
        given = _kept(certificate, Path(draft))
        asked = Address(url.rstrip("/"), token, pid=0, version="", certificate=given)
        version = await _version(asked)
    own(folder)
    address = replace(asked, version=version, certificate=_kept(certificate, folder))
    address.write(folder)
    return address


def _kept(certificate: str | None, folder: Path) -> str | None:
    """Write the certificate there; return its path."""
    if certificate is None:
        return None
    file = folder / CERTIFICATE
    file.write_text(certificate, encoding="utf-8")
    file.chmod(0o600)
    return str(file)


async def _version(address: Address) -> str:
    """Return the version of the engine that answers there."""
    try:
        transport = Transport(address)
    except OSError as problem:  # ssl's errors are some too
        raise InvalidInput(f"This is no certificate: {problem}.") from problem
    try:
        status, body = await transport.ask(
            f"{http_protocol.PREFIX}/hello", b"", [], seconds=10.0, method="GET"
        )
    except ConnectionLost as lost:
        raise EngineUnavailable(f"{address.url} cannot be reached and believed: {lost}.") from lost
    finally:
        transport.close()
    if status != OK:
        raise EngineUnavailable(
            f"{address.url} refused: {http_protocol.read_error(body, status).message}"
        )
    try:
        return str(json.loads(body)["data"]["luajobs"])
    except (ValueError, KeyError, TypeError):
        raise EngineUnavailable(f"What answers at {address.url} is no engine of ours.") from None
