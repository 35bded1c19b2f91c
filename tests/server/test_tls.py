"""Served to other machines, an engine speaks TLS, and its clients check whom they speak to."""

import asyncio
import shutil
import subprocess
import sys

import pytest

from luajobs_kit.address import Address
from luajobs_kit.client import HttpPort
from luajobs_kit.client.transport import ConnectionLost, Transport

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed here")

SERVE = """
import sys
from pathlib import Path
from luajobs_kit.server import process
folder, certificate, key = map(Path, sys.argv[1:])
process.serve(
    folder, host="127.0.0.1", tls=process.Tls(certificate, key),
    say=lambda line: print(line, flush=True),
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
    finally:
        engine.terminate()
        await engine.wait()
