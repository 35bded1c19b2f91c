"""Served to other machines, an engine speaks TLS, and its clients check whom they speak to."""

import asyncio
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from starlette.requests import Request

from luajobs_kit.client import HttpPort, discover
from luajobs_kit.client.http_connection import ConnectionLost, Transport
from luajobs_kit.client.join import join
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import Conflict, EngineUnavailable, InvalidInput
from luajobs_kit.server import kit_routes, process
from luajobs_kit.server.tls import Tls, check

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed here")

SERVE = """
import sys
from pathlib import Path
from luajobs_kit.server import process
from luajobs_kit.server.tls import Tls
folder, certificate, key = map(Path, sys.argv[1:])
process.serve(
    folder, host="127.0.0.1", tls=Tls(certificate, key),
    report=lambda line: print(line, flush=True),
)
"""


@pytest.fixture
def certificate(tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=engine"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


async def test_the_port_works_over_tls_and_trusts_only_its_certificate(tmp_path, certificate):
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVE, str(folder), *map(str, certificate)),
        stdout=subprocess.PIPE,
    )
    try:
        assert b"https://127.0.0.1:" in await engine.stdout.readline()
        address = Address.read(folder)
        async with HttpPort(folder, address) as port:
            assert (await port.status()).pid == engine.pid
            news = port.events(after="-")
            assert (await anext(news)).type == "Resync"
            await news.aclose()
        stranger = Address(address.url, address.token, address.pid, address.version)
        with pytest.raises(ConnectionLost):
            await Transport(stranger).ask("/kit/v1/status", b"", [], seconds=5)
        await used_from_another_folder(tmp_path / "there" / ".luajobs", address, certificate[0])
    finally:
        engine.terminate()
        await engine.wait()


async def used_from_another_folder(there, address, certificate):
    """As on another machine: only the address, the token and the certificate are known."""
    there.mkdir(parents=True)
    trusted = certificate.read_text()
    with pytest.raises(EngineUnavailable, match="self-signed"):
        await join(there, address.url, address.token)
    with pytest.raises(EngineUnavailable, match="refused"):
        await join(there, address.url, "wrong", trusted)
    assert not (there / "engine.json").exists()
    await join(there, address.url, address.token, trusted)
    async with await HttpPort.connect(there) as port:
        assert (await port.status()).pid == address.pid
    with pytest.raises(EngineUnavailable, match="end it there"):
        await asyncio.to_thread(discover.stop, there)
    with pytest.raises(InvalidInput, match="Serve another folder"):
        process.serve(there)
    replace(Address.read(there), token="of an earlier start").write(there)
    with pytest.raises(EngineUnavailable, match="join"):
        await HttpPort.connect(there)


def test_a_certificate_that_clients_would_not_believe_is_refused_with_how_to_make_one(certificate):
    tls = Tls(*certificate)
    check(tls, ["127.0.0.1"])
    with pytest.raises(InvalidInput, match=r"subjectAltName=IP:127\.0\.0\.1,DNS:jobs\.example"):
        check(tls, ["127.0.0.1", "jobs.example"])
    with pytest.raises(InvalidInput, match="no certificate with its key"):
        check(Tls(tls.key, tls.certificate), ["127.0.0.1"])


async def test_a_workspace_is_not_joined_to_another(tmp_path):
    (tmp_path / "lock").touch()
    with pytest.raises(Conflict, match="another folder"):
        await join(tmp_path, "https://192.0.2.1:8443", "token")
    with pytest.raises(InvalidInput, match="https"):
        await join(tmp_path, "http://192.0.2.1:8443", "token")


@pytest.mark.parametrize(
    ("client", "here"), [("127.0.0.1", True), ("192.0.2.2", True), ("198.51.100.7", False)]
)
def test_files_are_written_and_read_only_for_clients_of_this_machine(client, here):
    scope = {"type": "http", "client": (client, 50_000), "server": ("192.0.2.2", 8443)}
    assert kit_routes._is_here(Request(scope)) is here
