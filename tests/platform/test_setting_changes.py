"""Settings changed by item, and hosts that no address can match."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luajobs_kit import Workspace
from luajobs_kit.errors import InvalidInput, NotFound
from luajobs_kit.platform.setting_changes import check_host, whole


@pytest.mark.parametrize(
    ("host", "instead"),
    [
        ("https://api.example.org", "write api.example.org"),
        ("https://api.example.org/v1?x=1", "write api.example.org"),
        ("user@example.org", "write example.org"),
        ("example.org:8080", "write example.org, which covers all its ports"),
        ("http://localhost:8080/", "write localhost, which covers all its ports"),
        ("example.org/path", "write example.org"),
        (".example.org", "write *.example.org for what is below it"),
        ("example.org.", "write example.org"),
        ("a.org, b.org", "give each host by itself"),
        ("a.org b.org", "give each host by itself"),
        ("[::1]", "write ::1"),
        ("[::1]:80", "write"),
        (" example.org", "write example.org"),
        ("xn--bcher-kva.example", "write the name as it is read: bücher.example"),
        ("a..org", "write a name such as"),
        ("https://", "write a name such as"),
    ],
)
def test_a_host_that_no_address_can_match_is_refused_with_what_can(host, instead):
    with pytest.raises(InvalidInput) as refused:
        check_host(host)
    assert instead in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "*.example.org",
        "*",
        "localhost",
        "127.0.0.1",
        "::1",
        "bücher.example",
        "a_b.c",
        "api-*.example.org",
        "EXAMPLE.org",
    ],
)
def test_a_host_that_an_address_can_match_is_taken(host):
    check_host(host)


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,8}){1,3}", fullmatch=True))
def test_every_host_of_an_address_is_taken(name):
    try:
        host = httpx.URL(f"https://{name}/").host
    except httpx.InvalidURL:
        return
    check_host(host)


def test_several_items_are_changed_at_once_or_none():
    kept = {"http_hosts": ["a.org"], "env": {"A": "1"}, "timeout_ceiling": 5}
    changed = whole({"http_hosts+": "b.org", "http_hosts-": ["a.org"], "env.B": "2"}, kept)
    assert changed == {"http_hosts": ["b.org"], "env": {"A": "1", "B": "2"}}
    assert whole({"env.A": None}, kept) == {"env": {}}
    for wrong in ({"timeout_ceiling+": 1}, {"none+": 1}, {"env.C": None}, {"http_hosts-": "c"}):
        with pytest.raises(InvalidInput):
            whole(wrong, kept)
    assert kept == {"http_hosts": ["a.org"], "env": {"A": "1"}, "timeout_ceiling": 5}


async def test_a_notebook_changes_settings_by_item():
    async with Workspace.in_process() as ws:
        await ws.settings.allow_host("api.example.org", "*.b.org")
        await ws.settings.set_env(API_KEY="sk-secret-1")
        values = await ws.settings.set_env(OTHER="sk-secret-2")
        assert values["http_hosts"] == ["api.example.org", "*.b.org"]
        assert values["env"] == {"API_KEY": "sk-secret-1", "OTHER": "sk-secret-2"}
        assert "sk-secret" not in repr(values)
        await ws.settings.forbid_host("*.b.org")
        values = await ws.settings.unset_env("OTHER")
        assert (values["http_hosts"], list(values["env"])) == (["api.example.org"], ["API_KEY"])
        with pytest.raises(InvalidInput, match=r"no address can match it; write api\.c\.org"):
            await ws.settings.allow_host("https://api.c.org")
        with pytest.raises((InvalidInput, NotFound)):
            await ws.settings.unset_env("NONE")
        assert "await ws.settings" in repr(ws.settings.allow_host("x.org"))
