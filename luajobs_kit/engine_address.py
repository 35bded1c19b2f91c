"""``engine.json``: where the workspace's engine answers, readable by its owner alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from luajobs_kit.state_files import open_plain

if TYPE_CHECKING:
    import ssl

FILE: Final = "engine.json"


@dataclass(frozen=True, slots=True)
class Address:
    """An engine as its clients find it."""

    url: str  # such as http://127.0.0.1:40321
    token: str = field(repr=False)  # the bearer token of every request
    pid: int  # 0 where it runs on another machine
    version: str
    certificate: str | None = None  # path of the certificate to trust, where url is https

    @property
    def elsewhere(self) -> bool:
        """Whether the engine runs on another machine: it cannot be started or ended from here."""
        return self.pid == 0

    @property
    def fault(self) -> str | None:
        """Why no engine can be asked like this; None where one can."""
        try:
            where = urlsplit(self.url)
            named = where.scheme in {"http", "https"} and where.hostname and where.port != 0
        except ValueError:  # a port beyond 65535, a bracket that is left open
            named = None
        if not (named and self.url.isascii() and self.url.isprintable()):
            return f"{self.url!r} is no address of an engine, such as https://host:8443."
        if not (self.token.isascii() and self.token.isprintable() and self.token.split()):
            return "The token is none of an engine's: those are of ASCII letters and digits."
        return None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what the folder's file says, or None when there is none that can be read.

        A file that another user owns, or could write to, is not believed.
        """
        try:
            with open_plain(folder / FILE) as file:
                facts = os.fstat(file.fileno())
                if facts.st_uid != os.getuid() or facts.st_mode & 0o022:
                    return None
                content = json.load(file)
            address = cls(
                url=str(content["url"]),
                token=str(content["token"]),
                pid=int(content["pid"]),
                version=str(content["version"]),
                certificate=str(content["certificate"]) if content.get("certificate") else None,
            )
        except (OSError, ValueError, OverflowError, RecursionError, LookupError, TypeError):
            return None
        # A number that is no process's must reach no signal: -1 is every process.
        return address if address.fault is None and 0 <= address.pid < 2**31 else None

    def write(self, folder: Path) -> None:
        """Put the file there whole: a reader finds the old one or the new one."""
        draft = folder / f".{FILE}-{os.getpid()}"
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        draft.replace(folder / FILE)

    def remove(self, folder: Path) -> None:
        """Take the file away, if it is still this engine's."""
        found = Address.read(folder)
        if found is not None and found.pid == self.pid and found.token == self.token:
            (folder / FILE).unlink(missing_ok=True)


def trusting(certificate: Path | str | None) -> ssl.SSLContext:
    """Return what a client checks an engine by: this certificate is believed, whoever signed it.

    None leaves it to the certificates that this machine trusts.
    """
    import ssl  # noqa: PLC0415 - most engines are asked without

    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
