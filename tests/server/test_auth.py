"""Authentication: requests that the engine answers, and those it refuses."""

import asyncio
import contextlib
import json
import stat
from pathlib import Path

import pytest

import luajobs_kit
from luajobs_kit import http_protocol
from luajobs_kit.errors import InvalidInput, VersionMismatch
from luajobs_kit.server import listening_sockets, process, unauthenticated_limit
from luajobs_kit.server.auth import Bucket


def request(address, path="/kit/v1/status", *, method="POST", host=None, body=b"", **headers):
    given = {
        "Host": host or address.url.removeprefix("http://"),
        "Authorization": f"Bearer {address.token}",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in given.items() if v is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_the_token_opens(address, raw):
    status, told = await raw(request(address))
    assert (status, told["success"]) == (200, True)


@pytest.mark.parametrize("path", ["/kit/v1/status", "/openapi.json", "/nothing", "/kit/v1/events"])
@pytest.mark.parametrize("given", [None, "Bearer ", "Bearer wrong", "Basic eDp5", "Bearer é"])
async def test_without_the_token_nothing_is_told(address, raw, path, given):
    status, told = await raw(request(address, path, Authorization=given))
    assert (status, told["success"]) == (401, False)
    assert set(told) == {"success", "error", "message", "statusCode"}


async def test_a_name_that_resolves_to_loopback_is_refused(address, raw):
    port = address.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""):
        status, _ = await raw(request(address, host=host or " "))
        assert status in {400, 421}, host
    assert (await raw(request(address, host=f"LOCALHOST:{port}")))[0] == 200


async def test_pages_of_other_origins_are_refused(address, raw):
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "file://", "http://["):
        assert (await raw(request(address, Origin=origin)))[0] == 403, origin
    assert (await raw(request(address, Origin=address.url)))[0] == 200


async def test_strangers_who_open_many_connections_are_closed_and_take_nobodys_place(address, raw):
    host, port = address.url.removeprefix("http://").split(":")
    there = [
        await asyncio.open_connection(host, port) for _ in range(2 * unauthenticated_limit.MOST)
    ]
    try:
        async with asyncio.timeout(10):
            for reader, _ in there[: unauthenticated_limit.MOST]:
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
        assert (await raw(request(address)))[0] == 200
    finally:
        for _, writer in there:
            writer.close()


async def test_many_connections_that_the_owner_opens_at_once_are_all_served(address):
    host, port = address.url.removeprefix("http://").split(":")
    many = 2 * unauthenticated_limit.MOST
    there = await asyncio.gather(*[asyncio.open_connection(host, port) for _ in range(many)])
    try:
        for _, writer in there:
            writer.write(request(address))
        answers = await asyncio.gather(*[reader.readline() for reader, _ in there])
        assert {answer.split()[1] for answer in answers} == {b"200"}
    finally:
        for _, writer in there:
            writer.close()


async def test_a_client_of_another_version_is_told_what_to_do(address, raw):
    status, told = await raw(request(address, X_Luajobs_Version="9.9.9"))
    assert status == http_protocol.STATUS[VersionMismatch]
    assert "luajobs stop" in told["error"]["message"]
    assert told["error"]["code"] == "version_mismatch"
    assert (await raw(request(address, X_Luajobs_Version=luajobs_kit.__version__)))[0] == 200


async def test_long_bodies_are_refused_whether_or_not_they_say_so(address, raw):
    status, told = await raw(request(address, body=b'{"x":"' + b"a" * (5 * 2**20) + b'"}'))
    assert status == 413, told
    chunk = b"%x\r\n" % 2**20 + b"a" * 2**20 + b"\r\n"
    head = request(address, Content_Length=None, Transfer_Encoding="chunked")
    try:
        status, _ = await raw(head + chunk * 6 + b"0\r\n\r\n")
    except ConnectionError:
        status = 413  # cut while it was still sending
    assert status == 413


async def test_long_headers_are_refused(address, raw):
    try:
        status, _ = await raw(request(address, X_Long="a" * 100_000))
    except ConnectionError:
        status = 431
    assert status in {400, 431}


async def test_only_json_is_read(address, raw):
    status, told = await raw(request(address, body=b"a=1", Content_Type="text/plain"))
    assert status == 415, told


async def test_an_acting_user_must_be_a_name(address, raw):
    for user in ("", "%00", "%0a", "a" * 300):
        assert (await raw(request(address, X_Lua_User=user)))[0] == 400, user


async def test_errors_hold_no_secret(address, raw):
    for asked in (
        request(address, "/kit/v1/get_job", body=b'{"jobId": "x"}'),
        request(address, "/kit/v1/nothing"),
        request(address, Authorization="Bearer wrong"),
        request(address, "/kit/v1/create_job", body=b"{"),
    ):
        _, told = await raw(asked)
        assert address.token not in json.dumps(told)


def test_the_files_of_the_workspace_are_the_owners_alone(engine_process):
    for file in engine_process.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_the_token_is_in_no_process_list_and_no_log(address, engine_process):
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            shown = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        assert address.token.encode() not in shown + environment
    assert address.token not in (engine_process / "engine.log").read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_other_machines_are_served_only_over_tls(host, tmp_path):
    with pytest.raises(InvalidInput, match=r"openssl req|--name"):
        process.serve(tmp_path, host=host)
    with pytest.raises(InvalidInput, match="openssl req"):
        process.serve(tmp_path, host=host, names=["jobs.example"])


def test_an_engine_answers_for_its_own_names_alone():
    assert listening_sockets.hosts(["127.0.0.1"], 8080) == ["127.0.0.1:8080", "localhost:8080"]
    assert listening_sockets.hosts(["::1"], 8080) == ["[::1]:8080", "localhost:8080"]
    assert listening_sockets.hosts(["0.0.0.0", "jobs.example"], 8443) == ["jobs.example:8443"]
    assert listening_sockets.hosts(["jobs.example"], 443) == ["jobs.example:443", "jobs.example"]


def test_rates_are_bounded_and_recover():
    now = [0.0]
    bucket = Bucket(rate=10, burst=2, now=lambda: now[0])
    assert [bucket.take(), bucket.take()] == [0.0, 0.0]
    assert bucket.take() == pytest.approx(0.1)
    now[0] = 0.1
    assert bucket.take() == 0.0


async def test_guessing_the_token_is_bounded_and_costs_the_owner_nothing(address, raw):
    guesses = await asyncio.gather(
        *(raw(request(address, Authorization=f"Bearer {n}")) for n in range(80))
    )
    statuses = {status for status, _ in guesses}
    assert statuses == {401, 429}
    assert (await raw(request(address)))[0] == 200


async def test_a_body_that_never_comes_holds_up_nobody(address, raw):
    host, _, port = address.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(address, Content_Length="1000"))
    try:
        assert (await raw(request(address)))[0] == 200
    finally:
        writer.close()
